// Where the time goes: the heat map shows two humps and stalls that a line
// hides; below it percentiles, distribution, and latency against throughput.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, type Heatmap, type Histogram, type History } from "./api";
import { axisLog, axisTime, Canvas, frame, margin } from "./canvas";
import { Chart } from "./chart";
import { bounds, columns, rate, type Columns } from "./data";
import { HistogramView } from "./histogram";
import { count, ms, number, shorten, time as clockTime } from "./format";
import { range } from "./route";
import { connection, meta, now, rows, version } from "./store";
import { color, dark } from "./theme";

const chosen = signal("");
const log = signal(true);

function Heat({ data, line }: { data: Heatmap; line: Columns }) {
	const all = meta.value?.buckets_ms;
	const [at, setAt] = useState("");

	if (!all)
		return null;
	let low = Infinity;
	let high = -Infinity;
	let top = 0;

	for (const column of data.columns)
		for (let i = 0; i < column.length; i += 2) {
			low = Math.min(low, column[i]);
			high = Math.max(high, column[i]);
			top = Math.max(top, column[i + 1]);
		}
	if (top === 0)
		return null;
	const bound = (row: number) => Math.max(0.0005, all[row * data.per_row] ?? all[all.length - 1] * 1.04);
	const lo = bound(low);
	const hi = bound(high + 1);
	// Colour by the logarithm: one request in a column of thousands shows.
	const shade = (n: number) => 0.15 + 0.85 * (Math.log1p(n) / Math.log1p(top));

	return (
		<figure class="chart">
			<figcaption>
				<h3>Heat map <small>ms; the stronger, the more requests</small></h3>
				<span class="legend">
					<span class="key c-green">p50</span><span class="key c-amber">p95</span><span class="key c-red">p99</span>
					<span class="at">{at}</span>
				</span>
			</figcaption>
			<Canvas height={260} deps={[data, line, dark.value]}
				label={`Requests by time and latency from ${clockTime(data.from)} to ${clockTime(data.to)}, ${number(lo)} to ${number(hi)} ms`}
				onPoint={(x, y, width) => {
					const t = data.from + ((x - margin.left) / (width - margin.left - margin.right)) * (data.to - data.from);
					const share = (260 - margin.bottom - y) / (260 - margin.bottom - margin.top);
					const v = lo * (hi / lo) ** share;
					const column = data.columns[Math.floor((t - data.from) / data.step)];
					let n = 0;

					for (let i = 0; column && i < column.length; i += 2)
						if (bound(column[i]) <= v && v < bound(column[i] + 1))
							n = column[i + 1];
					setAt(column && share >= 0 && share <= 1 ? `${clockTime(t)}: ${count(n)} near ${ms(v)} ms` : "");
				}}
				onLeave={() => setAt("")}
				draw={(ctx, width, height) => {
					frame(ctx, width, height);
					const y = axisLog(ctx, lo, hi, width, height, false);
					const inner = width - margin.left - margin.right;
					const x = (t: number) => margin.left + (inner * (t - data.from)) / (data.to - data.from);

					ctx.fillStyle = color("muted");
					axisTime(ctx, data.from, data.to, width, height);
					ctx.fillStyle = color("blue");
					data.columns.forEach((column, i) => {
						const left = Math.round(x(data.from + i * data.step));
						const right = Math.round(x(data.from + (i + 1) * data.step));

						for (let k = 0; k < column.length; k += 2) {
							const above = Math.round(y(bound(column[k] + 1)));

							ctx.globalAlpha = shade(column[k + 1]);
							ctx.fillRect(left, above, Math.max(1, right - left),
								Math.max(1, Math.round(y(bound(column[k]))) - above));
						}
					});
					ctx.globalAlpha = 1;
					ctx.lineWidth = 1.5;
					for (const [key, tone] of [["p50", "green"], ["p95", "amber"], ["p99", "red"]] as const) {
						let pen = false;

						ctx.strokeStyle = color(tone);
						ctx.beginPath();
						line.values[key].forEach((v, i) => {
							if (v == null || line.time[i] < data.from) {
								pen = false;
								return;
							}
							const px = x(line.time[i] + line.step / 2);
							const py = y(Math.min(hi, Math.max(lo, v)));

							if (pen)
								ctx.lineTo(px, py);
							else
								ctx.moveTo(px, py);
							pen = true;
						});
						ctx.stroke();
					}
				}} />
		</figure>
	);
}

/** One dot for each slot: the knee shows where more load only costs time. */
function Knee({ data }: { data: Columns }) {
	const through = rate(data, "requests");
	const points = data.time.map((t, i) => ({ t, x: through[i], y: data.values.p95[i] }))
		.filter((p): p is { t: number; x: number; y: number } => p.x != null && p.x > 0 && p.y != null && p.y > 0);

	if (points.length < 2)
		return null;
	const right = Math.max(...points.map((p) => p.x)) * 1.05;
	const lo = Math.min(...points.map((p) => p.y)) * 0.9;
	const hi = Math.max(...points.map((p) => p.y)) * 1.1;

	return (
		<figure class="chart">
			<figcaption><h3>Latency against throughput <small>p95 ms over req/s; stronger: later</small></h3></figcaption>
			<Canvas height={220} deps={[data]} label={`p95 between ${ms(lo)} and ${ms(hi)} ms at up to ${number(right)} requests a second`}
				draw={(ctx, width, height) => {
					frame(ctx, width, height);
					const y = axisLog(ctx, lo, hi, width, height, false);
					const inner = width - margin.left - margin.right;

					ctx.textAlign = "center";
					ctx.textBaseline = "top";
					for (let i = 0; i <= 5; i++)
						ctx.fillText(number((right * i) / 5), margin.left + (inner * i) / 5, height - margin.bottom + 6);
					ctx.fillStyle = color("purple");
					points.forEach((p, i) => {
						ctx.globalAlpha = 0.25 + (0.75 * i) / points.length;
						ctx.beginPath();
						ctx.arc(margin.left + (inner * p.x) / right, y(p.y), 3, 0, 7);
						ctx.fill();
					});
					ctx.globalAlpha = 1;
				}} />
		</figure>
	);
}

export function Latency() {
	const [heat, setHeat] = useState<Heatmap | null>(null);
	const [histogram, setHistogram] = useState<Histogram | null>(null);
	const [data, setData] = useState<Columns | null>(null);
	const r = range.value;
	const { from, to } = bounds();
	const stamp = "live" in r ? Math.floor(now.value / 5) : 0;

	void version.value;
	useEffect(() => {
		let current = true;
		const b = { ...bounds(), endpoint: chosen.value || undefined };

		Promise.all([
			get<Heatmap>("api/v1/heatmap", { ...b, points: 240 }),
			get<Histogram>("api/v1/histogram", b),
			get<History>("api/v1/history", { ...b, points: 300 }),
		]).then(([h, g, line]) => {
			if (!current)
				return;
			setHeat(h);
			setHistogram(g);
			setData(columns(line));
		}).catch(() => undefined);
		return () => { current = false; };
	}, [stamp, JSON.stringify(r), chosen.value]);
	return (
		<main id="content" class="latency">
			<div class="tools">
				{connection.value !== "saved" && <label>Endpoint{" "}
					<select value={chosen.value} onChange={(e) => { chosen.value = e.currentTarget.value; }}>
						<option value="">all together</option>
						{[...rows.values()].slice(0, 1000).map((row) => (
							<option key={row.id} value={row.id}>{row.type} {shorten(row.name, 60)}</option>
						))}
					</select>
				</label>}
				<label><input type="checkbox" checked={log.value} onChange={(e) => { log.value = e.currentTarget.checked; }} />
					{" "}logarithmic</label>
				<span class="muted">response times from the intended start</span>
			</div>
			{histogram?.count === 0 && <p class="empty">No request finished in this range</p>}
			{heat && data && <Heat data={heat} line={data} />}
			{data && histogram?.count !== 0 && (
				<Chart title="Percentiles" unit="ms" time={data.time} from={from} to={to} format={ms} log={log.value}
					lines={[
						{ label: "p50", color: "green", values: data.values.p50 },
						{ label: "p95", color: "amber", values: data.values.p95, dash: [6, 3] },
						{ label: "p99", color: "red", values: data.values.p99, dash: [2, 2] },
						{ label: "max", color: "muted", values: data.values.max, dash: [1, 3] },
					]} />
			)}
			<div class="pair">
				{histogram && histogram.count > 0 && <HistogramView data={histogram} />}
				{data && <Knee data={data} />}
			</div>
		</main>
	);
}
