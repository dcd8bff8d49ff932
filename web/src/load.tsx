// The load of the test that runs: another target, a pause, a shape taken over.
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { edit, pause, resume, type Load } from "./actions";
import { useFocus } from "./focus";
import { clock, count } from "./format";
import { Plan } from "./plan";
import { canAct, run } from "./store";

export const editOpen = signal(false);

export function PauseButton() {
	const r = run.value!;

	if (r.state === "stopping")
		return null;
	return (
		<button disabled={!canAct.value} aria-pressed={r.paused} onClick={() => (r.paused ? resume() : pause())}>
			{r.paused ? "Resume" : "Pause"}
		</button>
	);
}

function Step({ by, label, set, value }: { by: number; label: string; set: (v: string) => void; value: string }) {
	return (
		<button type="button" class="quiet" aria-label={label}
			onClick={() => set(String(Math.max(1, (Number(value) || 0) + by)))}>{by > 0 ? "+" : "−"}{Math.abs(by)}</button>
	);
}

export function EditLoad() {
	const r = run.value!;
	const [name, setName] = useState(r.executors[0]?.name ?? "");
	const executor = r.executors.find((e) => e.name === name) ?? r.executors[0];
	const several = r.executors.length > 1;
	const target = several ? executor.users_target : r.target;
	const [users, setUsers] = useState(String(target));
	const [spawn, setSpawn] = useState(String(executor ? Math.min(executor.spawn_rate || r.spawn_rate, 1e6) : r.spawn_rate));
	const [rate, setRate] = useState(executor?.rate ? String(executor.rate) : "");
	const [manual, setManual] = useState(false);
	const [error, setError] = useState("");
	const box = useRef<HTMLFormElement>(null);
	const first = useRef<HTMLInputElement>(null);
	const open = executor?.model === "rate";
	const shaped = executor?.model === "shape";
	const change = Number(users) - (several ? executor.users : r.users);
	const step = Math.max(1, 10 ** (String(target).length - 1));

	useFocus(box, false, first);
	useLayoutEffect(() => first.current?.select(), [name]);
	const choose = (next: string) => {
		const e = r.executors.find((x) => x.name === next)!;

		setName(next);
		setUsers(String(e.users_target));
		setSpawn(String(Math.min(e.spawn_rate, 1e6)));
		setRate(e.rate ? String(e.rate) : "");
		setManual(false);
	};
	const wish: Load = open && rate !== "" ? { rate } : { user_count: users, spawn_rate: spawn };
	const submit = async (e: Event) => {
		e.preventDefault();
		const failure = await edit({
			...wish, ...(several ? { executor: name } : {}), ...(shaped ? { manual: "true" } : {}),
		});

		if (failure)
			setError(failure.message);
		else
			editOpen.value = false;
	};

	return (
		<form class="popover wide" ref={box} onSubmit={submit} aria-label="Edit load"
			onKeyDown={(e) => { if (e.key === "Escape") editOpen.value = false; }}>
			{several && (
				<label>Executor <select value={name} onChange={(e) => choose(e.currentTarget.value)}>
					{r.executors.map((e) => <option key={e.name} value={e.name}>{e.name} ({e.model})</option>)}
				</select></label>
			)}
			{shaped && (
				<label>A shape decides: take over <input type="checkbox" checked={manual}
					onChange={(e) => setManual(e.currentTarget.checked)} /></label>
			)}
			{open ? (
				<label>Arrivals a second <input ref={first} inputMode="decimal" value={rate}
					onInput={(e) => setRate(e.currentTarget.value)} /></label>
			) : (
				<>
					<label>Users <span class="steps">
						<Step by={-step} label={`${step} fewer users`} set={setUsers} value={users} />
						<input ref={first} inputMode="numeric" value={users} disabled={shaped && !manual}
							onInput={(e) => setUsers(e.currentTarget.value)} />
						<Step by={step} label={`${step} more users`} set={setUsers} value={users} />
					</span></label>
					<label>Spawn rate <input inputMode="decimal" value={spawn} disabled={shaped && !manual}
						onInput={(e) => setSpawn(e.currentTarget.value)} /></label>
					<p class="muted">
						{change === 0 ? "as many as there are" : Number.isFinite(change) && Number(spawn) > 0
							? `${change >= 0 ? "+" : "−"}${count(Math.abs(change))} users over ${clock(Math.abs(change) / Number(spawn))}`
							: "\u00a0"}
					</p>
				</>
			)}
			{(several || open || shaped) && (
				<Plan wish={{ executor: several ? name : undefined, run_time: String(r.run_time || 0),
					...(open && rate !== "" ? { rate } : {}) }} />
			)}
			{error && <p class="bad" role="alert">{error}</p>}
			<div class="buttons">
				<button class="primary" disabled={!canAct.value || (shaped && !manual)}>Apply</button>
				<button type="button" onClick={() => { editOpen.value = false; }}>Cancel</button>
			</div>
		</form>
	);
}
