// The start form: what will run, with which load, and where to.
import { useEffect, useRef, useState } from "preact/hooks";
import { start, type Load } from "./actions";
import type { Failure } from "./api";
import { Classes } from "./classes";
import { clock, number } from "./format";
import { Plan, Ramp } from "./plan";
import { Presets } from "./presets";
import { Settings, settingName } from "./settings";
import { canAct, meta, run, workers, type Executor } from "./store";

function seconds(text: string): number {
	const plain = Number(text);

	if (text.trim() !== "" && Number.isFinite(plain))
		return plain;
	let sum = 0;
	const rest = text.replace(/(\d+(?:\.\d+)?)(ms|us|[dhms])/g, (_all, n: string, unit: string) => {
		sum += Number(n) * { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6 }[unit]!;
		return "";
	});

	return rest.trim() === "" && text !== "" ? sum : NaN;
}

function problem(field: string, value: string): string {
	const n = Number(value);

	switch (field) {
	case "user_count":
		return value !== "" && Number.isInteger(n) && n >= 1 && n <= 1e7 ? "" : "a whole number from 1 to 10 000 000";
	case "spawn_rate":
		return value !== "" && Number.isFinite(n) && n > 0 ? "" : "a number over 0";
	case "run_time":
		return value === "" || seconds(value) >= 0 ? "" : "such as 30s, 10m or 1h20m; empty: until stopped";
	case "rate":
		return value === "" || (Number.isFinite(n) && n > 0) ? "" : "a number over 0";
	case "host":
		return /[\s<>"]/.test(value) ? "an address without blanks" : "";
	}
	return "";
}

function quote(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

/** What the scenario or the command line says of the load. */
function Declared({ executors }: { executors: Executor[] }) {
	return (
		<p class="muted">The load is declared: {executors.map((e) => `${e.name ? `${e.name}: ` : ""}${e.model}` +
			`${e.iterations_wanted ? ` ${number(e.iterations_wanted)}` : ""}${e.start_s ? ` from ${clock(e.start_s)}` : ""}`).join(", ")}.</p>
	);
}

export function Start({ onStarted }: { onStarted: () => void }) {
	const m = meta.value;
	const r = run.value;
	const [values, setValues] = useState<Record<string, string>>({});
	const [settings, setSettings] = useState<Record<string, string>>({});
	const [classes, setClasses] = useState<Set<string> | null>(null);
	const [refused, setRefused] = useState<Failure | null>(null);
	const [busy, setBusy] = useState(false);
	const first = useRef<HTMLInputElement>(null);

	useEffect(() => {
		first.current?.focus();
		first.current?.select();
	}, [m === null]);
	if (!m || !r)
		return <p class="muted pad">Loading…</p>;
	// What the load is by: numbers, or what the scenario or the command line has.
	const executor = r.executors.length === 1 ? r.executors[0] : null;
	const plain = r.executors.length === 0 || executor?.model === "users";
	const names = plain ? ["user_count", "spawn_rate", "run_time", "host"]
		: executor?.model === "rate" ? ["rate", "run_time", "host"]
		: executor && executor.model !== "shape" ? ["user_count", "run_time", "host"] : ["run_time", "host"];
	const chosen = classes ?? new Set(m.classes.filter((c) => !c.disabled).map((c) => c.name));
	// What was used last, else what the command line said.
	const given: Record<string, string> = {
		user_count: String(r.target || m.load.users || 1),
		spawn_rate: String(r.spawn_rate || m.load.spawn_rate || 1),
		run_time: (r.run_time || m.load.run_time) > 0 ? `${r.run_time || m.load.run_time}s` : "",
		host: r.host ?? m.load.host ?? "",
		rate: "",
	};
	const value = (f: string) => values[f] ?? given[f];
	const ready = workers.value.filter((w) => w.state !== "missing").length;
	const why = !canAct.value ? "swarm does not answer"
		: r.state === "stopping" ? "the last test is still stopping"
		: ready === 0 ? "no worker is there yet"
		: m.classes.length === 0 ? "the scenario declares no users"
		: chosen.size === 0 ? "no class gets users" : "";
	const problems = names.filter((f) => problem(f, value(f)));
	const changed = m.settings.filter((s) => (settings[settingName(s)] ?? s.value) !== s.value);
	const fields = (): Load => ({
		...Object.fromEntries(names.map((n) => [n, value(n)])), run_time: value("run_time") || "0",
		...Object.fromEntries(changed.map((s) => [settingName(s), settings[settingName(s)]])),
		...(classes ? { user_classes: [...chosen] } : {}),
	});
	const fill = (list: [string, string][]) => {
		const known = new Set(m.settings.map(settingName));
		const picked = list.filter(([n]) => n === "user_classes").map(([, v]) => v);

		setValues(Object.fromEntries(list.filter(([n]) => names.includes(n)).map(([n, v]) => [n, n === "run_time" && v === "0" ? "" : v])));
		setSettings(Object.fromEntries(list.filter(([n]) => known.has(n))));
		setClasses(picked.length > 0 ? new Set(picked) : null);
		setRefused(null);
	};
	const submit = async (e: Event) => {
		e.preventDefault();
		if (why || problems.length > 0)
			return;
		setBusy(true);
		setRefused(null);
		const failure = await start(fields());

		setBusy(false);
		if (failure)
			setRefused(failure);
		else
			onStarted();
	};
	const field = (name: string, label: string, help: string, mode: "numeric" | "decimal" | "text" | "url") => {
		const wrong = problem(name, value(name)) || (refused?.field === name ? refused.message : "");

		return (
			<label class="field">
				<span>{label}</span>
				<input ref={name === "user_count" ? first : undefined} name={name} inputMode={mode} value={value(name)}
					aria-invalid={wrong ? "true" : undefined} aria-describedby={`${name}-help`} autocomplete="off"
					onInput={(e) => {
						setValues({ ...values, [name]: e.currentTarget.value });
						setRefused(null);
					}} />
				<small id={`${name}-help`} class={wrong ? "bad" : "muted"}>{wrong ? `✗ ${wrong}` : help}</small>
			</label>
		);
	};
	const command = [`swarm -f ${quote(m.scenario ?? "x.c")}`, "--headless",
		value("host") && `-H ${quote(value("host"))}`, names.includes("user_count") && `-u ${quote(value("user_count"))}`,
		plain && `-r ${quote(value("spawn_rate"))}`, value("rate") && `--rate ${quote(value("rate"))}`,
		value("run_time") && `-t ${quote(value("run_time"))}`,
		...changed.filter((s) => !s.secret).map((s) => `-o ${quote(`${settingName(s)}=${settings[settingName(s)]}`)}`),
		...(chosen.size < m.classes.length ? [...chosen].map(quote) : [])].filter(Boolean).join(" ");

	return (
		<main id="content" class="start">
			<form onSubmit={submit} aria-label="New test" noValidate>
				<h1>{r.state === "ready" ? "Start a test" : "Start another test"}</h1>
				<Presets fields={fields} fill={fill} />
				{!plain && <Declared executors={r.executors} />}
				<div class="fields">
					{names.includes("user_count") && field("user_count", "Users", "at the peak", "numeric")}
					{plain && field("spawn_rate", "Spawn rate", "users a second", "decimal")}
					{names.includes("rate") && field("rate", "Arrivals", "a second; empty: as declared", "decimal")}
					{field("host", "Host", "where the target is; empty: as the scenario says", "url")}
					{field("run_time", "Run time", "such as 10m; empty: until stopped", "text")}
				</div>
				{problems.length === 0 && (plain
					? <Ramp users={Number(value("user_count"))} rate={Number(value("spawn_rate"))}
						time={seconds(value("run_time")) || 0} />
					: <Plan wish={{ run_time: value("run_time") || "0", ...(value("rate") ? { rate: value("rate") } : {}),
						...(names.includes("user_count") ? { user_count: value("user_count") } : {}) }} />)}
				<Settings values={settings} refused={refused} set={(n, v) => {
					setSettings({ ...settings, [n]: v });
					setRefused(null);
				}} />
				{refused && !(refused.field && (names.includes(refused.field) || refused.field.includes("."))) && <p class="bad" role="alert">✗ {refused.message}</p>}
				<div class="buttons">
					<button class="primary" disabled={why !== "" || problems.length > 0 || busy}>Start</button>
					{why && <span class="warn-text">{why}</span>}
				</div>
				{ready === 0 && canAct.value && (
					<p>Start one with <code>swarm -f {m.scenario} --worker --master-host {location.hostname}</code></p>
				)}
				<p class="command"><span class="muted">The same without this page</span><code>{command}</code></p>
			</form>
			<section aria-label="Scenario">
				<h2>{m.scenario}</h2>
				<Classes chosen={chosen} choose={setClasses} fields={fields} />
				<h3>Workers</h3>
				<p class={ready === 0 ? "warn-text" : ""}>{ready} ready</p>
			</section>
		</main>
	);
}
