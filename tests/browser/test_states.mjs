// Honest states: lost, back, worker lost, saturated, empty, all failed,
// hostile names, narrow screens; and no barrier in any of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { axeSource, fixture, until } from "./lib.mjs";

const { startPage, openTab } = fixture();
let page;
let tab;

const views = ["overview", "endpoints", "latency", "failures", "scenario", "workers", "log", "runs"];

async function running(...args) {
	page = await startPage(...args);
	await page.post("swarm", { user_count: 30, spawn_rate: 100 });
	tab = await openTab(page.url);
	await tab.waitForSelector(".tabs");
	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > 200, "requests");
}

/** How many pixels of the right half of a chart's time axis have ink. */
const axisInk = (chart) => chart.locator("canvas").evaluate((canvas) => {
	const { width, height } = canvas;
	const { data } = canvas.getContext("2d").getImageData(width / 2, height - 20, width / 2, 20);
	let n = 0;

	for (let i = 3; i < data.length; i += 4)
		n += data[i] > 100 ? 1 : 0;
	return n;
});

test("a killed server shows within three seconds, and its return within two", async () => {
	await running("--port", "0");
	const port = new URL(page.url).port;

	await page.stop();
	const gone = Date.now();

	await tab.waitForSelector("[data-bar=lost]", { timeout: 6000 });
	assert.ok(Date.now() - gone <= 3000, `${Date.now() - gone} ms`);
	assert.ok(await tab.locator("header.stale").count(), "figures turn grey");
	assert.ok(await tab.locator("button.stop").isDisabled());
	// What is drawn now is not drawn again by a tick: of a chart that grew, times along the whole axis.
	const chart = tab.locator(".chart", { hasText: "Throughput" });

	await tab.setViewportSize({ width: 390, height: 800 });
	await until(() => chart.locator("canvas").evaluate((c) => c.clientWidth < 390), "the narrow chart");
	await tab.setViewportSize({ width: 1280, height: 800 });
	await until(() => chart.locator("canvas").evaluate((c) => c.clientWidth > 700), "the wide chart");
	const times = await axisInk(chart);

	assert.ok(times > 200, `${times} pixels of times on the right of the axis`);
	page = await startPage("--port", port);
	const back = Date.now();

	await until(async () => (await tab.locator("[data-bar]").count()) === 0, "the bar to go");
	assert.ok(Date.now() - back <= 2000, `${Date.now() - back} ms`);
});

test("a lost worker is said in the header, a bar, an event and its row", async () => {
	await running();
	page.say("lose");
	await until(async () => /worker/.test(await tab.locator(".bar").allInnerTexts()), "the bar");
	assert.match(await tab.locator(".stat.warn").allInnerTexts().then((t) => t.join(" ")), /1\/2/);
	assert.ok((await page.get("api/v1/events")).some((e) => e.kind === "worker"));
	await tab.click(".tabs >> text=Workers");
	assert.match(await tab.locator("tr.gone").innerText(), /missing/);
	page.say("back");
	await until(async () => (await tab.locator(".bar").count()) === 0, "the bar to go");
});

test("a saturated generator is said", async () => {
	await running();
	page.say("saturate");
	await until(async () => /Generator-limited/.test((await tab.locator(".bar").allInnerTexts()).join()), "the bar");
	// Its figures change each second, which no screen reader should read out.
	assert.equal(await tab.locator(".bar[role], .bar[aria-live]").count(), 0);
});

test("when nothing came and when everything failed", async () => {
	page = await startPage();
	page.say("quiet");
	await page.post("swarm", { user_count: 3, spawn_rate: 100 });
	tab = await openTab(page.url);
	await tab.waitForSelector("text=Waiting for the first request");
	await tab.click(".tabs >> text=Failures");
	await tab.waitForSelector("text=No request yet");
	await tab.click(".tabs >> text=Endpoints");
	await tab.waitForSelector("text=No request finished");
});

test("messages that differ in numbers are one kind", async () => {
	await running("--endpoints", "700");
	await page.post("swarm", { user_count: 100, spawn_rate: 100 });
	page.say("fail refused by 10.1.2.3:4711 after 17 ms, id 0xbeef");
	await tab.click(".tabs >> text=Failures");
	await until(async () => (await tab.locator(".failures tbody tr").allInnerTexts()).some((t) => t.includes("‹address›")),
		"the kind");
	await tab.click(".failures tbody tr:has-text('‹address›') button");
	await tab.waitForSelector(".raw >> text=10.1.2.3:4711");
	// Who comes later gets 500 of them, and is told.
	const kind = tab.locator(".failures tbody tr:has-text('‹address›')").first();

	await until(async () => Number(await kind.locator("td").nth(3).innerText()) > 520, "messages of 520 endpoints", 30000);
	const other = await openTab(`${page.url}?tab=failures`);

	await until(async () => /\d+ more messages/.test(await other.locator("main").innerText()), "the word of the others");
});

test("hostile names neither run nor break the layout", async () => {
	await running("--endpoints", "12", "--hostile", "1");
	page.say("fail <img src=x onerror=window.hacked=1>");
	page.say("log error <script>window.hacked=1</script>");
	for (const view of views) {
		await tab.click(`.tabs a[href="?tab=${view}"]`);
		await tab.waitForTimeout(300);
		const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

		assert.ok(wide <= 0, `${view} is ${wide} px too wide`);
	}
	await tab.click('.tabs a[href="?tab=endpoints"]');
	for (const link of await tab.locator(".col-name .link").all()) {
		await link.click();
		await tab.waitForSelector(".drawer");
		await tab.keyboard.press("Escape");
	}
	assert.equal(await tab.evaluate(() => window.hacked), undefined);
});

test("320 to 2560 px and 200 %: no sideways scrolling", async () => {
	await running("--endpoints", "8");
	await tab.setViewportSize({ width: 1280, height: 800 });
	// All there is of the workers is to be seen.
	await tab.click('.tabs a[href="?tab=workers"]');
	assert.ok(await tab.locator(".table-box").evaluate((box) => box.scrollWidth <= box.clientWidth), "the workers fit into 1280 px");
	for (const width of [320, 390, 640, 1024, 1920, 2560]) {
		await tab.setViewportSize({ width, height: 800 });
		for (const view of views) {
			await tab.click(`.tabs a[href="?tab=${view}"]`);
			await tab.waitForTimeout(60);
			const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);

			assert.ok(wide <= 0, `${view} at ${width}: ${wide} px too wide`);
		}
	}
});

/** Tables whose rows have more or fewer cells than their heads. */
const crooked = () => tab.evaluate(() => {
	const width = (row) => [...row.cells].reduce((n, c) => n + c.colSpan, 0);

	return [...document.querySelectorAll("table")].flatMap((t) => {
		const head = t.tHead ? width(t.tHead.rows[t.tHead.rows.length - 1]) : 0;

		return [...t.tBodies].flatMap((b) => [...b.rows]).filter((row) => head > 0 && width(row) !== head)
			.map((row) => row.innerText.slice(0, 80));
	});
});

async function violations(what) {
	const result = await tab.evaluate(async () => {
		const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });

		return found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`);
	});

	assert.deepEqual(result, [], what);
	assert.deepEqual(await crooked(), [], what);
}

for (const colorScheme of ["light", "dark"]) {
	test(`no barrier that axe finds, ${colorScheme}`, async () => {
		page = await startPage("--endpoints", "8");
		tab = await openTab(page.url, { colorScheme, bypassCSP: true });
		await tab.addScriptTag({ content: readFileSync(axeSource, "utf8") });
		await tab.waitForSelector("h1");
		await violations("start");
		await tab.click("[aria-label='Change device']");
		await tab.waitForSelector(".dialog");
		await violations("class");
		await tab.keyboard.press("Escape");
		page.say("watch");
		await page.post("swarm", { user_count: 30, spawn_rate: 100 });
		await tab.waitForSelector(".tabs");
		await violations("empty");
		await until(async () => (await page.get("stats/requests")).stats.at(-1).num_failures > 0, "failures", 30000);
		page.say("log warn careful");
		page.say("log error broken");
		for (const view of views) {
			await tab.click(`.tabs a[href="?tab=${view}"]`);
			await tab.waitForTimeout(700);
			await violations(view);
		}
		await tab.click('.tabs a[href="?tab=endpoints"]');
		await tab.click(".col-name .link");
		await tab.waitForSelector(".drawer .spectrum");
		await violations("drawer");
		await tab.keyboard.press("Escape");
		await tab.click("[aria-label=More]");
		await violations("menu");
		await tab.click("text=Keyboard shortcuts");
		await violations("help");
		await tab.keyboard.press("Escape");
		await tab.click("text=Edit load");
		await violations("edit");
		await tab.click(".popover >> text=Cancel");
		page.say("lose");
		await tab.waitForSelector(".bar");
		await tab.click('.tabs a[href="?tab=workers"]');
		await violations("worker lost");
		await page.stop();
		await tab.waitForSelector("[data-bar=lost]");
		await violations("lost");
	});
}
