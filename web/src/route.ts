// The URL holds everything a view needs, so that reload and share give the
// same: tab, range of time, endpoint, search, sort.
import { computed, effect, signal } from "@preact/signals";

export type Tab = "overview" | "endpoints" | "latency" | "failures" | "scenario" | "workers" | "log" | "runs";

export const tabs: { id: Tab; label: string; key: string }[] = [
	{ id: "overview", label: "Overview", key: "o" },
	{ id: "endpoints", label: "Endpoints", key: "p" },
	{ id: "latency", label: "Latency", key: "y" },
	{ id: "failures", label: "Failures", key: "f" },
	{ id: "scenario", label: "Scenario", key: "c" },
	{ id: "workers", label: "Workers", key: "w" },
	{ id: "log", label: "Log", key: "g" },
	{ id: "runs", label: "Runs", key: "r" },
];

// What links of Locust's page say.
const aliases: Record<string, Tab> = {
	stats: "endpoints", charts: "overview", exceptions: "failures", ratios: "scenario",
	reports: "overview", logs: "log", logViewer: "log",
};

/** Seconds to look back (0: the whole test), or a fixed range. */
export type Range = { live: number } | { from: number; to: number };

function parse() {
	const q = new URLSearchParams(location.search);
	const name = q.get("tab") ?? "";
	const from = Number(q.get("from"));
	const to = Number(q.get("to"));

	return {
		tab: tabs.find((t) => t.id === name)?.id ?? aliases[name] ?? "overview",
		range: (from > 0 && to > from ? { from, to } : { live: Number(q.get("live") ?? 300) || 0 }) as Range,
		endpoint: q.has("endpoint") ? Number(q.get("endpoint")) : null,
		search: q.get("q") ?? "",
		sort: q.get("sort") ?? "-requests",
		compare: (q.get("compare") ?? "").split("-").map(Number).filter((n) => n > 0).slice(0, 2),
	};
}

const first = parse();

export const tab = signal<Tab>(first.tab);
export const range = signal<Range>(first.range);
export const endpoint = signal<number | null>(first.endpoint);
export const search = signal(first.search);
export const sort = signal(first.sort);
/** Two runs of this process to compare. */
export const compare = signal<number[]>(first.compare);
/** Views of a run that is over: the others need its process. */
export const savedTabs = tabs.filter((t) => !["log", "runs"].includes(t.id));
export const isLive = computed(() => "live" in range.value);

let ready = false;

effect(() => {
	const q = new URLSearchParams();
	const r = range.value;

	if (tab.value !== "overview")
		q.set("tab", tab.value);
	if (!("live" in r)) {
		q.set("from", String(Math.floor(r.from)));
		q.set("to", String(Math.ceil(r.to)));
	} else if (r.live !== 300) {
		q.set("live", String(r.live));
	}
	if (endpoint.value != null)
		q.set("endpoint", String(endpoint.value));
	if (search.value)
		q.set("q", search.value);
	if (sort.value !== "-requests")
		q.set("sort", sort.value);
	if (compare.value.length > 0 && compare.value.every((id) => id > 0))
		q.set("compare", compare.value.join("-"));
	if (ready && !document.documentElement.dataset.report)
		history.replaceState(null, "", q.size ? `?${q}` : location.pathname);
	ready = true;
});

export function goLive(): void {
	range.value = { live: document.documentElement.dataset.report ? 0 : 300 };
}
