// The load generators: whether the figures can be trusted is decided here.
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

/** What it has of what it may have, such as descriptors. */
function part(now: number | null, most: number | null): string {
	return now == null ? "–" : most == null ? count(now) : `${count(now)} of ${count(most)}`;
}

const limits: Record<string, string> = { none: "nothing", system: "the system under test", generator: "this generator",
	schedule: "the schedule", network: "the network", unknown: "not known yet" };

function Meter({ value, limit, label }: { value: number; limit: number; label: string }) {
	return <meter min={0} max={100} high={limit} value={Math.min(100, Math.max(0, value))} aria-label={label}>{number(value)}</meter>;
}

export function Workers() {
	void version.value;
	const list = workers.value;

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
								<th scope="col">Worker</th>{!verdict.value && <th scope="col"><span class="sr">Actions</span></th>}<th scope="col">State</th><th scope="col" class="num">Users</th>
								<th scope="col" colSpan={2}>CPU, % of a core</th><th scope="col" class="num" title="share of time its loop works">Busy</th>
								<th scope="col" class="num" title="longest pass of its loop since the last heartbeat">Delay, ms</th>
								<th scope="col" class="num" title="99th percentile of its last second">p99</th>
								<th scope="col" class="num">Memory</th><th scope="col" class="num" title="open files and sockets">Descriptors</th>
								<th scope="col" class="num" title="TCP sockets of its machine">Sockets</th>
								<th scope="col" class="num" title="share of TCP segments">Resent</th>
								<th scope="col" class="num" title="arrivals that found no user free">Dropped</th>
								<th scope="col" class="num" title="the master's minus its own, and how far off that may be">Clock, ms</th><th scope="col">Version</th><th scope="col" class="num">Heard of</th>
							</tr>
						</thead>
						<tbody>
							{list.map((w) => (
								<tr key={w.id} class={w.state === "missing" ? "gone" : ""}>
									<th scope="row" class="text">{w.id}{w.local ? "" : " (remote)"}</th>
									{!verdict.value && <Actions of={w} />}
									<td class={w.state === "missing" ? "bad" : ""}>{w.state === "missing" ? "✗ missing" : w.drained ? "drained" : w.state}</td>
									<td class="num">{count(w.users)}</td>
									<td class={`num${w.cpu > 90 ? " bad" : ""}`}>{w.cpu > 90 ? "⚠ " : ""}{number(w.cpu)}</td>
									<td><Meter value={w.cpu} limit={90} label={`CPU of ${w.id}`} /></td>
									<td class="num">{w.busy < 0 ? "–" : `${number(w.busy * 100)} %`}</td>
									<td class="num">{number(w.delay_ms)}</td>
									<td class="num">{number(w.delay_p99_ms)}</td>
									<td class="num">{bytes(w.memory)}</td>
									<td class="num">{part(w.descriptors, w.descriptors_max)}</td>
									<td class="num">{part(w.sockets, w.ports_max)}</td>
									<td class="num">{w.segments_resent == null ? "–" : percent(w.segments_resent, 1)}</td>
									<td class="num">{count(w.dropped_arrivals)}</td>
									<td class="num">{w.local || w.clock_error_ms == null ? "–" : `${number(w.clock_offset_ms)} ± ${number(w.clock_error_ms)}`}</td>
									<td>{w.version ?? "Locust"}</td>
									<td class="num">{verdict.value ? "–" : `${w.age < 1 ? "<1" : count(w.age)} s ago`}</td>
								</tr>
							))}
						</tbody>
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
