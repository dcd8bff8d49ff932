// Results of a run that is over (schema swarm-results/1), as the page's data:
// for a report, which has them inside, and for one that is dropped into Runs.
// Percentiles come from the histograms, by the buckets that they have.
import type { CapacityCourse, HoldCourse } from "./answers";
import type { Heatmap, Histogram, History, Table } from "./api";
import type { Resources } from "./resources";
import type { Message, Meta, Metric, Executor } from "./store";

interface Times {
	count: number;
	mean: number;
	min: number;
	max: number;
	[quantile: string]: number;
}

interface Series {
	type: string;
	name: string;
	phase: boolean;
	requests: number;
	failures: number;
	bytes: number;
	requests_per_s: number;
	response_ms: Times;
	response_buckets: number[];
}

interface Stretch {
	end_s: number;
	length_s: number;
	users: number;
	requests: number;
	failures: number;
	bytes: number;
	mean_ms: number;
	response_buckets: number[];
}

export interface Results {
	schema: string;
	swarm_version: string;
	run: {
		scenario: string | null; host: string | null; command: string | null; started_unix: number; duration_s: number;
		users_max: number; workers_max: number; workers_lost: number; stop_reason: string | null;
	};
	verdict: { result: "passed" | "failed" | "inconclusive"; exit_code: number; reason: string };
	generator: {
		limited_by: string; reason: string | null;
		workers: {
			worker: number; cpu_percent: number; cpu_percent_max: number; loop_busy: number; loop_delay_ms: { p99: number; max: number };
			memory_bytes_max: number; descriptors_max: number; descriptors_limit: number; dropped_arrivals: number;
		}[];
	} | null;
	criteria: { criterion: string; action: string; met: boolean; shown: string; first_met_s: number | null }[];
	total: Series;
	series: Series[];
	failures: { type: string; name: string; error: string; occurrences: number; first_seen_unix: number; last_seen_unix: number }[];
	counters: Record<string, number>;
	metrics: (Metric & Record<string, unknown>)[];
	executors: (Partial<Executor> & { response_ms?: Times })[];
	events: { at_s: number; text: string }[];
	history: Stretch[];
	/** Of the busiest endpoints, and of the others as one. */
	endpoint_history?: {
		end_s: number[];
		others: number;
		series: { type: string | null; name: string | null; requests: number[]; failures: number[]; p50_ms: (number | null)[];
			p95_ms: (number | null)[]; p99_ms: (number | null)[] }[];
	};
	hold?: HoldCourse | null;
	capacity?: CapacityCourse | null;
	/** Of the machines that were watched. */
	resources?: Resources;
}

const PER_OCTAVE = 128;
const FINE = 4608;
/** So many of theirs make one of the page's. */
const COARSE = 8;
const BUCKETS = FINE / COARSE;

/** Where a bucket begins, in ms. */
function low(bucket: number): number {
	const s = Math.max(0, Math.floor(bucket / PER_OCTAVE) - 1);

	return ((bucket - PER_OCTAVE * s) * 2 ** s) / 1e6;
}

/** The middle of the bucket of the k-th sample. */
function quantile(buckets: number[], count: number, q: number): number | null {
	const rank = Math.max(1, Math.ceil(q * count));
	let seen = 0;

	for (let i = 0; i < buckets.length; i += 2) {
		seen += buckets[i + 1];
		if (seen >= rank)
			return (low(buckets[i]) + low(buckets[i] + 1)) / 2;
	}
	return null;
}

function add(into: Map<number, number>, buckets: number[], by: number): number {
	let count = 0;

	for (let i = 0; i < buckets.length; i += 2) {
		const b = Math.min(BUCKETS - 1, Math.floor(buckets[i] / by));

		into.set(b, (into.get(b) ?? 0) + buckets[i + 1]);
		count += buckets[i + 1];
	}
	return count;
}

function pairs(counts: Map<number, number>): number[] {
	return [...counts.entries()].sort((a, b) => a[0] - b[0]).flat();
}

const columnNames = ["id", "requests", "failures", "bytes", "avg", "p50", "p90", "p95", "p99", "p999", "max"];

export class Saved {
	readonly started: number;
	readonly ended: number;
	private step: number;

	constructor(readonly results: Results) {
		const r = results;

		if (!r?.schema?.startsWith("swarm-results/1") || !Array.isArray(r.history) || !Array.isArray(r.series))
			throw new Error("these are no results of swarm");
		this.started = Math.floor(r.run.started_unix);
		this.ended = this.started + Math.max(1, Math.ceil(r.run.duration_s));
		const lengths = r.history.map((h) => h.length_s).sort((a, b) => a - b);

		this.step = Math.max(1, Math.round(lengths[Math.floor(lengths.length / 2)] ?? 1));
	}

	meta(): Meta {
		const r = this.results;

		return {
			version: r.swarm_version, started: this.started, time: this.ended, scenario: (r.run.scenario ?? "").split("/").pop() ?? null,
			command_line: r.run.command, user: "", load: { users: r.run.users_max, spawn_rate: 0, run_time: 0, host: r.run.host },
			setup: 0, classes: [], modules: [], settings: [], quantiles: [],
			buckets_ms: Array.from({ length: BUCKETS }, (_, i) => low(i * COARSE)),
		};
	}

	private begin(h: Stretch): number {
		return this.started + Math.max(0, Math.round(h.end_s - h.length_s));
	}

	private within(from: number, to: number): Stretch[] {
		return this.results.history.filter((h) => this.begin(h) + this.step > from && this.begin(h) < to);
	}

	history(from = 0, to = Infinity): History {
		const list = this.within(from, to);
		// What a stretch of another length has, as if it had the step's.
		const scaled = (key: "requests" | "failures" | "bytes") => list.map((h) => (h[key] * this.step) / (h.length_s || 1));
		const counts = list.map((h) => h.response_buckets.reduce((n, v, i) => n + (i % 2 ? v : 0), 0));
		const of = (q: number) => list.map((h, i) => (counts[i] > 0 ? quantile(h.response_buckets, counts[i], q) : null));

		return {
			step: this.step, time: list.map((h) => this.begin(h)), requests: scaled("requests"), failures: scaled("failures"),
			bytes: scaled("bytes"), mean: list.map((h, i) => (counts[i] > 0 ? h.mean_ms : null)), p50: of(0.5), p95: of(0.95),
			p99: of(0.99), max: of(1), users: list.map((h) => h.users),
		};
	}

	/** Of one endpoint, in longer stretches; without times: it was not kept apart. */
	endpointHistory(endpoint: number): History {
		const s = this.results.series[endpoint];
		const past = this.results.endpoint_history;
		const one = past?.series.find((p) => p.type === s?.type && p.name === s?.name);

		if (!past || !one)
			return this.history(Infinity);
		const begins = past.end_s.map((_, i) => past.end_s[i - 1] ?? 0);
		const lengths = past.end_s.map((end, i) => Math.max(0.1, end - begins[i]));
		const step = Math.max(1, Math.round(lengths[0]));
		const scaled = (values: number[]) => values.map((v, i) => (v * step) / lengths[i]);
		const nothing = past.end_s.map(() => null);

		return {
			step, time: begins.map((at) => Math.round(this.started + at)), requests: scaled(one.requests), failures: scaled(one.failures),
			bytes: nothing, mean: nothing, max: nothing, p50: one.p50_ms, p95: one.p95_ms, p99: one.p99_ms,
		};
	}

	private row(s: Series, id: number): number[] {
		const t = s.response_ms;

		return [id, s.requests, s.failures, s.bytes, t.mean, t.p50, t.p90, t.p95, t.p99, t["p99.9"], t.max];
	}

	/** Endpoints are known of the whole run only. */
	table(): Table {
		return {
			from: this.started, to: this.ended, columns: columnNames, total: this.row(this.results.total, -1),
			rows: this.results.series.map((s, i) => this.row(s, i)),
		};
	}

	heatmap(from = 0, to = Infinity): Heatmap {
		const list = this.within(from, to);
		const first = list.length > 0 ? this.begin(list[0]) : this.started;
		const last = list.length > 0 ? this.begin(list[list.length - 1]) + this.step : first + 1;
		const cells = Array.from({ length: Math.ceil((last - first) / this.step) }, () => new Map<number, number>());

		for (const h of list)
			add(cells[Math.min(cells.length - 1, Math.floor((this.begin(h) - first) / this.step))], h.response_buckets, COARSE * 4);
		return { from: first, to: first + cells.length * this.step, step: this.step, per_row: 4, columns: cells.map(pairs) };
	}

	histogram(from = 0, to = Infinity, endpoint?: number): Histogram {
		const counts = new Map<number, number>();
		const one = endpoint === undefined ? null : this.results.series[endpoint];
		const list = one ? [] : this.within(from, to);
		let count = one ? add(counts, one.response_buckets, COARSE) : 0;

		for (const h of list)
			count += add(counts, h.response_buckets, COARSE);
		return {
			from: this.started, to: this.ended, count, buckets: pairs(counts),
			requests: one ? one.requests : list.reduce((n, h) => n + h.requests, 0),
			failures: one ? one.failures : list.reduce((n, h) => n + h.failures, 0),
		};
	}

	/** What the server would answer. */
	answer(path: string, query: Record<string, number | string | undefined>): unknown {
		const from = query.from === undefined ? undefined : Number(query.from);
		const to = query.to === undefined ? undefined : Number(query.to);
		const endpoint = query.endpoint === undefined ? undefined : Number(query.endpoint);

		switch (path) {
		case "api/v1/meta":
			return this.meta();
		case "api/v1/history":
			return endpoint === undefined ? this.history(from, to) : this.endpointHistory(endpoint);
		case "api/v1/table":
			return this.table();
		case "api/v1/heatmap":
			return endpoint === undefined ? this.heatmap(from, to) : this.heatmap(Infinity);
		case "api/v1/histogram":
			return this.histogram(from, to, endpoint);
		default:
			return [];
		}
	}

	message(): Message {
		const r = this.results;
		const t = r.total;
		const all = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1].map((q) =>
			(t.response_ms.count > 0 ? q === 1 ? t.response_ms.max : t.response_ms[`p${Number((q * 100).toFixed(2))}`] ?? null : null));
		const column = (fn: (s: Series) => number | null) => r.series.map(fn);
		const known = (fn: (t: Times) => number) => column((s) => (s.response_ms.count > 0 ? fn(s.response_ms) : null));
		const share = t.requests > 0 ? t.failures / t.requests : 0;

		return {
			type: "full", seq: 1, epoch: 0, time: this.ended,
			run: {
				state: "stopped", waiting: false, paused: false, paused_s: 0, started: r.run.started_unix, elapsed: r.run.duration_s,
				users: r.run.users_max, wanted: r.run.users_max, target: r.run.users_max, spawn_rate: 0, run_time: 0, stop_left: 0,
				host: r.run.host,
				stop_reason: r.run.stop_reason, workers: r.run.workers_max, workers_lost: r.run.workers_lost, workers_crashed: 0, setup: 0,
				executors: r.executors.map((e) => ({
					iterations_done: 0, arrivals_queued: 0, users: 0, users_target: 0, rate: 0,
					...e, p95_ms: e.response_ms?.p95,
				})) as unknown as Executor[],
			},
			total: {
				requests: t.requests, failures: t.failures, bytes: t.bytes, rps: t.requests_per_s, fps: t.requests_per_s * share,
				bps: t.bytes / Math.max(1, r.run.duration_s), avg: t.response_ms.mean, min: t.response_ms.min, max: t.response_ms.max,
				q: all as number[], recent: all, recent_count: t.response_ms.count,
			},
			second: null,
			names: r.series.map((s, i) => [i, s.type, s.name, s.phase]),
			rows: {
				id: r.series.map((_, i) => i), requests: column((s) => s.requests), failures: column((s) => s.failures),
				bytes: column((s) => s.bytes), rps: column((s) => s.requests_per_s),
				fps: column((s) => (s.requests > 0 ? (s.requests_per_s * s.failures) / s.requests : 0)),
				avg: known((x) => x.mean), min: known((x) => x.min), max: known((x) => x.max), p50: known((x) => x.p50),
				p90: known((x) => x.p90), p95: known((x) => x.p95), p99: known((x) => x.p99), p999: known((x) => x["p99.9"]),
			},
			errors: r.failures.map((f, i) => [i, r.series.findIndex((s) => s.type === f.type && s.name === f.name), f.type, f.name,
				f.error, f.occurrences, f.first_seen_unix, f.last_seen_unix]),
			error_count: r.failures.length,
			workers: (r.generator?.workers ?? []).map((w) => ({
				id: `worker ${w.worker}`, state: "ended", drained: false, version: r.swarm_version, local: true, users: 0,
				cpu: w.cpu_percent_max, memory: w.memory_bytes_max, busy: w.loop_busy, delay_ms: w.loop_delay_ms?.max ?? 0,
				delay_p99_ms: w.loop_delay_ms?.p99 ?? null, descriptors: w.descriptors_max, descriptors_max: w.descriptors_limit,
				sockets: null, ports_max: null, dropped_arrivals: w.dropped_arrivals, segments_resent: null,
				clock_offset_ms: null, clock_error_ms: null, age: 0,
			})),
			generator: { limited_by: r.generator?.limited_by ?? null, reason: r.generator?.reason ?? null },
			counters: r.counters, metrics: r.metrics, classes: [],
			criteria: r.criteria.map((c) => ({
				text: c.criterion, action: c.action as "fail", value: c.shown ?? "", broken: c.met, first: c.first_met_s ?? -1,
			})),
			log: [],
			events: r.events.map((e, i) => ({ id: i + 1, time: this.started + e.at_s, kind: "state", text: e.text })),
		};
	}
}

async function unpack(base64: string): Promise<string> {
	const bytes = Uint8Array.from(atob(base64.trim()), (c) => c.charCodeAt(0));

	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

/** From a report (HTML), or a file of --json-file. */
export async function readResults(text: string): Promise<Saved> {
	const inside = /<script type="application\/gzip" id="results">([^<]*)<\/script>/.exec(text);

	return new Saved(JSON.parse(inside ? await unpack(inside[1]) : text) as Results);
}

export async function unpackResults(element: Element): Promise<Saved> {
	return new Saved(JSON.parse(await unpack(element.textContent ?? "")) as Results);
}
