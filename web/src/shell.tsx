// What surrounds every screen: header, timeline, tabs, the states of the
// connection, short messages.
import { computed, effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { actedAt, dismiss, note, reset, stop, stopNow, toast, toasts } from "./actions";
import { normalise } from "./normalise";
import { axisTime, Canvas, frame, margin } from "./canvas";
import { bounds, rate, whole } from "./data";
import { clock, count, number, percent, quantile, time as clockTime } from "./format";
import { useFocus } from "./focus";
import { EditLoad, editOpen, PauseButton } from "./load";
import { goLive, isLive, range, savedTabs, tab, tabs, type Tab } from "./route";
import { active, canAct, connection, errors, events, log, lostSince, meta, now, run, total, verdict, version, workers } from "./store";
import { color, theme } from "./theme";

// ---- badges: unseen things, cleared by a visit ----

const seen = signal<Record<string, number>>({});

export const counts = computed(() => ({
	failures: new Set(errors.value.map((e) => normalise(e.text))).size,
	workers: run.value ? run.value.workers_lost + run.value.workers_crashed : 0,
	log: log.value.filter((l) => l.level === "warning" || l.level === "error").length,
}));

effect(() => {
	const at = tab.value as keyof typeof counts.value;
	const c = counts.value;

	if (at in c && seen.peek()[at] !== c[at])
		seen.value = { ...seen.peek(), [at]: c[at] };
});

function badge(id: Tab): number {
	const all = counts.value as Record<string, number>;

	return Math.max(0, (all[id] ?? 0) - (seen.value[id] ?? 0));
}

// ---- trust: when the figures may be ours and not the target's ----

export const saturated = computed(() => workers.value.filter((w) => w.state !== "missing" && (w.cpu > 90 || w.busy > 0.9)));

/** `what` says it without figures, which change each second. */
export const warnings = computed(() => {
	const r = run.value;
	const list: { what: string; text: string }[] = [];

	if (!r)
		return list;
	const missing = workers.value.filter((w) => w.state === "missing").length;

	if (missing > 0 && active.value)
		list.push({ what: "workers lost",
			text: `${missing} of ${workers.value.length} workers lost: ${r.users} of ${r.target} users are running` });
	for (const w of active.value ? saturated.value : [])
		list.push({ what: `generator-limited: ${w.id}`,
			text: `Generator-limited: ${w.id} CPU ${number(w.cpu)} %, its loop is late by up to ${number(w.delay_ms)} ms. ` +
				"Latency may include our own delay; add workers or lower the load" });
	if (r.paused)
		list.push({ what: "paused", text: `Paused: no user begins anything new${r.paused_s >= 1 ? `; ${clock(r.paused_s)} so far` : ""}` });
	if (r.waiting)
		list.push({ what: "waiting for workers", text: "Waiting for the expected workers" });
	return list;
});

function Stat({ label, children, tone, title }:
	{ label: string; children: ComponentChildren; tone?: string; title?: string }) {
	return (
		<div class={`stat ${tone ?? ""}`} title={title}>
			<span>{label}</span>
			<b>{children}</b>
		</div>
	);
}

const menuOpen = signal(false);
export const noteOpen = signal(false);
export const helpOpen = signal(false);

const states: Record<string, string> = {
	ready: "Ready", spawning: "Spawning", running: "Running", stopping: "Stopping", stopped: "Stopped",
};

function Menu() {
	const box = useRef<HTMLDivElement>(null);

	useEffect(() => {
		const close = (e: MouseEvent | KeyboardEvent) => {
			const escape = e instanceof KeyboardEvent && e.key === "Escape";

			if (escape && menuOpen.value)
				box.current?.querySelector("button")?.focus();
			if (escape || (e instanceof MouseEvent && !box.current?.contains(e.target as Node)))
				menuOpen.value = false;
		};

		document.addEventListener("click", close);
		document.addEventListener("keydown", close);
		return () => {
			document.removeEventListener("click", close);
			document.removeEventListener("keydown", close);
		};
	}, []);
	const copy = (text: string, what: string) => {
		navigator.clipboard?.writeText(text).then(() => toast(`${what} copied`), () => toast("Cannot copy here", "bad"));
		menuOpen.value = false;
	};

	return (
		<div class="menu" ref={box}>
			<button aria-haspopup="true" aria-expanded={menuOpen.value} aria-label="More"
				onClick={() => { menuOpen.value = !menuOpen.value; }}>⋯</button>
			{menuOpen.value && (
				<div class="menu-items">
					<a href={`stats/report?download=1&theme=${theme.value === "dark" ? "dark" : "light"}`}>Report (HTML)</a>
					<a href="stats/requests/csv">Requests (CSV)</a>
					<a href="stats/failures/csv">Failures (CSV)</a>
					<a href="stats/requests" target="_blank" rel="noreferrer">Statistics (JSON)</a>
					<button onClick={() => copy(location.href, "Link")}>Copy link to this view</button>
					{meta.value?.command_line && (
						<button onClick={() => copy(meta.value!.command_line!, "Command line")}>Copy as command line</button>
					)}
					<button disabled={!canAct.value || !run.value}
						onClick={() => { menuOpen.value = false; noteOpen.value = true; }}>Add a note…</button>
					<button disabled={!canAct.value} onClick={() => { menuOpen.value = false; reset(); }}>Reset statistics</button>
					<button onClick={() => { menuOpen.value = false; helpOpen.value = true; }}>Keyboard shortcuts</button>
					<label>
						Theme{" "}
						<select value={theme.value}
							onChange={(e) => { theme.value = e.currentTarget.value as typeof theme.value; }}>
							<option value="auto">as the system</option>
							<option value="light">light</option>
							<option value="dark">dark</option>
						</select>
					</label>
					<small>swarm {meta.value?.version}</small>
				</div>
			)}
		</div>
	);
}

function NoteForm() {
	const [text, setText] = useState("");
	const box = useRef<HTMLFormElement>(null);
	const first = useRef<HTMLInputElement>(null);

	useFocus(box, false, first);
	return (
		<form class="popover" ref={box} aria-label="Note" onKeyDown={(e) => { if (e.key === "Escape") noteOpen.value = false; }}
			onSubmit={(e) => { e.preventDefault(); noteOpen.value = false; if (text) note(text); }}>
			<label>Note for the timeline <input ref={first} maxLength={500} value={text}
				onInput={(e) => setText(e.currentTarget.value)} /></label>
			<div class="buttons">
				<button class="primary">Add</button>
				<button type="button" onClick={() => { noteOpen.value = false; }}>Cancel</button>
			</div>
		</form>
	);
}

const window5 = () => (verdict.value ? "the whole test" : "the last 5 s");
const verdicts = { passed: "✓ Passed", failed: "✗ Failed", inconclusive: "? Inconclusive" };

/** A report as it is without scripts; a reload brings the page back. */
export function showPlain(): void {
	document.documentElement.dataset.report = "plain";
	(document.getElementById("plain-style") as HTMLStyleElement).media = "all";
	document.getElementById("app-style")!.remove();
}

/** Of a report: back to its pages without scripts. */
function PlainButton() {
	return (
		<button onClick={showPlain}
			title="as it is printed, and without scripts">Plain report</button>
	);
}

export function Header({ onNew }: { onNew: () => void }) {
	const r = run.value;
	const t = total.value;

	if (!r || !t)
		return <header class="top"><b class="brand">swarm</b> <span class="muted">connecting…</span></header>;
	const few = t.recent_count < 1000;
	const stale = connection.value === "lost" || connection.value === "dead";

	return (
		<header class={`top${stale ? " stale" : ""}`}>
			<div class={`line${active.value ? " busy" : ""}`}>
				<b class="brand">swarm</b>
				<span class="scenario" title={meta.value?.command_line ?? undefined}>{meta.value?.scenario ?? ""}</span>
				<span class={`state s-${r.state}${r.paused ? " paused" : ""}`}>
					<i aria-hidden="true" />{r.paused ? "Paused" : states[r.state]}
					{r.state !== "ready" && ` ${clock(r.elapsed)}`}
					{r.run_time > 0 && active.value && ` / ${clock(r.run_time)}`}
				</span>
				{verdict.value && <b class={`verdict v-${verdict.value.result}`}>{verdicts[verdict.value.result]}</b>}
				{verdict.value && <span class="muted">{verdict.value.reason}; exit code {verdict.value.exit_code}</span>}
				{!verdict.value && r.state === "stopped" && r.stop_reason && <span class="muted">{r.stop_reason}</span>}
				<span class="grow" />
				{verdict.value ? <PlainButton /> : active.value
					? <>
						<PauseButton />
						<button aria-expanded={editOpen.value} disabled={!canAct.value || r.state === "stopping"}
							onClick={() => { editOpen.value = !editOpen.value; }}>Edit load</button>
						<button class="stop" disabled={!canAct.value || r.state === "stopping"} onClick={() => stop()}>
							{r.state !== "stopping" ? "Stop" : r.stop_left > 0 ? `Stopping… ${Math.ceil(r.stop_left)} s` : "Stopping…"}</button>
						{r.state === "stopping" && r.stop_left > 0 && (
							<button class="stop" disabled={!canAct.value} onClick={() => stopNow()}
								title="tasks under way are cut off">Stop now</button>
						)}
					</>
					: r.state !== "ready" && <button class="primary" disabled={!canAct.value} onClick={onNew}>New test</button>}
				{!verdict.value && <Menu />}
				{editOpen.value && active.value && <EditLoad />}
				{noteOpen.value && <NoteForm />}
			</div>
			<div class="stats" role="group" aria-label={verdict.value ? "The whole test" : "The last 5 seconds"}>
				<Stat label="users" tone={active.value && r.users < r.wanted ? "warn" : ""}
					title="running / wanted at the end of the ramp">{count(r.users)}/{count(r.target)}</Stat>
				<Stat label="req/s" title={window5()}>{number(t.rps)}</Stat>
				<Stat label="failed" tone={t.fps > 0 ? "bad" : ""} title={`of the requests, ${window5()}`}>
					{percent(t.fps, t.rps)}</Stat>
				<Stat label="p50 ms" title={window5()}>{quantile(t.recent[0], 0.5, t.recent_count)}</Stat>
				<Stat label="p95 ms" title={window5()}>{quantile(t.recent[5], 0.95, t.recent_count)}</Stat>
				<Stat label="p99 ms" title={few ? "few samples: fewer than 1 000 in the last 5 s" : "the last 5 s"}>
					{quantile(t.recent[7], 0.99, t.recent_count)}</Stat>
				<Stat label="workers" tone={r.workers < workers.value.length ? "warn" : ""}>
					{count(r.workers)}/{count(workers.value.length)}</Stat>
				<Stat label="requests" title="since the start or the reset">{count(t.requests)}</Stat>
				<Stat label="failures" tone={t.failures > 0 ? "bad" : ""}>{count(t.failures)}</Stat>
				<span class="muted note">{verdict.value ? "the whole test" :
					`last 5 s; counts since ${clockTime(r.started || now.value)}`}</span>
			</div>
		</header>
	);
}

export function Bars() {
	const c = connection.value;

	return (
		<>
			{(c === "lost" || c === "dead") && (
				<div class={`bar ${c === "dead" ? "bad" : "warn"}`} role="alert" data-bar={c}>
					{c === "lost"
						? `No data since ${clockTime(lostSince.value)} – reconnecting`
						: `swarm is not answering since ${clockTime(lostSince.value)}; it may have ended` +
							(run.value?.stop_reason ? ` (${run.value.stop_reason})` : "")}
				</div>
			)}
			{warnings.value.map((w) => <div class="bar warn" key={w.what}>⚠ {w.text}</div>)}
		</>
	);
}

// ---- timeline: the whole test, a range to choose, what happened ----

export function Timeline() {
	const c = whole.value;
	const drag = useRef<number | null>(null);
	const [hover, setHover] = useState<string>("");
	const began = run.value?.started || meta.value?.started || 0;
	const end = Math.max(now.value, began + (verdict.value ? 1 : 10));
	const { from, to } = bounds();
	const ok = rate(c, "requests");
	const failed = rate(c, "failures");
	const top = Math.max(1, ...ok.map((v) => v ?? 0));

	void version.value;
	const at = (x: number, width: number) => {
		const inner = width - margin.left - margin.right;

		return began + (Math.min(1, Math.max(0, (x - margin.left) / inner)) * (end - began));
	};
	const nudge = (e: KeyboardEvent) => {
		const r = bounds();
		const width = r.to - r.from;

		if (e.key === "Escape") {
			goLive();
		} else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
			const step = Math.max(1, Math.round(width / 4)) * (e.key === "ArrowLeft" ? -1 : 1);

			e.preventDefault();
			range.value = { from: Math.max(began, r.from + step), to: Math.min(end, Math.max(began + 10, r.to + step)) };
		}
	};

	if (!run.value || run.value.state === "ready")
		return null;
	return (
		<section class="timeline" aria-label="Timeline">
			<div class="timeline-plot" tabIndex={0} onKeyDown={nudge} role="application"
				aria-label={`Timeline; shown: ${clockTime(from)} to ${clockTime(to)}. Arrow keys move, Escape returns to live`}
				onPointerDown={(e) => {
					const box = e.currentTarget.getBoundingClientRect();

					drag.current = at(e.clientX - box.left, box.width);
				}}
				onPointerUp={(e) => {
					const box = e.currentTarget.getBoundingClientRect();
					const t = at(e.clientX - box.left, box.width);

					if (drag.current != null && Math.abs(t - drag.current) >= 1)
						range.value = { from: Math.min(t, drag.current), to: Math.max(t, drag.current) };
					drag.current = null;
				}}>
				<Canvas label="Requests a second over the whole test" height={46}
					deps={[c, from, to, events.value, end]}
					onPoint={(x, _y, width) => {
						const t = at(x, width);
						const near = events.value.filter((v) => Math.abs(v.time - t) < (end - began) / 80);

						setHover(near.length > 0 ? near.map((v) => `${clockTime(v.time)} ${v.text}`).join(" · ")
							: clockTime(t));
					}}
					onLeave={() => setHover("")}
					draw={(ctx, width, height) => {
						const inner = width - margin.left - margin.right;
						const place = (t: number) => margin.left + (inner * (t - began)) / (end - began);
						const floor = height - 16;

						frame(ctx, width, height);
						ctx.fillStyle = `${color("blue")}22`;
						ctx.fillRect(place(Math.max(began, from)), 0,
							Math.max(2, place(Math.min(end, to)) - place(Math.max(began, from))), floor);
						c.time.forEach((t, i) => {
							const n = ok[i];

							if (n == null || t < began - c.step)
								return;
							const h = ((floor - 2) * n) / top;
							const bad = ((floor - 2) * (failed[i] ?? 0)) / top;

							// Whole pixels: between two of them would be a seam.
							const left = Math.round(place(t));
							const wide = Math.max(1, Math.round(place(Math.min(end, t + c.step))) - left);

							ctx.fillStyle = color("blue");
							ctx.fillRect(left, floor - h, wide, h);
							ctx.fillStyle = color("red");
							ctx.fillRect(left, floor - h, wide, bad);
						});
						ctx.fillStyle = color("text");
						for (const event of events.value) {
							if (event.time < began)
								continue;
							ctx.fillStyle = color(event.kind === "worker" ? "red" : event.kind === "note" ? "purple" : "text");
							ctx.fillRect(place(event.time) - 0.5, 0, 1, floor);
							ctx.beginPath();
							ctx.arc(place(event.time), 3, 3, 0, 7);
							ctx.fill();
						}
						ctx.fillStyle = color("muted");
						axisTime(ctx, began, end, width, height + 6, true);
					}} />
			</div>
			<div class="ranges" role="group" aria-label="Range of time">
				{(verdict.value ? [["whole test", 0]] : [["5 min", 300], ["15 min", 900], ["whole test", 0]]).map(([label, live]) => {
					const r = range.value;

					return (
						<button key={label} class="quiet" aria-pressed={"live" in r && r.live === live}
							onClick={() => { range.value = { live: live as number }; }}>{label}</button>
					);
				})}
				{!isLive.value && (
					<>
						<b>{clockTime(from)}–{clockTime(to)}</b>
						{!verdict.value && <button class="quiet" onClick={goLive}>Live ▸</button>}
					</>
				)}
				<span class="muted hover">{hover}</span>
			</div>
		</section>
	);
}

export function Tabs() {
	return (
		<nav class="tabs" aria-label="Views">
			{(verdict.value ? savedTabs : tabs).map((t) => {
				const n = badge(t.id);

				return (
					<a key={t.id} href={`?tab=${t.id}`} aria-current={tab.value === t.id ? "page" : undefined}
						onClick={(e) => { e.preventDefault(); tab.value = t.id; }}>
						{t.label}{n > 0 && <span class="badge" aria-label={`${n} new`}>{n}</span>}
					</a>
				);
			})}
		</nav>
	);
}

export function Toasts() {
	return (
		<div class="toasts" role="status">
			{toasts.value.map((t) => (
				<div key={t.id} class={`toast ${t.tone}`}>
					{t.text}
					{t.action && <button onClick={() => { dismiss(t.id); t.action!.run(); }}>{t.action.label}</button>}
					<button class="quiet" aria-label="Dismiss" onClick={() => dismiss(t.id)}>×</button>
				</div>
			))}
		</div>
	);
}

// Somebody else did something: say so, once.
let lastState = "";
let lastTarget = -1;

effect(() => {
	const r = run.value;

	if (!r)
		return;
	const foreign = performance.now() - actedAt > 1000 && connection.peek() === "live" && lastState !== "";
	const was = lastState === "spawning" || lastState === "running";
	const is = r.state === "spawning" || r.state === "running";

	if (foreign && was && !is)
		toast(`${r.state === "stopping" ? "Stopping" : "Over"}: ${r.stop_reason ?? "stopped from elsewhere"}`);
	else if (foreign && !was && is)
		toast("Started from elsewhere");
	else if (foreign && was && is && r.target !== lastTarget)
		toast(`Load changed from elsewhere: ${r.target} users`);
	lastState = r.state;
	lastTarget = r.target;
});

const shortcuts: [string, string][] = [
	["g, then o p y f c w g r", "go to a view"],
	["/", "search"],
	["e", "edit the load"],
	["s s", "stop"],
	["l", "live"],
	["n", "note"],
	["[ ]", "previous and next endpoint"],
	["?", "this help"],
	["Esc", "close"],
];

export const Help = () => (helpOpen.value ? <HelpDialog /> : null);

function HelpDialog() {
	const box = useRef<HTMLDivElement>(null);
	const close = useRef<HTMLButtonElement>(null);

	useFocus(box, true, close);
	return (
		<div class="cover" onClick={() => { helpOpen.value = false; }}>
			<div class="dialog" ref={box} role="dialog" aria-modal="true" aria-label="Keyboard shortcuts" onClick={(e) => e.stopPropagation()}
				onKeyDown={(e) => { if (e.key === "Escape") helpOpen.value = false; }}>
				<h2>Keyboard</h2>
				<dl>{shortcuts.map(([k, v]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{v}</dd></div>)}</dl>
				<label><input type="checkbox" checked={keysOn.value}
					onChange={(e) => { keysOn.value = e.currentTarget.checked; }} /> single keys act</label>
				<div class="buttons"><button ref={close} onClick={() => { helpOpen.value = false; }}>Close</button></div>
			</div>
		</div>
	);
}

export const keysOn = signal(true);
