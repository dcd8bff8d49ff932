// "Try once": one user of a class does each of its tasks in a process of its
// own, and every request of it is shown, before a thousand do the same.
import { useRef, useState } from "preact/hooks";
import { send, type Failure } from "./api";
import type { Load } from "./actions";
import { useFocus } from "./focus";
import { bytes, count, ms } from "./format";
import { canAct } from "./store";

interface Request {
	type: string;
	name: string;
	ms: number;
	bytes: number;
	error: string | null;
	tags: string | null;
}

interface Raised {
	raised: string;
	where: string;
}

interface Trial {
	passed: number;
	failed: number;
	problem: string | null;
	output: string;
	steps: { task: string; class: string; requests: (Request | Raised)[] }[];
}

function Line({ of }: { of: Request | Raised }) {
	if ("raised" in of)
		return <tr><th scope="row" class="text bad" colSpan={4}>✗ {of.raised} <small>{of.where}</small></th></tr>;
	return (
		<tr>
			<th scope="row" class="text">{of.type} <bdi>{of.name}</bdi>{of.tags && <small> {of.tags}</small>}</th>
			<td class="num">{ms(of.ms)}</td>
			<td class="num">{bytes(of.bytes)}</td>
			<td class={`text ${of.error ? "bad" : "good"}`}>{of.error ? `✗ ${of.error}` : "✓"}</td>
		</tr>
	);
}

function Story({ of }: { of: Trial }) {
	const steps = of.steps.filter((s) => s.requests.length > 0 || !["start", "stop"].includes(s.task));

	return (
		<>
			<p role="status" class={of.problem || of.failed ? "bad" : "good"}>
				{of.problem ? `✗ ${of.problem}` : of.failed ? `✗ ${count(of.failed)} failed` : "✓"}{" "}
				<span class="muted">{count(of.passed)} passed</span></p>
			{steps.length > 0 && (
				<div class="table-box short" tabIndex={0} role="region" aria-label="Requests of the try">
					<table class="plain">
						<thead><tr><th scope="col">Request</th><th scope="col" class="num">ms</th><th scope="col" class="num">Size</th>
							<th scope="col">Outcome</th></tr></thead>
						{steps.map((s, i) => (
							<tbody key={i}>
								<tr class="class"><th scope="rowgroup" colSpan={4}>{s.task}
									{s.requests.length === 0 && <small> no requests</small>}</th></tr>
								{s.requests.map((r, k) => <Line key={k} of={r} />)}
							</tbody>
						))}
					</table>
				</div>
			)}
			{of.output && <pre class="output" tabIndex={0} aria-label="Output">{of.output}</pre>}
		</>
	);
}

/** `fields`: of the form, as the next test would have them. */
export function TryOnce({ name, fields, onClose }: { name: string; fields: () => Load; onClose: () => void }) {
	const [trial, setTrial] = useState<Trial | Failure | null>(null);
	const [busy, setBusy] = useState(false);
	const box = useRef<HTMLElement>(null);
	const first = useRef<HTMLButtonElement>(null);

	useFocus(box, false, first);
	const go = async () => {
		setBusy(true);
		setTrial(null);
		setTrial(await send<Trial>("api/v1/try", { ...fields(), user_classes: name }));
		setBusy(false);
	};

	return (
		<section class="try" ref={box} aria-label={`Try ${name}`} aria-busy={busy}>
			<header><h3>Try {name} once</h3>
				<button type="button" class="quiet" aria-label="Close" onClick={onClose}>×</button></header>
			<p class="muted">One user does each task once, without waits. Nothing of it is counted.</p>
			<div class="buttons">
				<button type="button" disabled={busy || !canAct.value} ref={first} onClick={go}>{busy ? "Trying…" : trial ? "Try again" : "Try"}</button>
			</div>
			{trial && ("steps" in trial ? <Story of={trial} /> : <p class="bad" role="alert">✗ {trial.message}</p>)}
		</section>
	);
}
