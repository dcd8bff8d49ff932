// Which classes get users, and what may be changed of each: weight, a fixed
// count, the host, the tasks.
import { useRef, useState } from "preact/hooks";
import { changeUser, type Load } from "./actions";
import { useFocus } from "./focus";
import { canAct, meta, type Task, type UserClass } from "./store";
import { TryOnce } from "./try";

function Tasks({ tasks }: { tasks: Task[] }) {
	return (
		<ul>
			{tasks.map((t) => (
				<li key={t.name} class={t.off ? "off" : ""}>{t.name} <span class="muted">{t.off ? "left out" : `×${t.weight}`}</span>
					{t.tasks.length > 0 && <Tasks tasks={t.tasks} />}</li>
			))}
		</ul>
	);
}

function ClassForm({ of, onClose }: { of: UserClass; onClose: () => void }) {
	const [weight, setWeight] = useState(String(of.weight));
	const [fixed, setFixed] = useState(String(of.fixed_count));
	const [host, setHost] = useState(of.host ?? "");
	const [tasks, setTasks] = useState(new Set(of.tasks.filter((t) => !t.off).map((t) => t.name)));
	const [error, setError] = useState("");
	const box = useRef<HTMLDivElement>(null);

	const first = useRef<HTMLInputElement>(null);

	useFocus(box, true, first);
	const submit = async (e: Event) => {
		e.preventDefault();
		const chosen = of.tasks.filter((t) => tasks.has(t.name)).map((t) => t.name);
		const failure = await changeUser({
			user_class_name: of.name, weight: Number(weight), fixed_count: Number(fixed),
			...(host !== (of.host ?? "") ? { host } : {}), ...(of.tasks.length > 0 ? { tasks: chosen } : {}),
		});

		if (failure)
			setError(failure.message);
		else
			onClose();
	};

	return (
		<div class="cover" onClick={onClose}>
			<div class="dialog" ref={box} role="dialog" aria-modal="true" aria-label={`User class ${of.name}`} onClick={(e) => e.stopPropagation()}
				onKeyDown={(e) => { if (e.key === "Escape") onClose(); }}>
				<form onSubmit={submit}>
					<h2>{of.name}</h2>
					<div class="fields">
						<label class="field"><span>Weight</span>
							<input ref={first} name="weight" inputMode="decimal" value={weight} onInput={(e) => setWeight(e.currentTarget.value)} /></label>
						<label class="field"><span>Fixed count</span>
							<input name="fixed_count" inputMode="numeric" value={fixed} onInput={(e) => setFixed(e.currentTarget.value)} />
							<small class="muted">0: by weight</small></label>
						<label class="field"><span>Host</span>
							<input name="class_host" value={host} onInput={(e) => setHost(e.currentTarget.value)} />
							<small class="muted">where no other is given for all</small></label>
					</div>
					<fieldset>
						<legend>Tasks</legend>
						{of.tasks.map((t) => (
							<label key={t.name}><input type="checkbox" checked={tasks.has(t.name)}
								onChange={(e) => {
									const next = new Set(tasks);

									if (e.currentTarget.checked)
										next.add(t.name);
									else
										next.delete(t.name);
									setTasks(next);
								}} /> {t.name} <span class="muted">×{t.weight}</span></label>
						))}
					</fieldset>
					{error && <p class="bad" role="alert">✗ {error}</p>}
					<div class="buttons">
						<button class="primary" disabled={!canAct.value || tasks.size === 0}>Save</button>
						<button type="button" onClick={onClose}>Cancel</button>
						<span class="muted">holds from the next test on</span>
					</div>
				</form>
			</div>
		</div>
	);
}

/** `chosen`: those that get users; `fields`: of the form. */
export function Classes({ chosen, choose, fields }:
	{ chosen: Set<string>; choose: (next: Set<string>) => void; fields: () => Load }) {
	const [open, setOpen] = useState<string | null>(null);
	const [trying, setTrying] = useState<string | null>(null);
	const classes = meta.value!.classes;
	const weights = classes.reduce((sum, c) => sum + (c.fixed_count || !chosen.has(c.name) ? 0 : c.weight), 0) || 1;
	const of = classes.find((c) => c.name === open);

	return (
		<>
			<ul class="classes">
				{classes.map((c) => (
					<li key={c.name}>
						<label><input type="checkbox" checked={chosen.has(c.name)} aria-label={`users of ${c.name}`}
							onChange={(e) => {
								const next = new Set(chosen);

								if (e.currentTarget.checked)
									next.add(c.name);
								else
									next.delete(c.name);
								choose(next);
							}} /> <b>{c.name}</b></label>{" "}
						<span class="muted">{!chosen.has(c.name) ? "no users" : c.fixed_count ? `exactly ${c.fixed_count}` :
							`weight ${c.weight} (${Math.round((100 * c.weight) / weights)} %)`}</span>{" "}
						<button type="button" class="link" aria-label={`Change ${c.name}`} onClick={() => setOpen(c.name)}>Change…</button>
						<button type="button" class="link" aria-label={`Try once: ${c.name}`} aria-expanded={trying === c.name}
							onClick={() => setTrying(trying === c.name ? null : c.name)}>Try once</button>
						<Tasks tasks={c.tasks} />
						{trying === c.name && <TryOnce name={c.name} fields={fields} onClose={() => setTrying(null)} />}
					</li>
				))}
			</ul>
			{of && <ClassForm of={of} onClose={() => setOpen(null)} />}
		</>
	);
}
