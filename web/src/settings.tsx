// Options of modules, each with a control that fits its type.
import type { Failure } from "./api";
import { meta, type Setting } from "./store";

export const settingName = (s: Setting) => `${s.module}.${s.name}`;

function Control({ of, value, set, wrong }: { of: Setting; value: string; set: (v: string) => void; wrong: boolean }) {
	const common = {
		name: settingName(of), disabled: of.fixed !== null, "aria-invalid": wrong ? ("true" as const) : undefined,
		"aria-describedby": `${settingName(of)}-help`,
	};
	const options = of.type === "bool" ? ["true", "false"] : of.choices?.split("|");

	if (options)
		return (
			<select {...common} value={value} onChange={(e) => set(e.currentTarget.value)}>
				{!options.includes(value) && <option value={value}>{value || "–"}</option>}
				{options.map((o) => <option key={o} value={o}>{o}</option>)}
			</select>
		);
	if (of.secret)
		return <input {...common} type="password" value={value} autocomplete="off" onFocus={(e) => e.currentTarget.select()}
			onInput={(e) => set(e.currentTarget.value)} />;
	return (
		<input {...common} value={value} autocomplete="off"
			inputMode={of.type === "int" || of.type === "int64" ? "numeric" : of.type === "number" ? "decimal" : "text"}
			onInput={(e) => set(e.currentTarget.value)} />
	);
}

export function Settings({ values, set, refused }:
	{ values: Record<string, string>; set: (name: string, value: string) => void; refused: Failure | null }) {
	const list = meta.value!.settings;
	const changed = list.filter((s) => (values[settingName(s)] ?? s.value) !== s.value).length;

	if (list.length === 0)
		return null;
	return (
		<details class="options" open={list.length <= 8 || (refused?.field ?? "").includes(".")}>
			<summary><h3>Options{changed > 0 && <small class="warn-text"> {changed} changed</small>}</h3></summary>
			<div class="fields">
				{list.map((s) => {
					const name = settingName(s);
					const wrong = refused?.field === name;

					return (
						<label class="field" key={name}>
							<span>{name} <small>{s.type}</small></span>
							<Control of={s} value={values[name] ?? s.value} set={(v) => set(name, v)} wrong={wrong} />
							<small id={`${name}-help`} class={wrong ? "bad" : "muted"}>{wrong ? `✗ ${refused!.message}`
								: s.fixed ? `cannot be changed: ${s.fixed}` : s.help}</small>
						</label>
					);
				})}
			</div>
		</details>
	);
}
