// What the target felt: the watched machines' figures on the run's own axis,
// one chart for those of a machine that share a unit.  Live they come with
// every second; what was before comes once, as a report has it.
import { effect, signal } from "@preact/signals";
import { get } from "./api";
import { Sparkline } from "./canvas";
import { Chart, type Line } from "./chart";
import { bounds } from "./data";
import { bytes, nothing, number, percent, shorten } from "./format";
import { figures, holes, now, run, version } from "./store";

/** As in results and in the answer of api/v1/resources. */
export interface Resources {
	at: number[];
	figures: Figure[];
}

interface Figure {
	name: string;
	unit: string;
	values: (number | null)[];
}

interface Felt {
	/** Of the test whose they are, unix. */
	started: number;
	time: number[];
	figures: Figure[];
}

/** Then the server is asked for fewer points of the same time. */
const MOST = 2400;

export const felt = signal<Felt | null>(null);

/** `started`: unix, when the run began. */
export function take(r: Resources, started: number, end: number): void {
	const last = r.at[r.at.length - 1] ?? 0;
	const step = r.at.length > 1 ? r.at[1] - r.at[0] : 1;

	// Pauses are not counted by `at`: the newest point is what is sure.
	felt.value = {
		started, figures: r.figures,
		time: r.at.map((at) => Math.round(Math.max(started, end - (last - at) - step))),
	};
}

let fetching = "";

function load(key: string): void {
	const started = run.peek()!.started;

	fetching = key;
	get<Resources>("api/v1/resources").then((r) => {
		if (fetching === key)
			take(r, started, Math.floor(now.peek()));
	}).catch(() => undefined).finally(() => { fetching = ""; });
}

let known = "";

/** Live: all of them once, then each second as it comes. */
export function startResources(): void {
	effect(() => {
		const list = figures.value;
		const t = Math.floor(now.value);

		if (list.length === 0) {
			known = "";
			felt.value = null;
			return;
		}
		const key = [run.peek()!.started, holes.value, list.length].join();
		const all = felt.peek();

		if (fetching)
			return;
		if (!all || key !== known || all.time.length > MOST) {
			known = key;
			load(key);
			return;
		}
		if (t <= (all.time[all.time.length - 1] ?? 0) || list.every(([, , v]) => v == null))
			return;
		const value = new Map(list.map(([name, , v]) => [name, v]));

		all.time.push(t);
		for (const f of all.figures)
			f.values.push(value.get(f.name) ?? null);
		felt.value = { ...all };
	});
}

// ---- words ----

const machine = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf(".")));
/** "app" of "app.net.in": names of targets have no dots. */
const target = (name: string) => name.split(".", 1)[0];

function show(v: number | null, unit: string): string {
	if (v == null)
		return nothing;
	if (unit === "share")
		return percent(v, 1);
	if (unit.startsWith("bytes"))
		return bytes(v) + unit.slice(5);
	return `${number(v)}${unit && unit !== "open" ? ` ${unit}` : ""}`;
}

// ---- the panel ----

const PANEL = 8;

function Machine({ name, list }: { name: string; list: Figure[] }) {
	const up = list.find((f) => f.name === `${name}.up`);
	const last = (f: Figure) => f.values[f.values.length - 1] ?? null;
	const gone = up != null && last(up) === 0;
	const shown = list.filter((f) => f !== up).sort((a, b) => Number(b.unit === "share") - Number(a.unit === "share")).slice(0, PANEL);

	return (
		<>
			<h4>{name}{" "}
				<small class={gone ? "bad" : "muted"}>{gone ? "✗ does not answer" : up == null ? "" : "answers"}</small></h4>
			<dl class="felt">
				{shown.map((f) => (
					<div key={f.name}>
						<dt title={f.name}>{shorten(f.name.slice(name.length + 1), 12)}</dt>
						<Sparkline values={f.values.slice(-60)} tone="blue" />
						<dd>{show(last(f), f.unit)}</dd>
					</div>
				))}
			</dl>
		</>
	);
}

/** The machines of this second. */
export function TargetPanel() {
	const r = felt.value;

	void version.value;
	if (!r || figures.value.length === 0)
		return null;
	const names = [...new Set(r.figures.map((f) => target(f.name)))];

	return (
		<section class="top5" aria-label="Target">
			<h3>What the target feels</h3>
			{names.map((name) => <Machine key={name} name={name} list={r.figures.filter((f) => target(f.name) === name)} />)}
		</section>
	);
}

// ---- charts ----

const styles = [
	{ color: "blue" },
	{ color: "amber", dash: [6, 3] },
	{ color: "red", dash: [2, 2] },
];

function groups(all: Figure[]): Figure[][] {
	const result: Figure[][] = [];

	for (const f of all) {
		const last = result[result.length - 1];

		if (f.name.endsWith(".up"))
			continue;
		if (last && last.length < styles.length && last[0].unit === f.unit && machine(last[0].name) === machine(f.name))
			last.push(f);
		else
			result.push([f]);
	}
	return result;
}

export function FeltCharts() {
	const r = felt.value;
	const { from, to } = bounds();

	void version.value;
	if (!r || r.time.length === 0)
		return null;
	return (
		<>
			{groups(r.figures).map((group) => {
				const { name, unit } = group[0];
				const share = unit === "share";
				const lines: Line[] = group.map((f, i) => ({
					label: f.name.slice(machine(f.name).length).replace(/^\./, ""), ...styles[i],
					values: share ? f.values.map((v) => (v == null ? null : v * 100)) : f.values,
				}));

				return <Chart key={name} title={machine(name)} unit={share ? "%" : unit} time={r.time} from={from} to={to}
					bytes={unit.startsWith("bytes")} format={unit.startsWith("bytes") ? (v) => (v == null ? "" : bytes(v)) : number} height={140} lines={lines} />;
			})}
		</>
	);
}
