// How soon each second of a run is on the page, whatever it shows.  It runs
// alone: what a neighbour takes would be the page's.  The figures are printed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, fixture } from "./lib.mjs";

const { startBusy, openTab } = fixture();

/** Notes when each message of the push came, and when the page showed it. */
function watchTicks() {
	window.ticks = [];
	window.shown = [];
	const Plain = WebSocket;

	window.WebSocket = class extends Plain {
		constructor(...args) {
			super(...args);
			this.addEventListener("message", (e) => {
				const { time, run } = JSON.parse(e.data);

				window.ticks.push({ time: time * 1000, second: Math.floor(run.elapsed) });
			});
		}
	};
	addEventListener("DOMContentLoaded", () => {
		let last = "";

		new MutationObserver(() => {
			const text = document.querySelector(".state")?.textContent ?? "";

			if (text !== last)
				window.shown.push({ at: Date.now(), second: Number(/0:(\d+)/.exec(text)?.[1]) });
			last = text;
		}).observe(document.body, { subtree: true, childList: true, characterData: true });
	});
}

test("200 endpoints: every view within its time, each second soon", async () => {
	const page = await startBusy(200, 5000);
	const tab = await openTab(page.url);

	await tab.addInitScript(watchTicks);
	await tab.reload();
	await tab.waitForSelector(".tabs");
	for (const view of ["overview", "endpoints", "latency", "failures", "workers", "log"]) {
		await tab.click(`.tabs a[href="?tab=${view}"]`);
		const c = await cost(tab, 4);

		console.log(`${view}:`, JSON.stringify(c));
		assert.ok(c.perSecond <= 100, `${view}: ${c.perSecond} ms a second`);
		assert.ok(c.heap <= 40, `${view}: ${c.heap} MB`);
	}
	const { ticks, shown } = await tab.evaluate(() => ({ ticks: window.ticks, shown: window.shown }));
	const gaps = ticks.slice(2).map((t, i) => t.time - ticks[i + 1].time);
	const delays = shown.slice(1).flatMap(({ at, second }) => {
		const tick = ticks.find((t) => t.second === second);

		return tick ? [at - tick.time] : [];
	}).sort((a, b) => a - b);
	const p95 = delays[Math.ceil(0.95 * delays.length) - 1];

	console.log(`ticks each ${Math.round(Math.min(...gaps))} to ${Math.round(Math.max(...gaps))} ms; shown after ${
		Math.round(delays[delays.length >> 1])} ms, p95 ${Math.round(p95)} ms`);
	assert.ok(delays.length >= 15, `${delays.length} ticks were seen`);
	assert.ok(gaps.every((g) => g >= 800 && g <= 1200), gaps.join());
	assert.ok(p95 <= 250, delays.join());
});
