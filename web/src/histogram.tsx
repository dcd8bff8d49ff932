// Latency of a range as a histogram with its cumulative curve, and as the
// table of percentiles behind it.
import { useState } from "preact/hooks";
import type { Histogram } from "./api";
import { axisLog, Canvas, frame, margin } from "./canvas";
import { count, ms, number } from "./format";
import { meta } from "./store";
import { color } from "./theme";

/** The middle of the bucket of the k-th sample. */
export function quantile(data: Histogram, q: number): number | null {
	const bounds = meta.value?.buckets_ms;

	if (!bounds || data.count === 0)
		return null;
	const rank = Math.max(1, Math.ceil(q * data.count));
	let seen = 0;

	for (let i = 0; i < data.buckets.length; i += 2) {
		seen += data.buckets[i + 1];
		if (seen >= rank) {
			const b = data.buckets[i];

			return (bounds[b] + (bounds[b + 1] ?? bounds[b] * 1.04)) / 2;
		}
	}
	return null;
}

const spectrum = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];

export function HistogramView({ data }: { data: Histogram }) {
	const bounds = meta.value?.buckets_ms;
	const [linear, setLinear] = useState(false);
	const [at, setAt] = useState("");

	if (!bounds)
		return null;
	if (data.count === 0)
		return <p class="muted">No request finished in this range</p>;
	const lowest = data.buckets[0];
	const highest = data.buckets[data.buckets.length - 2];
	const lo = Math.max(0.001, bounds[lowest]);
	const hi = Math.max(lo * 1.2, bounds[highest + 1] ?? bounds[highest] * 1.1);
	// About forty bars: neighbouring buckets together.
	const group = Math.max(1, Math.ceil((highest - lowest + 1) / 40));
	const bars: { from: number; to: number; n: number }[] = [];

	for (let i = 0; i < data.buckets.length; i += 2) {
		const g = Math.floor((data.buckets[i] - lowest) / group);
		const start = lowest + g * group;

		bars[g] ??= { from: bounds[start], to: bounds[start + group] ?? hi, n: 0 };
		bars[g].n += data.buckets[i + 1];
	}
	const top = Math.max(...bars.filter(Boolean).map((b) => b.n));
	const known = spectrum.filter((q) => data.count * (1 - q) >= 1);

	return (
		<figure class="chart">
			<figcaption>
				<h3>Distribution <small>ms, n = {count(data.count)}</small></h3>
				<span class="legend"><span class="at">{at}</span></span>
				<label><input type="checkbox" checked={!linear} onChange={() => setLinear(!linear)} /> logarithmic</label>
			</figcaption>
			<Canvas height={170} deps={[data, linear]}
				label={`Histogram of ${data.count} samples: ${known.map((q) => `p${+(q * 100).toFixed(3)} ${ms(quantile(data, q))}`)
					.join(", ")} ms`}
				onPoint={(x, _y, width) => {
					const share = (x - margin.left) / (width - margin.left - margin.right);
					const v = linear ? lo + share * (hi - lo) : lo * (hi / lo) ** share;
					let below = 0;

					for (let i = 0; i < data.buckets.length; i += 2)
						if (bounds[data.buckets[i]] <= v)
							below += data.buckets[i + 1];
					setAt(share >= 0 && share <= 1 ? `${((100 * below) / data.count).toFixed(2)} % up to ${ms(v)} ms` : "");
				}}
				onLeave={() => setAt("")}
				draw={(ctx, width, height) => {
					const floor = height - margin.bottom;
					const span = width - margin.left - margin.right;

					frame(ctx, width, height);
					let x: (v: number) => number;

					if (linear) {
						x = (v) => margin.left + (span * (v - lo)) / (hi - lo);
						ctx.textAlign = "center";
						ctx.textBaseline = "top";
						for (let i = 0; i <= 5; i++)
							ctx.fillText(number(lo + ((hi - lo) * i) / 5), margin.left + (span * i) / 5, floor + 6);
					} else {
						x = axisLog(ctx, lo, hi, width, height, true);
					}
					ctx.fillStyle = color("blue");
					for (const b of bars) {
						if (!b)
							continue;
						const h = ((floor - margin.top) * b.n) / top;
						const left = x(Math.max(lo, b.from));

						ctx.fillRect(left, floor - h, Math.max(1, x(Math.min(hi, b.to)) - left - 1), h);
					}
					ctx.strokeStyle = color("amber");
					ctx.lineWidth = 1.5;
					ctx.beginPath();
					let sum = 0;

					ctx.moveTo(margin.left, floor);
					for (const b of bars) {
						if (!b)
							continue;
						sum += b.n;
						ctx.lineTo(x(Math.min(hi, b.to)), floor - ((floor - margin.top) * sum) / data.count);
					}
					ctx.stroke();
				}} />
			<dl class="spectrum">
				{known.map((q) => (
					<div key={q}><dt>p{+(q * 100).toFixed(3)}</dt><dd>{ms(quantile(data, q))}</dd></div>
				))}
			</dl>
		</figure>
	);
}
