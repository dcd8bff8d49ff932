// The page: connects, and shows the form or the view that the URL names.
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./app.css";
import { stop } from "./actions";
import { startAnswers, takeCapacity, takeHold } from "./answers";
import { startData } from "./data";
import { Endpoints } from "./endpoints";
import { Failures } from "./failures";
import { Latency } from "./latency";
import { Log } from "./logview";
import { Overview } from "./overview";
import { editOpen } from "./load";
import { saved } from "./api";
import { unpackResults } from "./results";
import { endpoint, goLive, range, tab, tabs } from "./route";
import { Runs } from "./runs";
import { Scenario } from "./scenario";
import { Bars, counts, Header, Help, helpOpen, keysOn, noteOpen, showPlain, Tabs, Timeline, Toasts, warnings } from "./shell";
import { Start } from "./start";
import { startResources, take } from "./resources";
import { active, connection, run, start, startSaved, total, verdict } from "./store";
import { Workers } from "./workers";

const newTest = signal(false);

const views = {
	overview: Overview, endpoints: Endpoints, latency: Latency, failures: Failures, scenario: Scenario,
	workers: Workers, log: Log, runs: Runs,
};

let pending = "";
let pendingAt = 0;

function keys(e: KeyboardEvent): void {
	const target = e.target as HTMLElement;

	if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || !keysOn.value || target.matches("input,select,textarea") ||
		target.closest("[aria-modal]"))
		return;
	const chord = performance.now() - pendingAt < 1500 ? pending + e.key : e.key;

	pending = e.key;
	pendingAt = performance.now();
	const to = chord.length === 2 && chord[0] === "g" ? tabs.find((t) => t.key === chord[1]) : undefined;

	if (to) {
		tab.value = to.id;
		pending = "";
	} else if (e.key === "/") {
		e.preventDefault();
		const box = document.getElementById("search");

		if (!box)
			tab.value = "endpoints";
		setTimeout(() => document.getElementById("search")?.focus());
	} else if (e.key === "?") {
		helpOpen.value = true;
	} else if (e.key === "e" && active.value) {
		e.preventDefault();
		editOpen.value = true;
	} else if (chord === "ss" && active.value) {
		stop();
	} else if (e.key === "l") {
		goLive();
	} else if (e.key === "n" && run.value) {
		e.preventDefault();
		noteOpen.value = true;
	} else if (e.key === "Escape") {
		endpoint.value = null;
	}
}

/** Says changes of state and new kinds of failures, never figures. */
function Announcer() {
	const last = useRef({ at: 0, text: "" });
	const state = run.value?.state ?? "";
	const kinds = counts.value.failures;
	const text = connection.value !== "live" ? connection.value
		: [state, ...warnings.value.map((w) => w.what), ...(kinds > 0 ? [`${kinds} ${kinds === 1 ? "kind" : "kinds"} of failures`] : [])].join(", ");

	if (text !== last.current.text && performance.now() - last.current.at > 10000)
		last.current = { at: performance.now(), text };
	return <div class="sr" role="status" aria-live="polite">{last.current.text}</div>;
}

function App() {
	const r = run.value;
	const form = r != null && (r.state === "ready" || newTest.value) && !active.value;
	const View = views[tab.value];

	useEffect(() => {
		document.addEventListener("keydown", keys);
		return () => document.removeEventListener("keydown", keys);
	}, []);
	useEffect(() => {
		if (active.value)
			newTest.value = false;
		if (verdict.value)
			return;
		document.title = r && r.state !== "ready" ? `${r.state} – swarm` : "swarm";
	}, [r?.state]);
	return (
		<>
			<a class="skip" href="#content">Skip to the content</a>
			<Header onNew={() => { newTest.value = true; }} />
			<Bars />
			{r == null || total.value == null
				? <main id="content" class="connecting"><p class="muted pad">{connection.value === "connecting" ? "Connecting…"
					: "swarm is not answering"}</p></main>
				: form
					? <Start onStarted={() => { newTest.value = false; tab.value = "overview"; goLive(); }} />
					: <>
						<Timeline />
						<Tabs />
						<View />
					</>}
			<Toasts />
			<Help />
			<Announcer />
		</>
	);
}

/** A report: what is inside instead of a server's answers, over its plain
 * pages, which stay for paper and for browsers that cannot do this. */
async function showReport(inside: Element): Promise<void> {
	const results = await unpackResults(inside);

	saved.answer = (path, query) => results.answer(path, query);
	verdict.value = results.results.verdict;
	if (results.results.resources)
		take(results.results.resources, results.started, results.ended);
	takeHold(results.results.hold ?? null, results.ended);
	takeCapacity(results.results.capacity ?? null);
	range.value = { live: 0 };
	document.documentElement.dataset.report = "app";
	(document.getElementById("plain-style") as HTMLStyleElement).media = "print";
	startSaved(results.meta(), results.message());
	startData();
	render(<App />, document.getElementById("app")!);
}

const inside = document.getElementById("results");

if (inside) {
	showReport(inside).catch(showPlain);
} else {
	start();
	startData();
	startResources();
	startAnswers();
	render(<App />, document.getElementById("app")!);
}
