// What uPlot does not draw: heat map, histogram, scatter.  A canvas, and the
// same figures as text for those who do not see it.
import { useEffect, useRef } from "preact/hooks";
import { color, dark } from "./theme";
import { number, tick, time as clockTime } from "./format";

interface CanvasProps {
	label: string;
	height: number;
	draw: (ctx: CanvasRenderingContext2D, width: number, height: number) => void;
	deps: unknown[];
	onPoint?: (x: number, y: number, width: number) => void;
	onLeave?: () => void;
}

export function Canvas({ label, height, draw, deps, onPoint, onLeave }: CanvasProps) {
	const ref = useRef<HTMLCanvasElement>(null);
	const drawing = useRef(draw);

	drawing.current = draw;
	const paint = () => {
		const canvas = ref.current;
		const ratio = devicePixelRatio || 1;

		if (!canvas || canvas.clientWidth === 0)
			return;
		canvas.width = canvas.clientWidth * ratio;
		canvas.height = height * ratio;
		const ctx = canvas.getContext("2d")!;

		ctx.scale(ratio, ratio);
		ctx.font = "11px system-ui, sans-serif";
		drawing.current(ctx, canvas.clientWidth, height);
	};

	useEffect(paint, [...deps, dark.value]);
	useEffect(() => {
		const observer = new ResizeObserver(paint);

		observer.observe(ref.current!);
		return () => observer.disconnect();
	}, []);
	return (
		<canvas ref={ref} class="drawing" role="img" aria-label={label} style={{ height: `${height}px` }}
			onPointerMove={(e) => {
				const box = e.currentTarget.getBoundingClientRect();

				onPoint?.(e.clientX - box.left, e.clientY - box.top, box.width);
			}}
			onPointerLeave={onLeave} />
	);
}

export const margin = { left: 56, right: 12, top: 8, bottom: 22 };

/** Powers of ten and their halves between two times in ms. */
export function ticksOfLog(lo: number, hi: number): number[] {
	const ticks: number[] = [];

	for (let p = Math.floor(Math.log10(lo)); p <= Math.ceil(Math.log10(hi)); p++)
		for (const m of [1, 3])
			if (m * 10 ** p >= lo && m * 10 ** p <= hi)
				ticks.push(m * 10 ** p);
	return ticks;
}

export function frame(ctx: CanvasRenderingContext2D, width: number, height: number): void {
	ctx.clearRect(0, 0, width, height);
	ctx.strokeStyle = color("line");
	ctx.fillStyle = color("muted");
	ctx.lineWidth = 1;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

export function axisTime(ctx: CanvasRenderingContext2D, from: number, to: number, width: number, height: number,
	tight = false): void {
	const inner = width - margin.left - margin.right;
	const least = ((to - from) * 80) / Math.max(80, inner);
	const step = STEPS.find((s) => s >= least) ?? Math.ceil(least / 86400) * 86400;
	// Days begin at midnight, here.
	const shift = new Date(from * 1000).getTimezoneOffset() * 60;

	ctx.textAlign = "center";
	ctx.textBaseline = "top";
	for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) {
		const x = margin.left + (inner * (t - from)) / (to - from);

		// A label that would stand out of the picture.
		if (x <= width - 26)
			ctx.fillText(clockTime(t), x, height - margin.bottom + (tight ? 4 : 6));
	}
}

export function axisLog(ctx: CanvasRenderingContext2D, lo: number, hi: number, width: number, height: number,
	across: boolean): (ms: number) => number {
	const span = across ? width - margin.left - margin.right : height - margin.top - margin.bottom;
	const place = (v: number) => {
		const share = (Math.log(v) - Math.log(lo)) / (Math.log(hi) - Math.log(lo) || 1);

		return across ? margin.left + share * span : height - margin.bottom - share * span;
	};

	for (const v of ticksOfLog(lo, hi)) {
		const p = Math.round(place(v)) + 0.5;

		ctx.beginPath();
		if (across) {
			ctx.moveTo(p, margin.top);
			ctx.lineTo(p, height - margin.bottom);
			ctx.textAlign = "center";
			ctx.textBaseline = "top";
			ctx.fillText(tick(number(v)), p, height - margin.bottom + 6);
		} else {
			ctx.moveTo(margin.left, p);
			ctx.lineTo(width - margin.right, p);
			ctx.textAlign = "right";
			ctx.textBaseline = "middle";
			ctx.fillText(tick(number(v)), margin.left - 6, p);
		}
		ctx.stroke();
	}
	return place;
}

/** A small line without axes, as an SVG: for tiles and table rows. */
export function Sparkline({ values, tone }: { values: (number | null)[]; tone: string }) {
	const top = Math.max(1e-9, ...values.map((v) => v ?? 0));
	let path = "";
	let pen = false;

	values.forEach((v, i) => {
		if (v == null) {
			pen = false;
			return;
		}
		const x = (100 * i) / Math.max(1, values.length - 1);

		path += `${pen ? "L" : "M"}${x.toFixed(1)} ${(23 - (21 * v) / top).toFixed(1)}`;
		pen = true;
	});
	return (
		<svg class={`spark c-${tone}`} viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
			<path d={path} />
		</svg>
	);
}
