// The load of a test that is not there yet: users, and arrivals where they
// come by themselves.  A plain ramp is drawn at once; for anything else the
// server plays its plan.
import { useEffect, useState } from "preact/hooks";
import { get } from "./api";
import { Canvas, frame, margin } from "./canvas";
import { clock, count, number } from "./format";
import { color } from "./theme";

interface Answer {
	span: number;
	ends: boolean;
	executors: { name: string; model: string; users: (number | null)[]; rate: (number | null)[] }[];
}

export interface Wish {
	user_count?: string;
	spawn_rate?: string;
	rate?: string;
	run_time?: string;
	executor?: string;
}

interface Line {
	label: string;
	values: (number | null)[];
}

const tones = ["purple", "blue", "green", "amber", "red"];

function Lines({ title, lines, span, height }: { title: string; lines: Line[]; span: number; height: number }) {
	const top = Math.max(1, ...lines.flatMap((l) => l.values.map((v) => v ?? 0)));
	const shown = lines.filter((l) => l.values.some((v) => v != null));

	return (
		<figure class="preview">
			<figcaption>{title}{shown.length > 1 && shown.map((l, i) => (
				<span key={l.label} class={`key c-${tones[i % tones.length]}`}> {l.label}</span>
			))}</figcaption>
			<Canvas label={title} height={height} deps={[lines, span]}
				draw={(ctx, width, h) => {
					const inner = width - margin.left - margin.right;
					const floor = h - margin.bottom;
					const y = (n: number) => floor - ((floor - margin.top) * n) / top;

					frame(ctx, width, h);
					ctx.textAlign = "right";
					ctx.textBaseline = "middle";
					ctx.fillText(Number.isInteger(top) ? count(top) : number(top), margin.left - 6, y(top));
					ctx.fillText("0", margin.left - 6, floor);
					ctx.lineWidth = 2;
					shown.forEach((line, k) => {
						const last = line.values.length - 1;

						ctx.strokeStyle = color(tones[k % tones.length]);
						ctx.beginPath();
						line.values.forEach((v, i) => {
							const x = margin.left + (inner * i) / last;

							if (v != null)
								ctx[i === 0 ? "moveTo" : "lineTo"](x, y(v));
						});
						ctx.stroke();
					});
					ctx.fillStyle = color("muted");
					ctx.textBaseline = "top";
					for (let i = 0; i <= 4; i++) {
						ctx.textAlign = i === 4 ? "right" : "center";
						ctx.fillText(clock((span * i) / 4), margin.left + (inner * i) / 4, floor + 6);
					}
				}} />
		</figure>
	);
}

const POINTS = 240;

/** Users that rise to a number and stay. */
export function Ramp({ users, rate, time }: { users: number; rate: number; time: number }) {
	const ramp = users / rate;
	const span = time > 0 ? time : Math.max(60, ramp * 1.5);
	const values = Array.from({ length: POINTS }, (_, i) => Math.min(users, (rate * span * i) / (POINTS - 1)));
	const end = time <= 0 ? "" : ramp > time ? `, cut off by the run time of ${clock(time)}` : `, end after ${clock(time)}`;

	return <Lines title={`Planned users: ${count(users)} after ${clock(ramp)}${end}`} lines={[{ label: "users", values }]}
		span={span} height={110} />;
}

export function Plan({ wish }: { wish: Wish }) {
	const [plan, setPlan] = useState<Answer | null>(null);
	const key = JSON.stringify(wish);

	useEffect(() => {
		const later = setTimeout(() => {
			get<Answer>("api/v1/plan", wish as Record<string, string | undefined>).then(setPlan, () => setPlan(null));
		}, 150);

		return () => clearTimeout(later);
	}, [key]);
	if (!plan)
		return null;
	const users = plan.executors.map((e) => ({ label: e.name || "users", values: e.users }));
	const rates = plan.executors.map((e) => ({ label: e.name || "arrivals", values: e.rate }));
	const unknown = plan.executors.filter((e) => e.users.every((v) => v == null)).map((e) => e.name || "the shape");

	return (
		<>
			<Lines title={`Planned users${plan.ends ? `, for ${clock(plan.span)}` : ""}`} lines={users} span={plan.span} height={110} />
			{rates.some((l) => l.values.some((v) => v != null)) && (
				<Lines title="Planned arrivals a second" lines={rates} span={plan.span} height={110} />
			)}
			{unknown.length > 0 && <p class="muted">{unknown.join(", ")}: the scenario decides as it goes.</p>}
		</>
	);
}
