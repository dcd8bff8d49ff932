// What was planned against what runs: classes, tasks, modules, options.
import { count } from "./format";
import { classUsers, counters, meta, version, type Task } from "./store";

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
	const sum = tasks.reduce((a, t) => a + t.weight, 0) || 1;

	return tasks.flatMap((t) => {
		const part = (share * t.weight) / sum;
		const path = `${above}/${t.name}`;

		return [{ path, name: t.name, weight: t.weight, share: part, depth }, ...flat(t.tasks, part, depth + 1, path)];
	});
}

export function Scenario() {
	const m = meta.value;
	const users = classUsers.value;
	const running = users.reduce((a, b) => a + b, 0);

	void version.value;
	if (!m)
		return <main id="content" />;
	const weights = m.classes.reduce((sum, c) => sum + (c.fixed_count ? 0 : c.weight), 0) || 1;
	const fixed = m.classes.reduce((sum, c) => sum + c.fixed_count, 0);
	const named = Object.entries(counters.value);

	return (
		<main id="content" class="scenario-view">
			<div class="table-box short" tabIndex={0} role="region" aria-label="Users">
				<table class="plain">
					<caption>{m.scenario}: users and their tasks</caption>
					<thead>
						<tr>
							<th scope="col">User, task</th><th scope="col" class="num">Weight</th><th scope="col" class="num">Planned</th>
							<th scope="col" class="num">Running</th><th scope="col" class="num">Actual</th><th scope="col"><span class="sr">planned and actual</span></th>
						</tr>
					</thead>
					<tbody>
						{m.classes.map((c, i) => {
							const planned = c.fixed_count && running > 0 ? Math.min(1, c.fixed_count / running)
								: running > 0 ? (c.weight / weights) * Math.max(0, 1 - fixed / running) : c.weight / weights;
							const actual = running > 0 ? users[i] / running : null;
							const off = actual != null && running >= 20 && Math.abs(actual - planned) > 0.05;

							return [
								<tr key={c.name} class="class">
									<th scope="row">{c.name}{c.host && <small class="muted"> {c.host}</small>}</th>
									<td class="num">{c.fixed_count ? `exactly ${c.fixed_count}` : c.weight}</td>
									<td class="num">{(planned * 100).toFixed(1)} %</td>
									<td class="num">{count(users[i] ?? 0)}</td>
									<td class={`num${off ? " warn-text" : ""}`}>{actual == null ? "–" : `${off ? "⚠ " : ""}${(actual * 100).toFixed(1)} %`}</td>
									<td><Share planned={planned} actual={actual} /></td>
								</tr>,
								...flat(c.tasks, 1, 1).map((t) => (
									<tr key={`${c.name}/${t.path}`} class="task">
										<th scope="row" class={`depth-${Math.min(4, t.depth)}`}>{t.name}</th>
										<td class="num">{t.weight}</td>
										<td class="num">{(t.share * 100).toFixed(1)} %</td>
										<td /><td />
										<td><Share planned={t.share} actual={null} /></td>
									</tr>
								)),
							];
						})}
					</tbody>
				</table>
			</div>
			{named.length > 0 && (
				<>
					<h2>Counters</h2>
					<dl class="settings">{named.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{count(v)}</dd></div>)}</dl>
				</>
			)}
			<h2>Options in force</h2>
			{m.settings.length === 0 ? <p class="muted">the modules have none</p> : (
				<dl class="settings">
					{m.settings.map((s) => (
						<div key={`${s.module}.${s.name}`}><dt>{s.module}.{s.name}</dt><dd>{s.value || "–"}</dd>
							<dd class="muted">{s.help}</dd></div>
					))}
				</dl>
			)}
			<h2>Modules</h2>
			<dl class="settings">
				{m.modules.map((x) => (
					<div key={x.path}><dt>{x.name} {x.version}</dt><dd class="muted">{x.summary} {x.path}</dd></div>
				))}
			</dl>
			{m.command_line && <p class="command"><span class="muted">Command line</span><code>{m.command_line}</code></p>}
		</main>
	);
}
