// A time chart on uPlot: one y axis, gaps stay gaps, the cursor is shared by
// all charts, a drag chooses the range of everything, and the same figures are
// there as a table and by arrow keys.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { events } from "./store";
import { range } from "./route";
import { color, dark } from "./theme";
import { clock, tick, time as wallTime } from "./format";

export interface Line {
	label: string;
	color: string;
	values: (number | null)[];
	dash?: number[];
	fill?: boolean;
	width?: number;
}

interface Props {
	title: string;
	unit: string;
	time: number[];
	lines: Line[];
	from: number;
	to: number;
	format: (n: number | null) => string;
	log?: boolean;
	height?: number;
	/** Draw the first line on top of the second: they are added. */
	stacked?: boolean;
	/** There is nothing between two whole numbers. */
	whole?: boolean;
	/** The unit is bytes: steps are powers of two. */
	bytes?: boolean;
	hint?: string;
	/** The axis counts from zero: no wall clock, no events, no choosing. */
	elapsed?: boolean;
}

const BYTES = Array.from({ length: 60 }, (_, p) => 2 ** p);
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((p) => [1, 2, 5].map((m) => m * 10 ** p));
const lane = new Set(["state", "worker", "load", "note", "reset", "threshold", "stage"]);

function drawEvents(u: uPlot): void {
	const { ctx } = u;

	ctx.save();
	ctx.strokeStyle = color("muted");
	ctx.setLineDash([2, 3]);
	for (const event of events.peek()) {
		if (!lane.has(event.kind) || event.time < u.scales.x.min! || event.time > u.scales.x.max!)
			continue;
		const x = Math.round(u.valToPos(event.time, "x", true));

		ctx.beginPath();
		ctx.moveTo(x, u.bbox.top);
		ctx.lineTo(x, u.bbox.top + u.bbox.height);
		ctx.stroke();
	}
	ctx.restore();
}

const AXIS = 56;
const RIGHT = 12;

/** A label of the time axis at the very edge; by its width to be, since labels are made before the plot has it. */
function isCut(u: uPlot, at: number): boolean {
	const { min, max } = u.scales.x;
	const room = u.width - AXIS - RIGHT;

	return room * (1 - (at - min!) / (max! - min!)) < 14;
}

function stack(lines: Line[]): (number | null)[][] {
	const sums = lines.map((l) => l.values);

	if (lines.length < 2)
		return sums;
	// The later ones lie below.
	for (let i = lines.length - 2; i >= 0; i--) {
		const below = sums[i + 1];

		sums[i] = lines[i].values.map((v, k) => (v == null ? null : v + (below[k] ?? 0)));
	}
	return sums;
}

function options(props: Props, width: number, setAt: (i: number | null) => void): uPlot.Options {
	const clockTime = props.elapsed ? clock : wallTime;
	const muted = color("muted");
	const font = "11px system-ui, sans-serif";
	const grid = { stroke: color("line"), width: 1 };

	return {
		width,
		height: props.height ?? 190,
		padding: [8, RIGHT, 0, 0],
		cursor: {
			sync: { key: props.elapsed ? "elapsed" : "time" },
			drag: { x: true, y: false, setScale: false },
			points: { size: 6 },
		},
		legend: { show: false },
		scales: {
			x: { time: !props.elapsed, range: () => [props.from, props.to] },
			y: props.log
				? { distr: 3, range: (_u, lo, hi) => [Math.max(0.001, (lo ?? 0.1) * 0.8), (hi ?? 10) * 1.25] }
				: { range: (_u, _lo, hi) => [0, hi > 0 ? hi * 1.08 : 1] },
		},
		axes: [
			{ stroke: muted, font, grid, ticks: grid, size: 28,
				values: (u, splits) => splits.map((s) => (isCut(u, s) ? "" : clockTime(s))), space: 80 },
			{ stroke: muted, font, grid, ticks: { show: false }, size: AXIS, ...(props.whole ? { incrs: WHOLE } : props.bytes ? { incrs: BYTES, space: 24 } : {}),
				values: (_u, splits) => splits.map((s) => (s == null ? "" : tick(props.format(s)))) },
		],
		series: [
			{},
			...props.lines.map((line) => ({
				label: line.label,
				stroke: color(line.color),
				width: line.width ?? 1.5,
				dash: line.dash,
				fill: line.fill ? `${color(line.color)}33` : undefined,
				points: { show: false },
				spanGaps: props.elapsed,
			})),
		],
		hooks: {
			draw: props.elapsed ? [] : [drawEvents],
			setCursor: [(u) => setAt(u.cursor.idx ?? null)],
			setSelect: [(u) => {
				if (u.select.width < 6)
					return;
				const a = u.posToVal(u.select.left, "x");
				const b = u.posToVal(u.select.left + u.select.width, "x");

				u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
				if (b - a >= 1 && !props.elapsed)
					range.value = { from: a, to: b };
			}],
		},
	};
}

function AsTable({ props }: { props: Props }) {
	const clockTime = props.elapsed ? clock : wallTime;
	const first = Math.max(0, props.time.length - 300);

	return (
		<div class="chart-table" tabIndex={0} role="region" aria-label={`${props.title}, as a table`}>
			<table>
				<thead>
					<tr>
						<th scope="col">Time</th>
						{props.lines.map((l) => <th scope="col" key={l.label}>{l.label}</th>)}
					</tr>
				</thead>
				<tbody>
					{props.time.slice(first).map((t, i) => (
						<tr key={t}>
							<th scope="row">{clockTime(t)}</th>
							{props.lines.map((l) => (
								<td key={l.label}>{props.format(l.values[first + i] ?? null)}</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

export function Chart(props: Props) {
	const host = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const latest = useRef(props);
	const frame = useRef(0);
	const [at, setAt] = useState<number | null>(null);
	const [asTable, setAsTable] = useState(false);
	const [said, setSaid] = useState("");
	const shape = props.lines.map((l) => l.label + l.color).join() + String(props.log) + String(dark.value);

	latest.current = props;

	useEffect(() => {
		const box = host.current;

		if (!box || asTable)
			return;
		const later = (i: number | null) => {
			cancelAnimationFrame(frame.current);
			frame.current = requestAnimationFrame(() => setAt(i));
		};
		const live = { ...props };
		const o = options(live, box.clientWidth || 400, later);

		o.scales!.x!.range = () => [latest.current.from, latest.current.to];
		plot.current = new uPlot(o, [props.time, ...(props.stacked ? stack(props.lines) : props.lines.map((l) => l.values))],
			box);
		const observer = new ResizeObserver(() => {
			plot.current?.setSize({ width: box.clientWidth, height: props.height ?? 190 });
		});

		observer.observe(box);
		return () => {
			observer.disconnect();
			cancelAnimationFrame(frame.current);
			plot.current?.destroy();
			plot.current = null;
		};
	}, [shape, asTable]);

	useEffect(() => {
		plot.current?.setData([props.time,
			...(props.stacked ? stack(props.lines) : props.lines.map((l) => l.values))]);
	// Live ones grow in place.
	}, [props.time, props.time.length, props.from, props.to, props.lines[0]?.values]);

	const clockTime = props.elapsed ? clock : wallTime;
	const last = props.time.length - 1;
	const index = at ?? last;
	const valuesAt = (i: number) => props.lines.map((l) => `${l.label} ${props.format(l.values[i] ?? null)}`).join(", ");
	const move = (event: KeyboardEvent) => {
		const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
		const u = plot.current;

		if (!step || !u || last < 0)
			return;
		event.preventDefault();
		const next = Math.min(last, Math.max(0, index + step));

		u.setCursor({ left: u.valToPos(props.time[next], "x"), top: 10 });
		setSaid(`${clockTime(props.time[next])}: ${valuesAt(next)}`);
	};

	return (
		<figure class="chart">
			<figcaption>
				<h3>{props.title} <small>{props.unit}</small></h3>
				{props.hint && <small class="hint">{props.hint}</small>}
				<span class="legend">
					{props.lines.map((line) => (
						<span key={line.label} class={`key c-${line.color}${line.dash ? " dashed" : ""}`}>
							{line.label} <b>{props.format(line.values[index] ?? null)}</b>
						</span>
					))}
					<span class="at">{index >= 0 ? clockTime(props.time[index]) : ""}</span>
				</span>
				<button class="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
					{asTable ? "Chart" : "Table"}
				</button>
			</figcaption>
			{asTable
				? <AsTable props={props} />
				: <div ref={host} class="plot" tabIndex={0} role="img" onKeyDown={move} onBlur={() => setSaid("")}
					aria-label={`${props.title}: ${valuesAt(index)} ${props.unit}`} />}
			<span class="sr" role="status">{said}</span>
		</figure>
	);
}
