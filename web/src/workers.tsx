// The load generators: whether the figures can be trusted is decided here.
import type { ComponentChildren } from "preact";
import { bytes, count, number, percent } from "./format";
import { tell } from "./actions";
import { logSource } from "./logview";
import { tab } from "./route";
import { active, canAct, connection, generator, meta, run, verdict, version, workers, type Worker } from "./store";

function Actions({ of }: { of: Worker }) {
	const act = (what: string) => tell(`api/v1/workers/${what}`, { id: of.id });

	return (
		<td>
			{of.state !== "missing" && (
				<>
					<button class="quiet" disabled={!canAct.value} aria-label={`${of.drained ? "Refill" : "Drain"} ${of.id}`}
						title={of.drained ? "it may have users again" : "its users move to the others"}
						onClick={() => act(of.drained ? "refill" : "drain")}>{of.drained ? "Refill" : "Drain"}</button>
					<button class="quiet" disabled={!canAct.value} aria-label={`Remove ${of.id}`}
						title="its users move to the others, and it ends" onClick={() => act("remove")}>Remove</button>
				</>
			)}
			<button class="quiet" aria-label={`Log of ${of.id}`}
				onClick={() => { logSource.value = of.id; tab.value = "log"; }}>Log</button>
		</td>
	);
}

/** Of what may run out, such as descriptors: how much of it only when most is gone. */
function part(now: number | null, most: number | null): string {
	return now == null ? "–" : most == null || now < 0.8 * most ? count(now) : `⚠ ${count(now)} of ${count(most)}`;
}

const limits: Record<string, string> = { none: "nothing", system: "the system under test", generator: "this generator",
	schedule: "the schedule", network: "the network", unknown: "not known yet" };

function Meter({ value, limit, label }: { value: number; limit: number; label: string }) {
	return <meter min={0} max={100} high={limit} value={Math.min(100, Math.max(0, value))} aria-label={label}>{number(value)}</meter>;
}

interface Column {
	label: string;
	title?: string;
	/** Left of it, not in a column of figures. */
	text?: boolean;
	/** Of one that was lost, too; of the others its last word would mislead. */
	lasting?: boolean;
	/** Only where a worker has something to say; the room is dear. */
	when?: (list: Worker[]) => boolean;
	tone?: (w: Worker) => string;
	show: (w: Worker) => ComponentChildren;
	titleOf?: (w: Worker) => string | undefined;
}

const of = (most: number | null) => (most == null ? undefined : `of ${count(most)}`);

const columns: Column[] = [
	{ label: "State", text: true, lasting: true, tone: (w) => (w.state === "missing" ? "bad" : ""),
		show: (w) => (w.state === "missing" ? "✗ missing" : w.drained ? "drained" : w.state) },
	{ label: "Users", lasting: true, show: (w) => count(w.users) },
	{ label: "CPU, % of a core", tone: (w) => (w.cpu > 90 ? "bad" : ""),
		show: (w) => <>{w.cpu > 90 ? "⚠ " : ""}{number(w.cpu)} <Meter value={w.cpu} limit={90} label={`CPU of ${w.id}`} /></> },
	{ label: "Busy", title: "share of time its loop works", show: (w) => (w.busy < 0 ? "–" : percent(w.busy, 1)) },
	{ label: "Delay, ms", title: "longest pass of its loop since the last heartbeat", show: (w) => number(w.delay_ms) },
	{ label: "p99", title: "99th percentile of the passes of its loop in the last second, ms", show: (w) => number(w.delay_p99_ms) },
	{ label: "Memory", show: (w) => bytes(w.memory) },
	{ label: "Descriptors", title: "open files and sockets", titleOf: (w) => of(w.descriptors_max), show: (w) => part(w.descriptors, w.descriptors_max) },
	{ label: "Sockets", title: "TCP sockets of its machine", titleOf: (w) => of(w.ports_max), when: (list) => list.some((w) => w.sockets != null),
		show: (w) => part(w.sockets, w.ports_max) },
	{ label: "Resent", title: "share of TCP segments", when: (list) => list.some((w) => w.segments_resent != null),
		show: (w) => (w.segments_resent == null ? "–" : percent(w.segments_resent, 1)) },
	{ label: "Dropped", title: "arrivals that found no user free", when: (list) => list.some((w) => w.dropped_arrivals > 0), lasting: true,
		show: (w) => count(w.dropped_arrivals) },
	{ label: "Clock, ms", title: "the master's minus its own, and how far off that may be",
		when: (list) => list.some((w) => !w.local && w.clock_error_ms != null),
		show: (w) => (w.local || w.clock_error_ms == null ? "–" : `${number(w.clock_offset_ms)} ± ${number(w.clock_error_ms)}`) },
	{ label: "Version", text: true, lasting: true, when: (list) => list.some((w) => w.version !== meta.value?.version),
		show: (w) => w.version ?? "Locust" },
	{ label: "Heard of", lasting: true, when: () => !verdict.value, show: (w) => `${w.age < 1 ? "<1" : count(w.age)} s ago` },
];

function Row({ of: w, shown }: { of: Worker; shown: Column[] }) {
	const gone = w.state === "missing";

	return (
		<tr class={gone ? "gone" : ""}>
			<th scope="row" class="text">{w.id}{w.local ? "" : " (remote)"}</th>
			{!verdict.value && <Actions of={w} />}
			{shown.map((c) => (
				<td key={c.label} class={`${c.text ? "" : "num "}${c.tone?.(w) ?? ""}`} title={c.titleOf?.(w)}>
					{gone && !c.lasting ? "–" : c.show(w)}</td>
			))}
		</tr>
	);
}

export function Workers() {
	void version.value;
	const list = workers.value;
	const shown = columns.filter((c) => !c.when || c.when(list));

	return (
		<main id="content" class="workers">
			{list.length === 0 ? (
				<section class="empty">
					<h2>No worker</h2>
					<p>Start one with <code>swarm -f {meta.value?.scenario ?? "x.c"} --worker --master-host {location.hostname}</code></p>
				</section>
			) : (
				<>
					{generator.value.limited_by && (
						<p class={`limit${generator.value.limited_by === "generator" ? " warn-text" : " muted"}`}>
							{active.value ? "Limits the run so far" : "Limited the run"}:{" "}
							<b>{limits[generator.value.limited_by] ?? generator.value.limited_by}</b>
							{generator.value.reason && ` – ${generator.value.reason}`}
						</p>
					)}
					<div class="table-box short" tabIndex={0} role="region" aria-label="Workers">
						<table class="plain">
							<thead>
								<tr>
									<th scope="col">Worker</th>
									{!verdict.value && <th scope="col"><span class="sr">Actions</span></th>}
									{shown.map((c) => <th key={c.label} scope="col" class={c.text ? "" : "num"} title={c.title}>{c.label}</th>)}
								</tr>
							</thead>
							<tbody>{list.map((w) => <Row key={w.id} of={w} shown={shown} />)}</tbody>
						</table>
					</div>
				</>
			)}
			{run.value && run.value.workers_lost > 0 && (
				<p class="bad">{count(run.value.workers_lost)} lost in this test{run.value.workers_crashed > 0 &&
					`, ${count(run.value.workers_crashed)} of them by a crash: see the log`}</p>
			)}
			{connection.value !== "live" && !verdict.value && <p class="muted">as last heard of</p>}
		</main>
	);
}
