// What was planned against what runs: classes, tasks, modules, options.
import { clock, count, ms, number, percent } from "./format";
import { classUsers, counters, meta, metrics, run, version, type Executor, type Metric, type Task } from "./store";

function Share({ planned, actual }: { planned: number; actual: number | null }) {
	return (
		<span class="share">
			<i class="planned" style={{ width: `${planned * 100}%` }} />
			{actual != null && <i class="actual" style={{ width: `${actual * 100}%` }} />}
		</span>
	);
}

interface Flat {
	path: string;
	name: string;
	weight: number;
	share: number;
	depth: number;
}

/** Tasks and those of nested sets, each with its share of the class. */
function flat(tasks: Task[], share: number, depth: number, above = ""): Flat[] {
	const sum = tasks.reduce((a, t) => a + (t.off ? 0 : t.weight), 0) || 1;

	return tasks.flatMap((t) => {
		const part = t.off ? 0 : (share * t.weight) / sum;
		const path = `${above}/${t.name}`;

		return [{ path, name: t.name, weight: t.weight, share: part, depth }, ...flat(t.tasks, part, depth + 1, path)];
	});
}

function progress(e: Executor): string {
	if (e.iterations_wanted > 0)
		return `${count(e.iterations_done)} of ${count(e.iterations_wanted)} iterations`;
	if (e.model === "rate")
		return `${count(e.arrivals_due)} arrivals due, ${count(e.arrivals_late)} late, ${count(e.arrivals_dropped)} dropped, ` +
			`${count(e.arrivals_queued)} queued`;
	return e.iterations_done > 0 ? `${count(e.iterations_done)} iterations` : "";
}

function Executors({ list }: { list: Executor[] }) {
	return (
		<div class="table-box short" tabIndex={0} role="region" aria-label="Executors">
			<table class="plain">
				<caption>Executors: who makes which load</caption>
				<thead>
					<tr>
						<th scope="col">Executor</th><th scope="col">Classes</th><th scope="col">Model</th><th scope="col">State</th>
						<th scope="col">Time</th><th scope="col" class="num">Users</th><th scope="col" class="num">Arrivals/s</th>
						<th scope="col">So far</th><th scope="col" class="num">Req/s</th><th scope="col" class="num">p95 ms</th>
					</tr>
				</thead>
				<tbody>
					{list.map((e) => (
						<tr key={e.name}>
							<th scope="row">{e.name || "the only one"}</th><td class="text">{e.classes}</td><td>{e.model}</td>
							<td>{e.state}{e.reason && <small> {e.reason}</small>}</td>
							<td>{clock(e.start_s)}–{e.time_s > 0 ? clock(e.start_s + e.time_s) : "end"}</td>
							<td class="num">{count(e.users)}/{count(e.users_target)}</td>
							<td class="num">{e.model === "rate" ? number(e.rate) : "–"}</td>
							<td>{progress(e)}</td>
							<td class="num">{number(e.requests_per_s)}</td><td class="num">{ms(e.p95_ms)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Metrics({ list }: { list: Metric[] }) {
	return (
		<div class="table-box short" tabIndex={0} role="region" aria-label="Metrics">
			<table class="plain">
				<caption>Metrics of the scenario</caption>
				<thead>
					<tr>
						<th scope="col">Metric</th><th scope="col">Kind</th><th scope="col" class="num">Count</th><th scope="col" class="num">Last</th>
						<th scope="col" class="num">Mean</th><th scope="col" class="num">Least</th><th scope="col" class="num">Most</th>
						<th scope="col" class="num">p50</th><th scope="col" class="num">p95</th><th scope="col" class="num">p99</th>
					</tr>
				</thead>
				<tbody>
					{list.map((x) => (
						<tr key={x.name}>
							<th scope="row" class="text">{x.name}{x.unit && <small> {x.unit}</small>}</th><td>{x.kind}</td>
							<td class="num">{count(x.count)}</td>
							{[x.last, x.mean, x.min, x.max, x.p50, x.p95, x.p99].map((v, i) => <td key={i} class="num">{number(v)}</td>)}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

export function Scenario() {
	const m = meta.value;
	const users = classUsers.value;
	const running = users.reduce((a, b) => a + b, 0);

	void version.value;
	if (!m)
		return <main id="content" />;
	const part = (c: { fixed_count: number; weight: number; disabled: boolean }) => (c.fixed_count || c.disabled ? 0 : c.weight);
	const weights = m.classes.reduce((sum, c) => sum + part(c), 0) || 1;
	const fixed = m.classes.reduce((sum, c) => sum + (c.disabled ? 0 : c.fixed_count), 0);
	const named = Object.entries(counters.value);

	return (
		<main id="content" class="scenario-view">
			{m.classes.length > 0 && <div class="table-box short" tabIndex={0} role="region" aria-label="Users">
				<table class="plain">
					<caption>{m.scenario}: users and their tasks</caption>
					<thead>
						<tr>
							<th scope="col">User, task</th><th scope="col" class="num">Weight</th><th scope="col" class="num">Planned</th>
							<th scope="col" class="num">Running</th><th scope="col" class="num">Actual</th><th scope="col"><span class="key c-muted">planned</span> <span class="key c-blue">actual</span></th>
						</tr>
					</thead>
					<tbody>
						{m.classes.map((c, i) => {
							const planned = c.disabled ? 0 : c.fixed_count && running > 0 ? Math.min(1, c.fixed_count / running)
								: running > 0 ? (c.weight / weights) * Math.max(0, 1 - fixed / running) : c.weight / weights;
							const actual = running > 0 ? users[i] / running : null;
							const off = actual != null && running >= 20 && Math.abs(actual - planned) > 0.05;

							return [
								<tr key={c.name} class="class">
									<th scope="row">{c.name}{c.host && <small class="muted"> {c.host}</small>}</th>
									<td class="num">{c.fixed_count ? `exactly ${c.fixed_count}` : c.weight}</td>
									<td class="num">{percent(planned, 1)}</td>
									<td class="num">{count(users[i] ?? 0)}</td>
									<td class={`num${off ? " warn-text" : ""}`}>{actual == null ? "–" : `${off ? "⚠ " : ""}${percent(actual, 1)}`}</td>
									<td><Share planned={planned} actual={actual} /></td>
								</tr>,
								...flat(c.tasks, 1, 1).map((t) => (
									<tr key={`${c.name}/${t.path}`} class="task">
										<th scope="row" class={`depth-${Math.min(4, t.depth)}`}>{t.name}</th>
										<td class="num">{t.weight}</td>
										<td class="num">{percent(t.share, 1)}</td>
										<td /><td />
										<td><Share planned={t.share} actual={null} /></td>
									</tr>
								)),
							];
						})}
					</tbody>
				</table>
			</div>}
			{run.value && run.value.executors.length > 0 && (m.classes.length === 0 || run.value.executors.length > 1 || run.value.executors[0]?.model !== "users") &&
				<Executors list={run.value.executors} />}
			{metrics.value.length > 0 && <Metrics list={metrics.value} />}
			{named.length > 0 && (
				<>
					<h2>Counters</h2>
					<dl class="settings">{named.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{count(v)}</dd></div>)}</dl>
				</>
			)}
			{m.classes.length > 0 && <h2>Options in force</h2>}
			{m.classes.length === 0 ? null : m.settings.length === 0 ? <p class="muted">the modules have none</p> : (
				<dl class="settings">
					{m.settings.map((s) => (
						<div key={`${s.module}.${s.name}`}><dt>{s.module}.{s.name}</dt><dd>{s.value || "–"}</dd>
							<dd class="muted">{s.help}</dd></div>
					))}
				</dl>
			)}
			{m.modules.length > 0 && <h2>Modules</h2>}
			<dl class="settings">
				{m.modules.map((x) => (
					<div key={x.path}><dt>{x.name} {x.version}</dt><dd class="muted">{x.summary} {x.path}</dd></div>
				))}
			</dl>
			{m.command_line && <p class="command"><span class="muted">Command line</span><code>{m.command_line}</code></p>}
		</main>
	);
}
