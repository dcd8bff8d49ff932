// Which endpoints changed most between two times, or two tests: by their p95,
// or by the share that failed, and only where that rests on enough samples.
import { useEffect, useState } from "preact/hooks";
import { get, type Table } from "./api";
import { bounds } from "./data";
import { ms, percent, shorten, time as clockTime } from "./format";
import { endpoint, range, tab } from "./route";
import { now, rows, run } from "./store";

export interface Change {
	id: number;
	/** How much, to sort by: 1 is p95 by a factor of e, or ten points of failures. */
	score: number;
	p95: [number, number];
	failed: [number, number];
	/** Which of the two it is about. */
	what: "p95" | "failures";
	worse: boolean;
}

const ENOUGH = 40;                      // samples; two beyond the p95
const WIDTH = 0.07;                     // of a bucket, twice
const PROBABLE = 3;                     // standard errors

interface Known {
	requests: number;
	failures: number;
	p95: number;
	/** Its standard error, by how steep times are between p90 and p99. */
	error: number;
}

function known(t: Table, row: number[]): Known {
	const at = (key: string) => row[t.columns.indexOf(key)] ?? 0;

	return {
		requests: at("requests"), failures: at("failures"), p95: at("p95"),
		error: (Math.sqrt((0.95 * 0.05) / at("requests")) * (at("p99") - at("p90"))) / 0.09,
	};
}

/** Of one endpoint; null: nothing that can be told from chance. */
function compare(id: number, a: Known, b: Known): Change | null {
	const [x, y] = [a, b].map((k) => k.failures / k.requests);
	const pooled = (a.failures + b.failures) / (a.requests + b.requests);
	const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.requests + 1 / b.requests));
	const byP95 = a.p95 > 0 && b.p95 > 0 ? Math.abs(Math.log(b.p95 / a.p95)) : 0;
	const slower = byP95 > WIDTH && Math.abs(b.p95 - a.p95) > PROBABLE * Math.hypot(a.error, b.error) ? byP95 : 0;
	const failing = Math.abs(y - x) > PROBABLE * error ? Math.abs(y - x) * 10 : 0;

	if (a.requests < ENOUGH || b.requests < ENOUGH || slower + failing === 0)
		return null;
	const what = failing > slower ? "failures" : "p95";

	return { id, score: Math.max(slower, failing), p95: [a.p95, b.p95], failed: [x, y], what, worse: what === "p95" ? b.p95 > a.p95 : y > x };
}

/** Greatest first; `same`: the row of the first that a row of the second is. */
export function changes(a: Table, b: Table, same: (id: number) => number[] | undefined): Change[] {
	return b.rows.flatMap((row) => {
		const old = same(row[0]);
		const change = old && compare(row[0], known(a, old), known(b, row));

		return change ? [change] : [];
	}).sort((x, y) => y.score - x.score);
}

export function ChangeText({ of }: { of: Change }) {
	const [a, b] = of.what === "p95" ? of.p95.map((v) => ms(v)) : of.failed.map((v) => percent(v, 1));

	return (
		<span class={of.worse ? "bad" : "good"}>{of.worse ? "▲" : "▼"} {of.what === "p95" ? "p95" : "failed"} {a} → {b}
			{of.what === "p95" && " ms"}</span>
	);
}

const LONGEST = 300;
const SHORTEST = 10;

/** The later window, and as much before it; null: too short a test. */
function windows(): [from: number, middle: number, to: number] | null {
	const r = range.peek();
	const began = Math.floor(run.peek()?.started ?? 0);
	const snap = (t: number) => Math.floor(t / 10) * 10;
	const fixed = !("live" in r);
	const to = fixed ? snap(bounds().to) : snap(now.peek());
	// A first window may begin a little before the test.
	const length = fixed ? snap(to - bounds().from) : snap(Math.min(LONGEST, (to - began + 5) / 2));

	return length >= SHORTEST && to - 2 * length >= began - 5 ? [to - 2 * length, to - length, to] : null;
}

/** Of the last five minutes against those before, or of a chosen range. */
export function MostChanged() {
	const [found, setFound] = useState<{ list: Change[]; at: [number, number, number] } | null>(null);
	// A table of thousands is not asked for each ten seconds.
	const stamp = Math.floor(now.value / (rows.size > 500 ? 60 : 10));

	useEffect(() => {
		const at = windows();
		let current = true;

		if (!at) {
			setFound(null);
			return;
		}
		Promise.all([get<Table>("api/v1/table", { from: at[0], to: at[1] }), get<Table>("api/v1/table", { from: at[1], to: at[2] })])
			.then(([a, b]) => {
				const before = new Map(a.rows.map((row) => [row[0], row]));

				if (current)
					setFound({ list: changes(a, b, (id) => before.get(id)).slice(0, 5), at });
			}).catch(() => undefined);
		return () => { current = false; };
	}, [stamp, JSON.stringify(range.value), run.value?.started]);
	if (!found)
		return null;
	return (
		<section class="top5 changed" aria-label="Most changed">
			<h3>Most changed</h3>
			<p class="muted">{clockTime(found.at[1])}–{clockTime(found.at[2])} against as long before</p>
			{found.list.length === 0 ? <p class="muted">nothing beyond chance</p> : (
				<ol>
					{found.list.map((c) => {
						const row = rows.get(c.id);
						const name = row ? `${row.type} ${row.name}` : String(c.id);

						return (
							<li key={c.id}>
								<a href={`?tab=endpoints&endpoint=${c.id}`} title={name} onClick={(e) => {
									e.preventDefault();
									endpoint.value = c.id;
									tab.value = "endpoints";
								}}>{shorten(name, 30)}</a>
								<ChangeText of={c} />
							</li>
						);
					})}
				</ol>
			)}
		</section>
	);
}
