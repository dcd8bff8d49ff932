// The start form: what will run, with which load, and where to.
import { useEffect, useRef, useState } from "preact/hooks";
import { start } from "./actions";
import { Canvas, frame, margin } from "./canvas";
import { clock, count } from "./format";
import { canAct, meta, run, workers, type Task } from "./store";
import { color } from "./theme";

function seconds(text: string): number {
	const plain = Number(text);

	if (text.trim() !== "" && Number.isFinite(plain))
		return plain;
	let sum = 0;
	const rest = text.replace(/(\d+(?:\.\d+)?)(ms|us|[dhms])/g, (_all, n: string, unit: string) => {
		sum += Number(n) * { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6 }[unit]!;
		return "";
	});

	return rest.trim() === "" && text !== "" ? sum : NaN;
}

function problem(field: string, value: string): string {
	const n = Number(value);

	switch (field) {
	case "user_count":
		return value !== "" && Number.isInteger(n) && n >= 1 && n <= 1e7 ? "" : "a whole number from 1 to 10 000 000";
	case "spawn_rate":
		return value !== "" && Number.isFinite(n) && n > 0 ? "" : "a number over 0";
	case "run_time":
		return value === "" || seconds(value) >= 0 ? "" : "such as 30s, 10m or 1h20m; empty: until stopped";
	case "host":
		return /[\s<>"]/.test(value) ? "an address without blanks" : "";
	}
	return "";
}

function quote(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

function Preview({ users, rate, time }: { users: number; rate: number; time: number }) {
	const ramp = users / rate;
	const span = time > 0 ? time : Math.max(60, ramp * 1.5);

	return (
		<figure class="preview">
			<figcaption>Planned users: {count(users)} after {clock(ramp)}
				{time > 0 && (ramp > time ? `, cut off by the run time of ${clock(time)}` : `, end after ${clock(time)}`)}</figcaption>
			<Canvas label={`Users rise to ${users} in ${clock(ramp)}`} height={110} deps={[users, rate, time]}
				draw={(ctx, width, height) => {
					const inner = width - margin.left - margin.right;
					const floor = height - margin.bottom;
					const x = (t: number) => margin.left + (inner * Math.min(t, span)) / span;
					const peak = Math.min(users, rate * span);
					const y = (n: number) => floor - ((floor - margin.top) * n) / Math.max(1, users);

					frame(ctx, width, height);
					ctx.textAlign = "right";
					ctx.textBaseline = "middle";
					ctx.fillText(count(users), margin.left - 6, y(users));
					ctx.fillText("0", margin.left - 6, floor);
					ctx.strokeStyle = color("purple");
					ctx.lineWidth = 2;
					ctx.beginPath();
					ctx.moveTo(x(0), floor);
					ctx.lineTo(x(Math.min(ramp, span)), y(peak));
					ctx.lineTo(x(span), y(peak));
					if (time > 0)
						ctx.lineTo(x(span), floor);
					ctx.stroke();
					ctx.fillStyle = color("muted");
					ctx.textAlign = "center";
					ctx.textBaseline = "top";
					for (let i = 0; i <= 4; i++)
						ctx.fillText(clock((span * i) / 4), margin.left + (inner * i) / 4, floor + 6);
				}} />
		</figure>
	);
}

function Tasks({ tasks }: { tasks: Task[] }) {
	return (
		<ul>
			{tasks.map((t) => (
				<li key={t.name}>{t.name} <span class="muted">×{t.weight}</span>{t.tasks.length > 0 && <Tasks tasks={t.tasks} />}</li>
			))}
		</ul>
	);
}

export function Start({ onStarted }: { onStarted: () => void }) {
	const m = meta.value;
	const r = run.value;
	const [values, setValues] = useState<Record<string, string>>({});
	const [refused, setRefused] = useState<{ field?: string; message: string } | null>(null);
	const [busy, setBusy] = useState(false);
	const first = useRef<HTMLInputElement>(null);

	useEffect(() => {
		first.current?.focus();
		first.current?.select();
	}, [m === null]);
	if (!m || !r)
		return <p class="muted pad">Loading…</p>;
	// What was used last, else what the command line said.
	const given: Record<string, string> = {
		user_count: String(r.target || m.load.users || 1),
		spawn_rate: String(r.spawn_rate || m.load.spawn_rate || 1),
		run_time: (r.run_time || m.load.run_time) > 0 ? `${r.run_time || m.load.run_time}s` : "",
		host: r.host ?? m.load.host ?? "",
	};
	const value = (f: string) => values[f] ?? given[f];
	const ready = workers.value.filter((w) => w.state !== "missing").length;
	const why = !canAct.value ? "swarm does not answer"
		: r.state === "stopping" ? "the last test is still stopping"
		: ready === 0 ? "no worker is there yet"
		: m.classes.length === 0 ? "the scenario declares no users" : "";
	const problems = ["user_count", "spawn_rate", "run_time", "host"].filter((f) => problem(f, value(f)));
	const submit = async (e: Event) => {
		e.preventDefault();
		if (why || problems.length > 0)
			return;
		setBusy(true);
		setRefused(null);
		const failure = await start({
			user_count: value("user_count"), spawn_rate: value("spawn_rate"),
			run_time: value("run_time") || "0", host: value("host"),
		});

		setBusy(false);
		if (failure)
			setRefused(failure);
		else
			onStarted();
	};
	const field = (name: string, label: string, help: string, mode: "numeric" | "decimal" | "text" | "url") => {
		const wrong = problem(name, value(name)) || (refused?.field === name ? refused.message : "");

		return (
			<label class="field">
				<span>{label}</span>
				<input ref={name === "user_count" ? first : undefined} name={name} inputMode={mode} value={value(name)}
					aria-invalid={wrong ? "true" : undefined} aria-describedby={`${name}-help`} autocomplete="off"
					onInput={(e) => {
						setValues({ ...values, [name]: e.currentTarget.value });
						setRefused(null);
					}} />
				<small id={`${name}-help`} class={wrong ? "bad" : "muted"}>{wrong ? `✗ ${wrong}` : help}</small>
			</label>
		);
	};
	const command = [`swarm -f ${quote(m.scenario ?? "x.c")}`, "--headless",
		value("host") && `-H ${quote(value("host"))}`, `-u ${quote(value("user_count"))}`,
		`-r ${quote(value("spawn_rate"))}`, value("run_time") && `-t ${quote(value("run_time"))}`].filter(Boolean).join(" ");
	const weights = m.classes.reduce((sum, c) => sum + (c.fixed_count ? 0 : c.weight), 0);

	return (
		<main id="content" class="start">
			<form onSubmit={submit} aria-label="New test" noValidate>
				<h1>{r.state === "ready" ? "Start a test" : "Start another test"}</h1>
				<div class="fields">
					{field("user_count", "Users", "at the peak", "numeric")}
					{field("spawn_rate", "Spawn rate", "users a second", "decimal")}
					{field("host", "Host", "where the target is; empty: as the scenario says", "url")}
					{field("run_time", "Run time", "such as 10m; empty: until stopped", "text")}
				</div>
				{problems.length === 0 && (
					<Preview users={Number(value("user_count"))} rate={Number(value("spawn_rate"))}
						time={seconds(value("run_time")) || 0} />
				)}
				{refused && !refused.field && <p class="bad" role="alert">✗ {refused.message}</p>}
				<div class="buttons">
					<button class="primary" disabled={why !== "" || problems.length > 0 || busy}>Start</button>
					{why && <span class="warn-text">{why}</span>}
				</div>
				{ready === 0 && canAct.value && (
					<p>Start one with <code>swarm -f {m.scenario} --worker --master-host {location.hostname}</code></p>
				)}
				<p class="command"><span class="muted">The same without this page</span><code>{command}</code></p>
			</form>
			<section aria-label="Scenario">
				<h2>{m.scenario}</h2>
				<ul class="classes">
					{m.classes.map((c) => (
						<li key={c.name}>
							<b>{c.name}</b>{" "}
							<span class="muted">{c.fixed_count ? `exactly ${c.fixed_count}` :
								`weight ${c.weight} (${Math.round((100 * c.weight) / weights)} %)`}</span>
							<Tasks tasks={c.tasks} />
						</li>
					))}
				</ul>
				{m.settings.length > 0 && (
					<>
						<h3>Options in force</h3>
						<dl class="settings">
							{m.settings.map((s) => (
								<div key={`${s.module}.${s.name}`} title={s.help}>
									<dt>{s.module}.{s.name}</dt><dd>{s.value || "–"}</dd>
								</div>
							))}
						</dl>
					</>
				)}
				<h3>Workers</h3>
				<p>{ready} ready</p>
			</section>
		</main>
	);
}
