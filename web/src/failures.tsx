// Failures by kind: messages whose ids, numbers and addresses differ are one
// kind; their wordings are a click away.
import { computed, signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Chart } from "./chart";
import { bounds, rate, shown } from "./data";
import { count, number, percent, shorten, when } from "./format";
import { normalise } from "./normalise";
import { endpoint, tab } from "./route";
import { errorCount, errors, total, version, type ErrorRow } from "./store";

interface Kind {
	text: string;
	count: number;
	first: number;
	last: number;
	raw: ErrorRow[];
	endpoints: Set<number>;
}

const search = signal("");

const kinds = computed<Kind[]>(() => {
	const all = new Map<string, Kind>();
	const low = search.value.toLowerCase();

	for (const e of errors.value) {
		if (low && !`${e.type} ${e.name} ${e.text}`.toLowerCase().includes(low))
			continue;
		const text = normalise(e.text);
		let kind = all.get(text);

		if (!kind) {
			kind = { text, count: 0, first: Infinity, last: 0, raw: [], endpoints: new Set() };
			all.set(text, kind);
		}
		kind.count += e.count;
		if (e.first > 0)
			kind.first = Math.min(kind.first, e.first);
		kind.last = Math.max(kind.last, e.last);
		kind.raw.push(e);
		kind.endpoints.add(e.series);
	}
	return [...all.values()].sort((a, b) => b.count - a.count);
});

function KindRow({ kind, whole }: { kind: Kind; whole: number }) {
	const [open, setOpen] = useState(false);
	const raw = [...kind.raw].sort((a, b) => b.count - a.count);

	return (
		<>
			<tr>
				<td>
					<button class="quiet" aria-expanded={open} aria-label="Details" onClick={() => setOpen(!open)}>{open ? "▾" : "▸"}</button>
				</td>
				<td class="num">{count(kind.count)}</td>
				<td class="num">{percent(kind.count, whole)}</td>
				<th scope="row" class="text"><bdi>{raw.length === 1 ? raw[0].text : kind.text}</bdi></th>
				<td class="num">{count(kind.endpoints.size)}</td>
				<td>{Number.isFinite(kind.first) ? when(kind.first) : "–"}</td>
				<td>{when(kind.last)}</td>
			</tr>
			{open && raw.slice(0, 20).map((e) => (
				<tr key={e.index} class="raw">
					<td />
					<td class="num">{count(e.count)}</td>
					<td />
					<td class="text" colSpan={2}>
						<bdi>{e.text}</bdi>{" "}
						<button class="link" onClick={() => { endpoint.value = e.series; tab.value = "endpoints"; }}>
							{e.type} <bdi>{shorten(e.name, 60)}</bdi></button>
					</td>
					<td>{when(e.first)}</td>
					<td>{when(e.last)}</td>
				</tr>
			))}
			{open && raw.length > 20 && <tr class="raw"><td colSpan={7} class="muted">and {raw.length - 20} more wordings</td></tr>}
		</>
	);
}

export function Failures() {
	const t = total.value!;
	const c = shown.value;
	const { from, to } = bounds();

	void version.value;
	if (t.failures === 0 && errors.value.length === 0)
		return (
			<main id="content" class="failures">
				<p class="empty good">{t.requests > 0 ? `No failures in ${count(t.requests)} requests` : "No request yet"}</p>
			</main>
		);
	return (
		<main id="content" class="failures">
			<Chart title="Failures" unit="per s" time={c.time} from={from} to={to} format={number} height={140}
				lines={[{ label: "failed", color: "red", values: rate(c, "failures"), fill: true }]} />
			<div class="tools">
				<input type="search" id="search" placeholder="Search" aria-label="Search failures" value={search.value}
					onInput={(e) => { search.value = e.currentTarget.value; }} />
				<span class="muted">{count(kinds.value.length)} {kinds.value.length === 1 ? "kind" : "kinds"}, {count(t.failures)} failures since the start</span>
				<button onClick={() => navigator.clipboard?.writeText(kinds.value.map((k) => `${k.count}\t${k.text}`).join("\n"))}>
					Copy as text</button>
			</div>
			<div class="table-box short" tabIndex={0} role="region" aria-label="Failures by kind">
				<table class="plain">
					<thead>
						<tr>
							<th scope="col"><span class="sr">Details</span></th><th scope="col" class="num">Count</th>
							<th scope="col" class="num">Share</th><th scope="col">Message</th><th scope="col" class="num">Endpoints</th>
							<th scope="col">First seen</th><th scope="col">Last seen</th>
						</tr>
					</thead>
					<tbody>{kinds.value.map((k) => <KindRow key={k.text} kind={k} whole={t.failures} />)}</tbody>
				</table>
				{kinds.value.length === 0 && <p class="empty">Nothing fits the search</p>}
			</div>
			{errorCount.value > errors.value.length && (
				<p class="muted">{count(errorCount.value - errors.value.length)} more messages are only in the files and in{" "}
					<a href="stats/failures/csv">Failures (CSV)</a>.</p>
			)}
		</main>
	);
}
