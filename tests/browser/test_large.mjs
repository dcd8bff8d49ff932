// What the page costs with many endpoints, and how soon it is there.  The
// limits leave room for a busy machine; the figures are printed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, test } from "node:test";
import { closeBrowser, openTab, startPage, until } from "./lib.mjs";

let page;
let tab;

afterEach(async () => {
	const faults = tab?.faults ?? [];

	await tab?.context().close();
	await page?.stop();
	page = tab = undefined;
	assert.deepEqual(faults, []);
});
after(closeBrowser);

async function started(endpoints, requests) {
	page = await startPage("--endpoints", String(endpoints));
	await page.post("swarm", { user_count: 100, spawn_rate: 100 });
	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > requests, "requests", 60000);
}

async function cost(seconds) {
	const client = await tab.context().newCDPSession(tab);
	const metrics = async () => Object.fromEntries((await client.send("Performance.getMetrics")).metrics
		.map((m) => [m.name, m.value]));

	await client.send("Performance.enable");
	await tab.evaluate(() => {
		window.long = [];
		new PerformanceObserver((l) => l.getEntries().forEach((e) => window.long.push(Math.round(e.duration))))
			.observe({ entryTypes: ["longtask"] });
	});
	const a = await metrics();

	await tab.waitForTimeout(seconds * 1000);
	const b = await metrics();

	return {
		perSecond: Math.round(((b.TaskDuration - a.TaskDuration) / seconds) * 1000),
		long: await tab.evaluate(() => window.long),
		nodes: await tab.evaluate(() => document.querySelectorAll("*").length),
		heap: Math.round(b.JSHeapUsedSize / 1e6),
	};
}

test("5,000 endpoints: all there, few nodes, short ticks", async () => {
	await started(5000, 20000);
	const count = (await page.get("api/v1/table")).rows.length;

	assert.ok(count > 4000);
	tab = await openTab(`${page.url}?tab=endpoints`);
	await tab.waitForSelector(".total");
	await until(async () => Number(await tab.locator(".endpoints table").getAttribute("aria-rowcount")) >= count,
		"every row counted");
	const c = await cost(8);

	console.log("5,000 endpoints:", JSON.stringify(c));
	assert.ok(c.nodes <= 3000, `${c.nodes} nodes`);
	assert.ok(c.perSecond <= 200, `${c.perSecond} ms a second`);
	assert.ok(c.heap <= 40, `${c.heap} MB`);
	// The last row can be reached.
	await tab.locator(".table-box").evaluate((box) => { box.scrollTop = box.scrollHeight; });
	await until(async () => (await tab.locator("tbody tr[aria-rowindex]").last().getAttribute("aria-rowindex")) ===
		await tab.locator(".endpoints table").getAttribute("aria-rowcount"), "the last row");
});

test("200 endpoints: every view within its time", async () => {
	await started(200, 5000);
	tab = await openTab(page.url);
	await tab.waitForSelector(".tabs");
	for (const view of ["overview", "endpoints", "latency", "failures", "workers", "log"]) {
		await tab.click(`.tabs a[href="?tab=${view}"]`);
		const c = await cost(4);

		console.log(`${view}:`, JSON.stringify(c));
		assert.ok(c.perSecond <= 150, `${view}: ${c.perSecond} ms a second`);
		assert.ok(c.heap <= 40, `${view}: ${c.heap} MB`);
	}
});

test("opening it moves little, and the first chart is soon there", async () => {
	await started(200, 5000);
	tab = await openTab(page.url);
	await tab.waitForSelector(".uplot canvas");
	const [moved, shown] = await tab.evaluate(() => [
		performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
			.reduce((n, e) => n + e.transferSize, 0),
		performance.now(),
	]);

	console.log(`transfer ${moved} bytes, first chart within ${Math.round(shown)} ms`);
	assert.ok(moved <= 450000, `${moved} bytes`);
	assert.ok(shown <= 3000, `${shown} ms`);
});

test("five viewers cost little", async () => {
	await started(200, 5000);
	const ticks = () => {
		const f = readFileSync(`/proc/${page.child.pid}/stat`, "utf8").split(") ")[1].split(" ");

		return (Number(f[11]) + Number(f[12])) * 10;
	};
	const share = async () => {
		const before = ticks();

		await new Promise((r) => setTimeout(r, 5000));
		return (ticks() - before) / 50;
	};
	const alone = await share();

	tab = await openTab(page.url);
	for (let i = 0; i < 4; i++)
		await (await tab.context().newPage()).goto(page.url);
	const five = await share();

	console.log(`server: ${alone} % of a core alone, ${five} % with five viewers`);
	assert.ok(five - alone <= 5, `${five - alone} %`);
});
