// Every endpoint: windowed, so that 5,000 rows cost what 40 do; the order
// keeps still for five seconds at a time; values follow the chosen range.
import { computed, effect, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get, type Table } from "./api";
import { Drawer } from "./drawer";
import { Figure } from "./figure";
import { bytes, count, ms, number, percent, quantile, time as clockTime } from "./format";
import { endpoint, isLive, range, search, sort } from "./route";
import { connection, epoch, now, rows, total, version, type Row } from "./store";

const ROW = 28;

type Value = (r: Row) => number | string | null;

interface Column {
	key: string;
	label: string;
	band: "" | "Count" | "Latency, ms" | "Traffic";
	value: Value;
	show: (r: Row) => string;
	live?: boolean;
}

/** Samples; of a phase only its times are known. */
const n = (r: Row) => (r.phase ? Infinity : r.requests);

const columns: Column[] = [
	{ key: "type", label: "Type", band: "", value: (r) => r.type, show: (r) => r.type },
	{ key: "name", label: "Name", band: "", value: (r) => r.name, show: (r) => r.name },
	{ key: "requests", label: "Requests", band: "Count", value: (r) => r.requests, show: (r) => count(r.requests) },
	{ key: "failures", label: "Failures", band: "Count", value: (r) => r.failures, show: (r) => count(r.failures) },
	{ key: "ratio", label: "Fail %", band: "Count", value: (r) => (r.requests ? r.failures / r.requests : 0),
		show: (r) => percent(r.failures, r.requests) },
	{ key: "rps", label: "Req/s", band: "Count", value: (r) => r.rps, show: (r) => number(r.rps) },
	{ key: "fps", label: "Fail/s", band: "Count", value: (r) => r.fps, show: (r) => number(r.fps) },
	{ key: "p50", label: "p50", band: "Latency, ms", value: (r) => r.p50, show: (r) => quantile(r.p50, 0.5, n(r)) },
	{ key: "p90", label: "p90", band: "Latency, ms", value: (r) => r.p90, show: (r) => quantile(r.p90, 0.9, n(r)) },
	{ key: "p95", label: "p95", band: "Latency, ms", value: (r) => r.p95, show: (r) => quantile(r.p95, 0.95, n(r)) },
	{ key: "p99", label: "p99", band: "Latency, ms", value: (r) => r.p99,
		show: (r) => quantile(r.p99, 0.99, n(r)) },
	{ key: "p999", label: "p99.9", band: "Latency, ms", value: (r) => r.p999,
		show: (r) => quantile(r.p999, 0.999, n(r)) },
	{ key: "avg", label: "Average", band: "Latency, ms", value: (r) => r.avg, show: (r) => ms(r.avg) },
	{ key: "min", label: "Min", band: "Latency, ms", value: (r) => r.min, show: (r) => ms(r.min), live: true },
	{ key: "max", label: "Max", band: "Latency, ms", value: (r) => r.max, show: (r) => ms(r.max) },
	{ key: "size", label: "Size", band: "Traffic", value: (r) => (r.requests ? r.bytes / r.requests : null),
		show: (r) => (r.requests ? bytes(r.bytes / r.requests) : "–") },
];

const presets: Record<string, string[]> = {
	short: ["type", "name", "requests", "failures", "ratio", "rps", "p50", "p95", "p99", "max"],
	Locust: ["type", "name", "requests", "failures", "p50", "p95", "p99", "avg", "min", "max", "size", "rps", "fps"],
	all: columns.map((c) => c.key),
};

const chosen = signal(presets.short);
const onlyFailing = signal(false);
const type = signal("");
const stars = signal<Set<number>>(new Set());

// ---- rows of the range ----

const rangeRows = signal<{ table: Table; rows: Row[]; total: Row } | null>(null);

function fromTable(t: Table, values: number[], meta: Row | undefined): Row {
	const at = (key: string) => values[t.columns.indexOf(key)] ?? null;
	const span = Math.max(1, Math.min(t.to, now.peek()) - t.from);
	const requests = at("requests") ?? 0;

	return {
		id: at("id") ?? -1, type: meta?.type ?? "", name: meta?.name ?? "Total", phase: meta?.phase ?? false,
		requests, failures: at("failures") ?? 0, bytes: at("bytes") ?? 0,
		rps: requests / span, fps: (at("failures") ?? 0) / span,
		avg: at("avg"), min: null, max: at("max"), p50: at("p50"), p90: at("p90"), p95: at("p95"), p99: at("p99"),
		p999: at("p999"),
	};
}

effect(() => {
	const r = range.value;

	// Of a run that is over only its whole is known of each.
	if ("live" in r || connection.value === "saved") {
		rangeRows.value = null;
		return;
	}
	get<Table>("api/v1/table", { from: Math.floor(r.from), to: Math.ceil(r.to) }).then((table) => {
		rangeRows.value = {
			table,
			rows: table.rows.map((v) => fromTable(table, v, rows.get(v[0]))),
			total: fromTable(table, table.total ?? [], undefined),
		};
	}).catch(() => { rangeRows.value = null; });
});

const matcher = computed<(r: Row) => boolean>(() => {
	const text = search.value.trim();
	const regex = /^\/(.*)\/$/.exec(text);

	if (regex) {
		try {
			const re = new RegExp(regex[1], "i");

			return (r) => re.test(`${r.type} ${r.name}`);
		} catch {
			return () => true;
		}
	}
	const low = text.toLowerCase();

	return (r) => `${r.type} ${r.name}`.toLowerCase().includes(low);
});

const collator = new Intl.Collator("en", { numeric: true });

function order(list: Row[]): Row[] {
	const down = sort.value.startsWith("-");
	const column = columns.find((c) => c.key === sort.value.replace(/^-/, "")) ?? columns[2];
	const star = stars.value;

	return list.sort((a, b) => {
		if (star.has(a.id) !== star.has(b.id))
			return star.has(a.id) ? -1 : 1;
		const x = column.value(a);
		const y = column.value(b);
		const by = typeof x === "string" && typeof y === "string" ? collator.compare(x, y)
			: (x == null ? -1 : (x as number)) - (y == null ? -1 : (y as number));

		return (down ? -by : by) || a.id - b.id;
	});
}

function filtered(): Row[] {
	const source = rangeRows.value ? rangeRows.value.rows : [...rows.values()];
	const fits = matcher.value;

	return source.filter((r) => (r.requests > 0 || r.phase) && fits(r) && (!onlyFailing.value || r.failures > 0) &&
		(!type.value || r.type === type.value));
}

/** The order of the last five seconds; rows that are new come last. */
function useStillOrder(): Row[] {
	const kept = useRef<{ ids: number[]; at: number; key: string }>({ ids: [], at: 0, key: "" });
	const key = [sort.value, search.value, onlyFailing.value, type.value, epoch.value, [...stars.value].join(),
		rangeRows.value?.table.from, rangeRows.value?.table.to].join("|");
	const list = filtered();

	if (kept.current.key !== key || now.value - kept.current.at >= 5 || rangeRows.value) {
		order(list);
		kept.current = { ids: list.map((r) => r.id), at: now.value, key };
		return list;
	}
	const byId = new Map(list.map((r) => [r.id, r]));
	const result: Row[] = [];

	for (const id of kept.current.ids) {
		const row = byId.get(id);

		if (row) {
			result.push(row);
			byId.delete(id);
		}
	}
	for (const row of byId.values()) {
		result.push(row);
		kept.current.ids.push(row.id);
	}
	return result;
}

function totalRow(): Row {
	const t = total.value!;

	return rangeRows.value?.total ?? {
		id: -1, type: "", name: "Total", phase: false, requests: t.requests, failures: t.failures, bytes: t.bytes,
		rps: t.rps, fps: t.fps, avg: t.avg, min: t.min, max: t.max, p50: t.q[0], p90: t.q[4], p95: t.q[5], p99: t.q[7],
		p999: t.q[8],
	};
}

function Head({ shown }: { shown: Column[] }) {
	const bands: { band: string; span: number }[] = [];

	for (const c of shown) {
		if (bands.length > 0 && bands[bands.length - 1].band === c.band)
			bands[bands.length - 1].span++;
		else
			bands.push({ band: c.band, span: 1 });
	}
	return (
		<thead>
			<tr class="bands">
				<td />
				{bands.map((b, i) => b.band ? <th key={i} scope="colgroup" colSpan={b.span}>{b.band}</th>
					: <td key={i} colSpan={b.span} />)}
			</tr>
			<tr>
				<td class="star" />
				{shown.map((c) => {
					const on = sort.value.replace(/^-/, "") === c.key;
					const down = sort.value.startsWith("-");

					return (
						<th key={c.key} scope="col" class={`col-${c.key}`}
							aria-sort={on ? (down ? "descending" : "ascending") : "none"}>
							<button class="sort" onClick={() => {
								sort.value = on ? (down ? c.key : `-${c.key}`)
									: c.key === "name" || c.key === "type" ? c.key : `-${c.key}`;
							}}>{c.label}{on ? (down ? " ▾" : " ▴") : ""}</button>
						</th>
					);
				})}
			</tr>
		</thead>
	);
}

function Cells({ row, shown }: { row: Row; shown: Column[] }) {
	return (
		<>
			{shown.map((c) => c.key === "name"
				? <th key={c.key} scope="row" class="col-name" title={row.name}>
					{row.id < 0 ? "Total" : (
						<button class="link" onClick={() => { endpoint.value = row.id; }}>
							{row.phase ? <small class="muted">phase </small> : null}<bdi>{row.name}</bdi></button>
					)}
				</th>
				: <td key={c.key} class={`col-${c.key}${(c.key === "failures" || c.key === "ratio") && row.failures > 0
					? " bad" : ""}`} title={c.key === "type" ? row.type : undefined}><Figure text={c.show(row)} /></td>)}
		</>
	);
}

export function Endpoints() {
	const box = useRef<HTMLDivElement>(null);
	const [scroll, setScroll] = useState(0);
	const [height, setHeight] = useState(500);

	void version.value;
	const list = useStillOrder();
	const shown = columns.filter((c) => chosen.value.includes(c.key) && !(c.live && rangeRows.value));
	const first = Math.max(0, Math.floor(scroll / ROW) - 4);
	const last = Math.min(list.length, Math.ceil((scroll + height) / ROW) + 4);
	const types = [...new Set([...rows.values()].map((r) => r.type))].sort();

	useLayoutEffect(() => {
		const observer = new ResizeObserver(() => setHeight(box.current!.clientHeight));

		observer.observe(box.current!);
		return () => observer.disconnect();
	}, []);
	useEffect(() => {
		const keys = (e: KeyboardEvent) => {
			const step = { "[": -1, "]": 1 }[e.key];

			if (!step || endpoint.value == null || (e.target as HTMLElement).matches("input,select,textarea"))
				return;
			const i = list.findIndex((r) => r.id === endpoint.value);

			if (list[i + step])
				endpoint.value = list[i + step].id;
		};

		document.addEventListener("keydown", keys);
		return () => document.removeEventListener("keydown", keys);
	});
	return (
		<main id="content" class="endpoints">
			<div class="tools">
				<input type="search" id="search" placeholder="Search, or /regex/" aria-label="Search endpoints" value={search.value}
					onInput={(e) => { search.value = e.currentTarget.value; }} />
				{types.length > 1 && (
					<select aria-label="Type" value={type.value} onChange={(e) => { type.value = e.currentTarget.value; }}>
						<option value="">all types</option>
						{types.map((t) => <option key={t} value={t}>{t}</option>)}
					</select>
				)}
				<label><input type="checkbox" checked={onlyFailing.value}
					onChange={(e) => { onlyFailing.value = e.currentTarget.checked; }} /> only failing</label>
				<label>Columns{" "}
					<select value={Object.keys(presets).find((p) => presets[p] === chosen.value)}
						onChange={(e) => { chosen.value = presets[e.currentTarget.value]; }}>
						{Object.keys(presets).map((p) => <option key={p} value={p}>{p}</option>)}
					</select>
				</label>
				<span class="muted">
					{list.length === rows.size ? `${count(list.length)} endpoints` : `${count(list.length)} of ${count(rows.size)}`}
					{rangeRows.value
						? `, ${clockTime(rangeRows.value.table.from)}–${clockTime(rangeRows.value.table.to)} (whole 10 s)`
						: ", since the start; rates of the last 5 s; ? rests on few samples"}
				</span>
			</div>
			<div class="table-box" ref={box} tabIndex={0} role="region" aria-label="Endpoints"
				onScroll={(e) => setScroll(e.currentTarget.scrollTop)}>
				<table aria-rowcount={list.length + 2}>
					<Head shown={shown} />
					<tbody>
						<tr class="total" aria-rowindex={2}><td class="star" /><Cells row={totalRow()} shown={shown} /></tr>
						{first > 0 && <tr aria-hidden="true"><td class="space" colSpan={shown.length + 1}
							style={{ height: `${first * ROW}px` }} /></tr>}
						{list.slice(first, last).map((row, i) => (
							<tr key={row.id} aria-rowindex={first + i + 3} class={endpoint.value === row.id ? "chosen" : ""}>
								<td class="star">
									<button class="quiet" aria-pressed={stars.value.has(row.id)} aria-label={`Pin ${row.name}`}
										onClick={() => {
											const next = new Set(stars.value);

											if (!next.delete(row.id))
												next.add(row.id);
											stars.value = next;
										}}>{stars.value.has(row.id) ? "★" : "☆"}</button>
								</td>
								<Cells row={row} shown={shown} />
							</tr>
						))}
						{last < list.length && <tr aria-hidden="true"><td class="space" colSpan={shown.length + 1}
							style={{ height: `${(list.length - last) * ROW}px` }} /></tr>}
					</tbody>
				</table>
				{list.length === 0 && (
					<p class="empty">{rows.size === 0 || !isLive.value ? "No request finished in this range"
						: "Nothing fits the search"}</p>
				)}
			</div>
			{rows.size > 500 && (
				<p class="muted">Many names: if they contain ids, give requests a common name in the scenario.</p>
			)}
			{endpoint.value != null && <Drawer id={endpoint.value} />}
		</main>
	);
}
