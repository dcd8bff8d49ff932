// The tests of this process, and two of them side by side: figures, curves on
// one clock that begins at zero, and the endpoints that changed most.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import uPlot from "uplot";
import { get, type History, type Table } from "./api";
import { changes, ChangeText } from "./changed";
import { Chart } from "./chart";
import { columns, rate, type Columns, type Key } from "./data";
import { toast } from "./actions";
import { Figure } from "./figure";
import { clock, count, ms, number, percent, quantile, shorten, when } from "./format";
import { readResults, type Saved } from "./results";
import { compare } from "./route";
import { connection, now, rows, run, version } from "./store";

interface Run {
	id: number;
	started: number;
	ended: number | null;
	elapsed: number;
	users: number;
	spawn_rate: number;
	requests: number;
	failures: number;
	p50: number;
	p95: number;
	p99: number;
	host: string;
	stop_reason: string;
	/** Of a report that was dropped here. */
	imported?: Saved;
}

interface Side {
	run: Run;
	data: Columns;
	table: Table;
	/** Of its endpoints; empty: those of this process. */
	names: string[];
}

function nameOf(s: Side, id: number): string {
	const row = rows.get(id);

	return s.names[id] ?? (row ? `${row.type} ${row.name}` : String(id));
}

/** Reports and result files of other runs; negative ids. */
const imports = signal<Run[]>([]);

async function take(file: File): Promise<void> {
	try {
		const s = await readResults(await file.text());
		const { run: r, total: t } = s.results;

		imports.value = [...imports.peek(), {
			id: -(imports.peek().length + 1), started: s.started, ended: s.ended, elapsed: r.duration_s, users: r.users_max, spawn_rate: 0,
			requests: t.requests, failures: t.failures, p50: t.response_ms.p50, p95: t.response_ms.p95, p99: t.response_ms.p99,
			host: r.host ?? "", stop_reason: s.results.verdict.result, imported: s,
		}];
	} catch (e) {
		toast(`${file.name}: ${(e as Error).message || "cannot be read"}`, "bad");
	}
}

/** How people tell it: by number, or by the letter of what was dropped. */
const label = (r: Run) => (r.id > 0 ? String(r.id) : String.fromCharCode(64 - r.id));

async function load(r: Run): Promise<Side> {
	if (r.imported)
		return { run: r, data: columns(r.imported.history()), table: r.imported.table(), names: r.imported.results.series.map((s) => `${s.type} ${s.name}`) };
	const range = { from: Math.floor(r.started), to: Math.ceil(r.ended ?? now.peek() + 1) };
	// Tables are of whole slots of 10 s: of a run long enough those that no other test has part in.
	const inner = range.to - range.from >= 60 ? { from: Math.ceil(range.from / 10) * 10, to: Math.floor(range.to / 10) * 10 } : range;
	const [history, table] = await Promise.all([
		get<History>("api/v1/history", { ...range, points: 600 }),
		get<Table>("api/v1/table", inner),
	]);

	return { run: r, data: columns(history), table, names: [] };
}

/** Spread of a figure between the tenths of a run: what repeats by chance. */
function spread(values: (number | null)[]): number {
	const known = values.filter((v): v is number => v != null);
	const size = Math.max(1, Math.floor(known.length / 10));
	const means: number[] = [];

	for (let i = 0; i + size <= known.length; i += size)
		means.push(known.slice(i, i + size).reduce((a, b) => a + b, 0) / size);
	if (means.length < 3)
		return NaN;
	const mean = means.reduce((a, b) => a + b, 0) / means.length;
	const variance = means.reduce((a, b) => a + (b - mean) ** 2, 0) / (means.length - 1);

	return Math.sqrt(variance / means.length);
}

function verdict(a: number | null, b: number | null, noise: number, lowerIsBetter: boolean | null): { text: string; tone: string } {
	if (a == null || b == null)
		return { text: "–", tone: "" };
	const change = a ? ((b - a) / a) * 100 : NaN;
	const text = Number.isFinite(change) ? `${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(1)} %` : "–";

	if (!Number.isFinite(change) || !Number.isFinite(noise))
		return { text, tone: "" };
	if (Math.abs(b - a) <= 2 * noise)
		return { text: `${text} · within the noise`, tone: "muted" };
	if (lowerIsBetter === null)
		return { text, tone: "" };
	const arrow = b > a ? "▲" : "▼";

	return b > a === lowerIsBetter ? { text: `${arrow} ${text} worse`, tone: "bad" } : { text: `${arrow} ${text} better`, tone: "good" };
}

function aligned(a: Side, b: Side, key: Key, perSecond: boolean): { time: number[]; first: (number | null)[]; second: (number | null)[] } {
	const column = (s: Side): uPlot.AlignedData => [
		s.data.time.map((t) => t - s.run.started), perSecond ? rate(s.data, key) : s.data.values[key],
	];
	const joined = uPlot.join([column(a), column(b)]) as (number | null)[][];

	return {
		time: joined[0] as number[],
		// What only the other run has at this instant is no gap.
		first: joined[1].map((v) => v ?? null),
		second: joined[2].map((v) => v ?? null),
	};
}

function Overlay({ a, b, title, unit, field, perSecond, format }:
	{ a: Side; b: Side; title: string; unit: string; field: Key; perSecond?: boolean; format: (n: number | null) => string }) {
	const c = aligned(a, b, field, perSecond ?? false);

	return (
		<Chart title={title} unit={unit} time={c.time} from={0} to={Math.max(10, ...c.time)} format={format} elapsed
			lines={[
				{ label: `run ${label(a.run)}`, color: "blue", values: c.first },
				{ label: `run ${label(b.run)}`, color: "amber", values: c.second, dash: [6, 3] },
			]} />
	);
}

type Line = [label: string, a: number | null, b: number | null, show: (n: number | null) => string, { text: string; tone: string }];

function Compare({ a, b }: { a: Side; b: Side }) {
	const noise = (key: Key, perSecond = false) => Math.hypot(
		spread(perSecond ? rate(a.data, key) : a.data.values[key]), spread(perSecond ? rate(b.data, key) : b.data.values[key]));
	const rps = (s: Side) => s.run.requests / Math.max(1, s.run.elapsed);
	// Without a request there is no latency, not one of zero.
	const time = (s: Side, key: "p50" | "p95" | "p99") => (s.run.requests > 0 ? s.run[key] : null);
	const latency = (key: "p50" | "p95" | "p99"): Line =>
		[`${key} ms`, time(a, key), time(b, key), ms, verdict(time(a, key), time(b, key), noise(key), true)];
	const lines: Line[] = [
		["req/s", rps(a), rps(b), number, verdict(rps(a), rps(b), noise("requests", true), false)],
		latency("p50"), latency("p95"), latency("p99"),
		["requests", a.run.requests, b.run.requests, count, { text: "", tone: "" }],
		["failures", a.run.failures, b.run.failures, count, { text: "", tone: "" }],
		["users", a.run.users, b.run.users, count, { text: "", tone: "" }],
	];
	const before = new Map(a.table.rows.map((r) => [nameOf(a, r[0]), r]));
	const changed = changes(a.table, b.table, (id) => before.get(nameOf(b, id))).slice(0, 10);

	return (
		<>
			<h2>Run {label(b.run)} against run {label(a.run)}</h2>
			<div class="table-box short" tabIndex={0} role="region" aria-label="Comparison">
				<table class="plain">
					<thead>
						<tr><td /><th scope="col" class="num">run {label(a.run)}</th><th scope="col" class="num">run {label(b.run)}</th>
							<th scope="col">change</th></tr>
					</thead>
					<tbody>
						{lines.map(([label, x, y, show, v]) => (
							<tr key={label}>
								<th scope="row">{label}</th><td class="num">{show(x)}</td><td class="num">{show(y)}</td>
								<td class={v.tone}>{v.text}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			<p class="muted">Noise: the spread between tenths of each run.</p>
			<Overlay a={a} b={b} title="Throughput" unit="req/s" field="requests" perSecond format={number} />
			<Overlay a={a} b={b} title="Latency p95" unit="ms" field="p95" format={ms} />
			{changed.length > 0 && (
				<>
					<h3>Endpoints that changed most</h3>
					<table class="plain" aria-label="Endpoints that changed most">
						<thead><tr><th scope="col">Endpoint</th><th scope="col" class="num">p95 ms, run {label(a.run)}</th>
							<th scope="col" class="num">run {label(b.run)}</th><th scope="col" class="num">failed, run {label(a.run)}</th>
							<th scope="col" class="num">run {label(b.run)}</th><th scope="col">change</th></tr></thead>
						<tbody>
							{changed.map((c) => (
								<tr key={c.id}>
									<th scope="row" class="text"><bdi>{shorten(nameOf(b, c.id), 70)}</bdi></th>
									{c.p95.map((v, i) => <td key={i} class="num">{ms(v)}</td>)}
									{c.failed.map((v, i) => <td key={i} class="num">{percent(v, 1)}</td>)}
									<td><ChangeText of={c} /></td>
								</tr>
							))}
						</tbody>
					</table>
				</>
			)}
		</>
	);
}

export function Runs() {
	const [own, setList] = useState<Run[]>([]);
	const list = [...imports.value, ...own];
	const [sides, setSides] = useState<Side[]>([]);
	const stamp = Math.floor(now.value / 5);

	void version.value;
	useEffect(() => {
		if (connection.value !== "saved")
			get<Run[]>("api/v1/runs").then(setList).catch(() => undefined);
	}, [stamp, run.value?.state]);
	useEffect(() => {
		const chosen = compare.value.map((id) => list.find((r) => r.id === id)).filter((r): r is Run => r != null);

		if (chosen.length === 2)
			Promise.all(chosen.map(load)).then(setSides).catch(() => undefined);
		else
			setSides([]);
	}, [compare.value.join(), list.length]);
	const toggle = (id: number) => {
		const rest = compare.value.filter((c) => c !== id);

		compare.value = rest.length < compare.value.length ? rest : [...rest.slice(-1), id].sort((a, b) => a - b);
	};

	return (
		<main id="content" class="runs" onDragOver={(e) => e.preventDefault()}
			onDrop={(e) => {
				e.preventDefault();
				for (const file of e.dataTransfer?.files ?? [])
					take(file);
			}}>
			<p class="muted">Tests of this process; choose two to compare them. A report (<code>--html</code>) or a result file
				(<code>--json-file</code>) of another run can be dropped here:{" "}
				<input type="file" multiple accept=".html,.json" aria-label="Reports or result files"
					onChange={(e) => { for (const file of e.currentTarget.files ?? []) take(file); e.currentTarget.value = ""; }} /></p>
			{list.length === 0 && <p class="empty">No test has run yet</p>}
			<div class="table-box short" tabIndex={0} role="region" aria-label="Runs">
				<table class="plain" hidden={list.length === 0}>
					<thead>
						<tr>
							<th scope="col"><span class="sr">Compare</span></th><th scope="col" class="num">Run</th><th scope="col">Started</th>
							<th scope="col" class="num">Time</th><th scope="col" class="num">Users</th><th scope="col" class="num">Requests</th>
							<th scope="col" class="num">Req/s</th><th scope="col" class="num">Failed</th><th scope="col" class="num">p50 ms</th>
							<th scope="col" class="num">p95 ms</th><th scope="col" class="num">p99 ms</th><th scope="col">Host</th>
							<th scope="col">End</th>
						</tr>
					</thead>
					<tbody>
						{[...list].reverse().map((r) => (
							<tr key={r.id} class={compare.value.includes(r.id) ? "chosen" : ""}>
								<td><input type="checkbox" aria-label={`Compare run ${label(r)}`} checked={compare.value.includes(r.id)}
									onChange={() => toggle(r.id)} /></td>
								<td class="num">{label(r)}</td>
								<td>{when(r.started)}</td>
								<td class="num">{clock(r.elapsed)}</td>
								<td class="num">{count(r.users)}</td>
								<td class="num">{count(r.requests)}</td>
								<td class="num">{number(r.requests / Math.max(1, r.elapsed))}</td>
								<td class={`num${r.failures > 0 ? " bad" : ""}`}>{percent(r.failures, r.requests)}</td>
								<td class="num"><Figure text={quantile(r.p50, 0.5, r.requests)} /></td>
								<td class="num"><Figure text={quantile(r.p95, 0.95, r.requests)} /></td>
								<td class="num"><Figure text={quantile(r.p99, 0.99, r.requests)} /></td>
								<td class="text">{r.host || "–"}</td>
								<td>{r.ended == null ? "running" : r.stop_reason || "ended"}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{sides.length === 2 && <Compare a={sides[0]} b={sides[1]} />}
		</main>
	);
}
