// The first look at a running test: tiles, three charts on one time axis, and
// what is worth a second look.
import { signal } from "@preact/signals";
import { Chart } from "./chart";
import { Sparkline } from "./canvas";
import { bounds, rate, shown } from "./data";
import { bytes, clock, count, ms, number, percent, quantile, shorten } from "./format";
import { CapacityPanel, HoldPanel } from "./answers";
import { MostChanged } from "./changed";
import { FeltCharts, TargetPanel } from "./resources";
import { endpoint, tab, type Tab } from "./route";
import { active, classUsers, criteria, errors, meta, rows, run, total, verdict, version, workers, type Row } from "./store";
import { saturated } from "./shell";

const logScale = signal(false);

function Tile({ label, value, unit, values, tone, to }:
	{ label: string; value: string; unit: string; values: (number | null)[]; tone: string; to: Tab }) {
	return (
		<a class="tile" href={`?tab=${to}`} onClick={(e) => { e.preventDefault(); tab.value = to; }}>
			<span>{label}</span>
			<b>{value} <small>{unit}</small></b>
			<Sparkline values={values.slice(-120)} tone={tone} />
		</a>
	);
}

function Top({ title, pick, show }: { title: string; pick: (r: Row) => number; show: (r: Row) => string }) {
	void version.value;
	if (rows.size === 0)
		return null;
	const list = [...rows.values()].filter((r) => !r.phase && pick(r) > 0).sort((a, b) => pick(b) - pick(a)).slice(0, 5);

	return (
		<section class="top5">
			<h3>{title}</h3>
			{list.length === 0 ? <p class="muted">none</p> : (
				<ol>
					{list.map((r) => (
						<li key={r.id}>
							<a href={`?tab=endpoints&endpoint=${r.id}`} title={`${r.type} ${r.name}`} onClick={(e) => {
								e.preventDefault();
								endpoint.value = r.id;
								tab.value = "endpoints";
							}}><small>{r.type}</small> <bdi>{shorten(r.name, 24)}</bdi></a>
							<b>{show(r)}</b>
						</li>
					))}
				</ol>
			)}
		</section>
	);
}

function Criteria() {
	const list = criteria.value;

	if (list.length === 0)
		return null;
	return (
		<section class="top5" aria-label="Criteria">
			<h3>Criteria</h3>
			<ul class="criteria">
				{list.map((c) => (
					<li key={c.text} class={c.broken ? (c.action === "warn" ? "warn-text" : "bad") : ""}>
						{c.broken ? (c.action === "warn" ? "⚠" : "✗") : c.value ? "✓" : "…"}{" "}
						<code>{c.text}</code> <b>{c.value}</b>
						{c.broken && <small> since {clock(c.first)}, {c.action}</small>}
					</li>
				))}
			</ul>
		</section>
	);
}

function Waiting() {
	const m = meta.value;
	const users = classUsers.value;

	return (
		<section class="empty">
			<h2>{active.value ? "Waiting for the first request" : "No request was made"}</h2>
			{m && users.some((n) => n > 0) && (
				<p>{m.classes.map((c, i) => `${c.name}: ${count(users[i])} running`).join(" · ")}</p>
			)}
		</section>
	);
}

export function Overview() {
	const c = shown.value;
	const t = total.value!;
	const r = run.value!;
	const { from, to } = bounds();
	const time = c.time;
	const failed = rate(c, "failures");
	const all = rate(c, "requests");
	const ok = all.map((v, i) => (v == null ? null : v - (failed[i] ?? 0)));
	const allFailed = t.requests > 0 && t.failures === t.requests;
	const worst = errors.value.reduce<{ text: string; count: number } | null>(
		(best, e) => (!best || e.count > best.count ? e : best), null);
	const busiest = Math.max(0, ...workers.value.map((w) => w.cpu));

	void version.value;
	return (
		<main id="content" class="overview">
			<div class="tiles">
				<Tile label="Throughput" value={number(t.rps)} unit="req/s" values={all} tone="blue" to="endpoints" />
				<Tile label="Failures" value={percent(t.failures, t.requests)} unit={`${count(t.failures)} failed`} values={failed} tone="red"
					to="failures" />
				<Tile label="Latency p95" value={quantile(t.recent[5], 0.95, t.recent_count)} unit="ms" values={c.values.p95} tone="amber" to="latency" />
				<Tile label="Users" value={count(r.users)} unit={`of ${count(r.target)}`} values={c.values.users} tone="purple"
					to="scenario" />
				<Tile label="Received" value={`${bytes(t.bps)}/s`} unit="" values={rate(c, "bytes")} tone="green" to="endpoints" />
				<Tile label="Generator" value={number(busiest)} unit={saturated.value.length > 0 ? "% CPU ⚠" : "% CPU"}
					values={c.values.cpu} tone="muted" to="workers" />
			</div>
			<div class="columns">
				<div class="charts">
					<CapacityPanel />
					<HoldPanel />
					{t.requests === 0 ? <Waiting /> : (
						<>
							<Chart title="Throughput" unit="req/s" time={time} from={from} to={to} format={number} stacked
								lines={[
									{ label: "ok", color: "blue", values: ok, fill: true },
									{ label: "failed", color: "red", values: failed, fill: true, dash: [4, 2] },
								]} />
							{allFailed && worst ? (
								<section class="empty bad-box">
									<h2>Every request failed</h2>
									<p><code>{worst.text}</code></p>
									<p class="muted">{count(worst.count)} times</p>
								</section>
							) : (
								<>
									<Chart title="Latency" unit="ms" time={time} from={from} to={to} format={ms} log={logScale.value}
										lines={[
											{ label: "p50", color: "green", values: c.values.p50 },
											{ label: "p95", color: "amber", values: c.values.p95, dash: [6, 3] },
											{ label: "p99", color: "red", values: c.values.p99, dash: [2, 2] },
										]} />
									<label class="under"><input type="checkbox" checked={logScale.value}
										onChange={(e) => { logScale.value = e.currentTarget.checked; }} /> logarithmic latency</label>
								</>
							)}
						</>
					)}
					<Chart title="Users" unit="" time={time} from={from} to={to} format={count} height={140} whole
						lines={[
							{ label: "running", color: "purple", values: c.values.users, width: 2 },
							{ label: "planned", color: "muted", values: c.values.wanted, dash: [4, 4] },
						]} />
					<FeltCharts />
				</div>
				<aside aria-label="Worth a look">
					<Criteria />
					<TargetPanel />
					<Top title="Slowest (p95)" pick={(x) => (x.requests >= 20 ? x.p95 ?? 0 : 0)} show={(x) => `${ms(x.p95)} ms`} />
					<Top title="Most failures" pick={(x) => x.failures} show={(x) => count(x.failures)} />
					<Top title="Busiest" pick={(x) => x.rps} show={(x) => `${number(x.rps)} /s`} />
					{!verdict.value && <MostChanged />}
				</aside>
			</div>
		</main>
	);
}
