// The load generators: whether the figures can be trusted is decided here.
import { bytes, count, number } from "./format";
import { connection, meta, run, version, workers } from "./store";

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
				<div class="table-box short" tabIndex={0} role="region" aria-label="Workers">
					<table class="plain">
						<thead>
							<tr>
								<th scope="col">Worker</th><th scope="col">State</th><th scope="col" class="num">Users</th>
								<th scope="col" colSpan={2}>CPU, % of a core</th><th scope="col" class="num">Loop busy</th>
								<th scope="col" class="num" title="longest pass of its loop since the last heartbeat">Loop delay, ms</th>
								<th scope="col" class="num">Memory</th><th scope="col">Version</th><th scope="col" class="num">Heard of</th>
							</tr>
						</thead>
						<tbody>
							{list.map((w) => (
								<tr key={w.id} class={w.state === "missing" ? "gone" : ""}>
									<th scope="row" class="text">{w.id}{w.local ? "" : " (remote)"}</th>
									<td class={w.state === "missing" ? "bad" : ""}>{w.state === "missing" ? "✗ missing" : w.state}</td>
									<td class="num">{count(w.users)}</td>
									<td class={`num${w.cpu > 90 ? " bad" : ""}`}>{w.cpu > 90 ? "⚠ " : ""}{number(w.cpu)}</td>
									<td><Meter value={w.cpu} limit={90} label={`CPU of ${w.id}`} /></td>
									<td class="num">{w.busy < 0 ? "–" : `${number(w.busy * 100)} %`}</td>
									<td class="num">{number(w.delay_ms)}</td>
									<td class="num">{bytes(w.memory)}</td>
									<td>{w.version ?? "Locust"}</td>
									<td class="num">{w.age < 1 ? "<1" : count(w.age)} s ago</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
			{run.value && run.value.workers_lost > 0 && (
				<p class="bad">{count(run.value.workers_lost)} lost in this test{run.value.workers_crashed > 0 &&
					`, ${count(run.value.workers_crashed)} of them by a crash: see the log`}</p>
			)}
			{connection.value !== "live" && <p class="muted">as last heard of</p>}
		</main>
	);
}
