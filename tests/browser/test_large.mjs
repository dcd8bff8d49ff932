// What the page costs with many endpoints, and how soon it is there.  The
// limits leave room for a busy machine; the figures are printed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cost, fixture, until } from "./lib.mjs";

const { startBusy, openTab } = fixture();
let page;
let tab;

test("5,000 endpoints: all there, few nodes, short ticks", async () => {
	page = await startBusy(5000, 20000);
	const count = (await page.get("api/v1/table")).rows.length;

	assert.ok(count > 4000);
	tab = await openTab(`${page.url}?tab=endpoints`);
	await tab.waitForSelector(".total");
	await until(async () => Number(await tab.locator(".endpoints table").getAttribute("aria-rowcount")) >= count,
		"every row counted");
	const c = await cost(tab, 8);

	console.log("5,000 endpoints:", JSON.stringify(c));
	assert.ok(c.nodes <= 3000, `${c.nodes} nodes`);
	assert.ok(c.perSecond <= 200, `${c.perSecond} ms a second`);
	assert.ok(c.heap <= 40, `${c.heap} MB`);
	// The last row can be reached.
	await tab.locator(".table-box").evaluate((box) => { box.scrollTop = box.scrollHeight; });
	await until(async () => (await tab.locator("tbody tr[aria-rowindex]").last().getAttribute("aria-rowindex")) ===
		await tab.locator(".endpoints table").getAttribute("aria-rowcount"), "the last row");
});

test("opening it moves little, and the first chart is soon there", async () => {
	page = await startBusy(200, 5000);
	tab = await openTab(page.url);
	await tab.waitForSelector(".uplot canvas");
	const [moved, shown] = await tab.evaluate(() => [
		performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
			.reduce((n, e) => n + e.transferSize, 0),
		performance.now(),
	]);

	console.log(`transfer ${moved} bytes, first chart within ${Math.round(shown)} ms`);
	assert.ok(moved <= 150000, `${moved} bytes`);
	assert.ok(shown <= 1500, `${shown} ms`);
});

const clock = (seconds) => {
	const s = Math.floor(seconds);
	const two = (n) => String(n).padStart(2, "0");

	return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
};

/**
 * Ticks of 200 endpoints by a made-up socket, as fast as the page takes them;
 * the heap after each quarter, in MB.  Four hours in the long form.
 */
test("hours of ticks do not fill the memory", async () => {
	const hours = process.env.SWARM_LONG_PROOFS ? 4 : 0.05;
	const ticks = hours * 3600;

	page = await startBusy(200, 2000);
	tab = await openTab(page.url);
	const first = JSON.parse(await tab.evaluate(() => new Promise((resolve) => {
		const socket = new WebSocket(`${location.href.replace("http", "ws")}api/v1/live`, "swarm");

		socket.onmessage = (e) => { resolve(e.data); socket.close(); };
	})));
	let send;

	await tab.routeWebSocket(/live/, (ws) => { send = (m) => ws.send(JSON.stringify(m)); send(first); });
	await tab.reload();
	await tab.waitForSelector(".tabs");
	const client = await tab.context().newCDPSession(tab);
	const heap = async () => {
		await client.send("HeapProfiler.collectGarbage");
		return (await client.send("Runtime.getHeapUsage")).usedSize / 1e6;
	};
	const sizes = [];

	for (let quarter = 0; quarter < 4; quarter++) {
		for (let i = 0; i < ticks / 4; i++) {
			const n = quarter * (ticks / 4) + i + 1;
			const time = first.time + n;

			send({ ...first, type: "tick", seq: first.seq + n, time, names: [], log: [], events: [], errors: [],
				rows: { ...first.rows, requests: first.rows.requests.map((v) => v + n) },
				run: { ...first.run, elapsed: first.run.elapsed + n },
				second: { time: Math.floor(time), requests: 900 + (n % 100), failures: n % 3, bytes: 1e5, mean: 3, p50: 2, p95: 5 + (n % 7), p99: 9,
					max: 20, users: 100, wanted: 100, workers: 2, cpu: 20, delay_ms: 1 } });
			// What the page has not yet taken is not its memory.
			if (i % 50 === 49)
				await until(async () => (await tab.locator(".state").innerText()).includes(clock(first.run.elapsed + n)), "the page", 60000);
		}
		sizes.push(Math.round((await heap()) * 10) / 10);
	}
	console.log(`heap after each quarter of ${hours} h: ${sizes.join(", ")} MB`);
	assert.ok(sizes[3] <= 40, `${sizes[3]} MB`);
	assert.ok(sizes[3] - sizes[0] <= 10, `grew by ${sizes[3] - sizes[0]} MB`);
});

test("the cursor over all charts keeps up with the screen", async () => {
	page = await startBusy(200, 5000);
	tab = await openTab(page.url);
	await tab.waitForSelector(".uplot canvas");
	await tab.setViewportSize({ width: 1280, height: 1400 });
	await tab.evaluate(() => {
		window.frames_ = [];
		let last = performance.now();
		const next = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(next); };

		requestAnimationFrame(next);
	});
	const box = await tab.locator(".uplot .u-over").first().boundingBox();

	for (let i = 0; i < 120; i++)
		await tab.mouse.move(box.x + (box.width * i) / 120, box.y + box.height / 2);
	const frames = (await tab.evaluate(() => window.frames_)).sort((a, b) => a - b);
	const p95 = frames[Math.floor(frames.length * 0.95)];

	console.log(`hover: ${frames.length} frames, median ${frames[Math.floor(frames.length / 2)].toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
	// A busy machine draws late; the goal on a quiet one is 16.7 ms.
	assert.ok(p95 <= 100, `${p95} ms`);
	// All of them follow.
	assert.ok(await tab.evaluate(() => new Set([...document.querySelectorAll(".chart .at")].map((e) => e.textContent)).size) === 1);
});

test("five viewers cost little", async () => {
	page = await startBusy(200, 5000);
	const ticks = () => {
		const f = readFileSync(`/proc/${page.child.pid}/stat`, "utf8").split(") ")[1].split(" ");

		return (Number(f[11]) + Number(f[12])) * 10;
	};
	const share = async () => {
		const before = ticks();
		const seconds = process.env.SWARM_LONG_PROOFS ? 20 : 5;

		await new Promise((r) => setTimeout(r, seconds * 1000));
		return (ticks() - before) / 10 / seconds;
	};
	const alone = await share();

	tab = await openTab(page.url);
	for (let i = 0; i < 4; i++)
		await (await tab.context().newPage()).goto(page.url);
	const five = await share();

	console.log(`server: ${alone} % of a core alone, ${five} % with five viewers`);
	assert.ok(five - alone <= 2, `${five - alone} %`);
});
