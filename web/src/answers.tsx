// Runs that answer a question: a figure that is held at a set point, and the
// search for the highest load.  How it stands comes with every second, the
// course when it is asked for; a report has both inside.
import { effect, signal } from "@preact/signals";
import { get } from "./api";
import { Chart } from "./chart";
import { bounds } from "./data";
import { clock, count, ms, nothing, number, percent } from "./format";
import { holes, now, run, version, type Hold, type Search } from "./store";

/** The objects `hold` and `capacity` of results. */
export interface HoldCourse {
	hold: string;
	unit: string;
	set_point: number;
	load_unit: string;
	sentence: string;
	points: { at_s: number; value: number | null; load: number; phase: string }[];
}

interface Probe {
	load: number | null;
	stage: string;
	verdict: string;
	limit: number;
	seconds: number | null;
	p50_ms: number | null;
	p99_ms: number | null;
	fail_ratio: number | null;
}

export interface CapacityCourse {
	answer: string;
	sentence: string;
	slos: string[];
	unit: string;
	load: number | null;
	range: [number | null, number | null];
	knee: number | null;
	probes: Probe[];
}

interface Held extends HoldCourse {
	time: number[];
	values: (number | null)[];
	loads: (number | null)[];
}

export const held = signal<Held | null>(null);
export const searched = signal<CapacityCourse | null>(null);

/** Its newest point is of `end`, unix. */
export function takeHold(h: HoldCourse | null, end: number): void {
	const last = h?.points[h.points.length - 1]?.at_s ?? 0;

	held.value = h && {
		...h, time: h.points.map((p) => Math.round(end - (last - p.at_s))), values: h.points.map((p) => p.value),
		loads: h.points.map((p) => p.load),
	};
}

export function takeCapacity(c: CapacityCourse | null): void {
	searched.value = c;
}

/** Live: the course once, and each second as it comes. */
export function startAnswers(): void {
	let test = "";
	let probes = "";

	effect(() => {
		const h = run.value?.hold;
		const t = Math.floor(now.value);
		const key = `${run.value?.started},${holes.value}`;
		const course = held.peek();

		if (!h) {
			held.value = null;
			test = "";
		} else if (test !== key) {
			test = key;
			get<{ hold: HoldCourse | null }>("api/v1/hold").then((a) => takeHold(a.hold, t)).catch(() => { test = ""; });
		} else if (course && t > (course.time[course.time.length - 1] ?? 0) && run.value!.state === "running") {
			course.time.push(t);
			course.values.push(h.value);
			course.loads.push(h.load);
			held.value = { ...course };
		}
	});
	effect(() => {
		const s = run.value?.capacity;
		const key = s ? `${s.probes},${s.stage === "end"},${holes.value}` : "";

		if (key === probes)
			return;
		probes = key;
		if (!s)
			searched.value = null;
		else
			get<{ capacity: CapacityCourse | null }>("api/v1/capacity").then((a) => takeCapacity(a.capacity)).catch(() => { probes = ""; });
	});
}

const withUnit = (v: number | null | undefined, unit: string) => (v == null ? nothing : `${number(v)}${unit ? ` ${unit}` : ""}`);
const load = (v: number | null | undefined, unit: string) => (v == null ? nothing : unit === "users" ? `${count(v)} users` : `${number(v)}/s`);

// ---- hold ----

const tones: Record<string, string> = { near: "good", alarm: "bad", "generator-limited": "warn-text", "least load": "warn-text", "most load": "warn-text" };
const marks: Record<string, string> = { near: "✓ ", alarm: "✗ ", "generator-limited": "⚠ ", "least load": "⚠ ", "most load": "⚠ " };

function HoldNow({ of }: { of: Hold }) {
	return (
		<dl class="facts-row">
			<div><dt>set point</dt><dd>{withUnit(of.set_point, of.unit)}</dd></div>
			<div><dt>measured</dt><dd class={tones[of.phase] ?? ""}>{withUnit(of.value, of.unit)}</dd></div>
			<div><dt>load</dt><dd>{load(of.load, of.load_unit)}</dd></div>
			<div><dt>state</dt><dd class={tones[of.phase] ?? ""}>{marks[of.phase]}{of.phase}</dd></div>
			{of.most != null && <div><dt>bounds</dt><dd>{load(of.least, of.load_unit)} – {load(of.most, of.load_unit)}</dd></div>}
			{of.generator_limited_at != null && <div><dt>generator's limit</dt><dd>{load(of.generator_limited_at, of.load_unit)}</dd></div>}
		</dl>
	);
}

export function HoldPanel() {
	const h = run.value?.hold;
	const c = held.value;
	const { from, to } = bounds();

	void version.value;
	if (!h && !c)
		return null;
	return (
		<section class="answer" aria-label="Hold">
			<h2>Hold <code>{h?.hold ?? c?.hold}</code></h2>
			{h ? <HoldNow of={h} /> : <p>{c!.sentence}</p>}
			{c && c.time.length > 1 && (
				<div class="pair">
					<Chart title="Held" unit={c.unit} time={c.time} from={from} to={to} format={ms} height={130}
						lines={[
							{ label: "measured", color: "blue", values: c.values },
							{ label: "set point", color: "muted", values: c.time.map(() => c.set_point), dash: [4, 4] },
						]} />
					<Chart title="Load" unit={c.load_unit} time={c.time} from={from} to={to} format={number} height={130}
						lines={[{ label: "wanted", color: "purple", values: c.loads }]} />
				</div>
			)}
		</section>
	);
}

// ---- capacity ----

/** What is borne, what is not, and between them what is not known yet. */
function Scale({ good, bad, at, unit }: { good: number | null; bad: number | null; at: number | null; unit: string }) {
	const top = 1.15 * Math.max(good ?? 0, bad ?? 0, at ?? 0, 1e-9);
	const place = (v: number) => `${(100 * v) / top}%`;

	return (
		<div class="scale" role="img" aria-label={`borne up to ${load(good, unit)}, not borne from ${load(bad, unit)}${at == null ? "" :
			`, now ${load(at, unit)}`}`}>
			{good != null && <i class="borne" style={{ width: place(good) }} />}
			{bad != null && <i class="missed" style={{ left: place(bad) }} />}
			{at != null && <b style={{ left: place(at) }} />}
		</div>
	);
}

function SearchNow({ of, most }: { of: Search; most: string }) {
	return (
		<>
			<dl class="facts-row">
				<div><dt>stage</dt><dd>{of.stage}</dd></div>
				<div><dt>load now</dt><dd>{load(of.load, of.load_unit)} <small>for {clock(of.seconds)}</small></dd></div>
				<div><dt>borne up to</dt><dd class="good">{load(of.good, of.load_unit)}</dd></div>
				<div><dt>not borne from</dt><dd class="bad">{load(of.bad, of.load_unit)}</dd></div>
				<div><dt>probes so far</dt><dd>{count(of.probes)}</dd></div>
				{most && <div><dt>must hold</dt><dd><code>{most}</code></dd></div>}
			</dl>
			<Scale good={of.good} bad={of.bad} at={of.stage === "end" ? null : of.load} unit={of.load_unit} />
		</>
	);
}

const verdicts: Record<string, [string, string]> = {
	pass: ["✓ borne", "good"], fail: ["✗ missed", "bad"], overload: ["✗ work piles up", "bad"], invalid: ["? generator", "warn-text"],
	undecided: ["? undecided", "warn-text"],
};

function Probes({ of }: { of: CapacityCourse }) {
	const probes = of.probes.map((p, i) => ({ ...p, number: i + 1 })).reverse();

	return (
		<div class="table-box short probes" tabIndex={0} role="region" aria-label="Probes">
			<table class="plain">
				<thead>
					<tr>
						<th scope="col" class="num">Probe</th><th scope="col" class="num">Load</th><th scope="col">Stage</th><th scope="col">Verdict</th>
						<th scope="col" class="num">Time</th><th scope="col" class="num">p50 ms</th><th scope="col" class="num">p99 ms</th>
						<th scope="col" class="num">Failed</th>
					</tr>
				</thead>
				<tbody>
					{probes.map((p) => (
						<tr key={p.number}>
							<td class="num">{p.number}</td>
							<th scope="row" class="num">{load(p.load, of.unit)}</th>
							<td>{p.stage}</td>
							<td class={verdicts[p.verdict]?.[1]}>{verdicts[p.verdict]?.[0] ?? p.verdict}
								{p.limit >= 0 && of.slos[p.limit] && <small> {of.slos[p.limit]}</small>}</td>
							<td class="num">{clock(p.seconds ?? 0)}</td>
							<td class="num">{ms(p.p50_ms)}</td>
							<td class="num">{ms(p.p99_ms)}</td>
							<td class="num">{percent(p.fail_ratio ?? 0, 1)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

export function CapacityPanel() {
	const s = run.value?.capacity;
	const c = searched.value;

	if (!s && !c)
		return null;
	return (
		<section class="answer" aria-label="Capacity">
			<h2>Capacity</h2>
			{c && (!s || c.answer !== "running") && <p><b>{c.sentence}</b>{c.knee ? `; p99 begins to turn up at about ${load(c.knee, c.unit)}` : ""}</p>}
			{s ? <SearchNow of={s} most={c?.slos.join(", ") ?? ""} />
				: <Scale good={c!.load ?? c!.range[0]} bad={c!.range[1]} at={null} unit={c!.unit} />}
			{c && c.probes.length > 0 && <Probes of={c} />}
		</section>
	);
}
