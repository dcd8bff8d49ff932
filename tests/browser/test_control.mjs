// Starting, watching, editing and stopping, by mouse, by keyboard, and by
// several people at once.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fixture, until } from "./lib.mjs";

const { startPage, startSwarm, openTab } = fixture();
let page;

const open = (url = page.url, options) => openTab(url, options);

const state = (tab) => tab.locator(".state").innerText();

test("the whole way by keyboard", async () => {
	page = await startSwarm("choice.so");
	const tab = await open();
	const focused = () => tab.evaluate(() => document.activeElement?.textContent ?? "");

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await tab.waitForSelector("button.primary:enabled >> text=Start");
	// The users field has the focus, its value selected.
	await until(() => tab.evaluate(() => document.activeElement?.getAttribute("name") === "user_count"), "the focus");
	await tab.keyboard.type("40");
	await tab.keyboard.press("Tab");
	await tab.keyboard.type("40");
	await tab.keyboard.press("Enter");
	await until(async () => /Running/.test(await state(tab)), "a running test");
	await tab.keyboard.press("g");
	await tab.keyboard.press("p");
	await tab.waitForSelector(".endpoints tbody tr:nth-child(4)");
	// Sort by name: the header is a button.
	const name = tab.locator("th.col-name button.sort").first();

	await name.focus();
	await tab.keyboard.press("Enter");
	assert.equal(await tab.locator("th.col-name").first().getAttribute("aria-sort"), "ascending");
	await tab.keyboard.press("/");
	await until(() => tab.evaluate(() => document.activeElement?.id === "search"), "the search box");
	await tab.keyboard.type("LEFT");
	await until(async () => (await tab.locator(".endpoints tbody th[scope=row]").count()) === 2, "one row and the total");
	await tab.locator(".col-name .link").focus();
	await tab.keyboard.press("Enter");
	await tab.waitForSelector(".drawer .spectrum");
	await tab.keyboard.press("Escape");
	await until(async () => (await tab.locator(".drawer").count()) === 0, "the drawer to close");
	// Focus is back where it was.
	assert.equal(await focused(), "calm 7");
	// A range by arrow keys, and back.
	await until(async () => Number((await state(tab)).match(/0:(\d+)/)?.[1]) >= 4, "some seconds");
	await tab.locator(".timeline-plot").focus();
	await tab.keyboard.press("ArrowLeft");
	await until(() => tab.url().includes("from="), "a range in the URL");
	await tab.keyboard.press("Escape");
	await until(() => !tab.url().includes("from="), "live again");
	await tab.locator("h3, .tools span").first().click();
	await tab.keyboard.press("n");
	await tab.keyboard.type("hello note");
	await tab.keyboard.press("Enter");
	await until(async () => (await page.get("api/v1/events")).some((e) => e.text === "hello note"), "the note");
	await tab.locator("body").press("s");
	await tab.locator("body").press("s");
	await until(async () => /Stopped/.test(await state(tab)), "the end");
	// Focus is visible wherever Tab goes.
	for (let i = 0; i < 12; i++) {
		await tab.keyboard.press("Tab");
		const seen = await tab.evaluate(() => {
			const s = getComputedStyle(document.activeElement);

			return document.activeElement === document.body || (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1);
		});

		assert.ok(seen, `focus ${i} is invisible`);
	}
	// A dialog keeps it until it closes.
	await tab.keyboard.press("?");
	await until(async () => (await focused()) === "Close", "the dialog");
	for (const expected of ["", "Close", ""]) {
		await tab.keyboard.press("Tab");
		assert.equal(await focused(), expected);
	}
	// What it changes does not move the focus, and keys act on nothing below it.
	await tab.keyboard.press("Space");
	await tab.keyboard.press("Space");
	assert.equal(await focused(), "");
	await tab.keyboard.press("n");
	assert.equal(await tab.locator(".popover").count(), 0);
	await tab.keyboard.press("Escape");
	await tab.click("text=New test");
	await tab.click("[aria-label='Try once: walker']");
	await until(async () => (await focused()) === "Try", "the focus of the try");
	// It stays where the person goes next, whatever each second brings.
	await tab.fill("input[name=host]", "http://one");
	await tab.waitForTimeout(1500);
	assert.equal(await tab.evaluate(() => document.activeElement.getAttribute("name")), "host");
	await tab.locator(".try [aria-label=Close]").press("Enter");
	assert.equal(await focused(), "Try once");
	// The report, from the menu.
	await tab.locator("[aria-label=More]").focus();
	await tab.keyboard.press("Enter");
	await tab.keyboard.press("Tab");
	assert.equal(await focused(), "Report (HTML)");
	const [download] = await Promise.all([tab.waitForEvent("download"), tab.keyboard.press("Enter")]);
	const report = readFileSync(await download.path(), "utf8");

	assert.match(report, /<!doctype html>[\s\S]*hello note/i);
});

test("wrong values are said at the field and never sent", async () => {
	page = await startPage();
	const tab = await open();

	for (const [field, value] of [["user_count", "abc"], ["user_count", "-1"], ["user_count", ""], ["user_count", "1e9"],
		["spawn_rate", "0"], ["run_time", "soon"], ["host", "a b"]]) {
		const input = tab.locator(`input[name=${field}]`);
		const before = await input.inputValue();

		await input.fill(value);
		assert.equal(await input.getAttribute("aria-invalid"), "true", `${field}=${value}`);
		assert.ok(await tab.locator("button.primary", { hasText: "Start" }).isDisabled());
		await input.press("Enter");
		await input.fill(before);
	}
	assert.equal((await page.get("stats/requests")).state, "ready");
});

test("two people see what each other does", async () => {
	page = await startPage();
	const one = await open();
	const two = await open();
	const timed = async (fn, what) => {
		const began = Date.now();

		await until(fn, what);
		assert.ok(Date.now() - began <= 2000, `${what} took ${Date.now() - began} ms`);
	};

	await one.fill("input[name=user_count]", "20");
	await one.fill("input[name=spawn_rate]", "100");
	await one.press("input[name=spawn_rate]", "Enter");
	await timed(async () => (await two.locator(".tabs").count()) === 1, "the start in the other");
	// What comes within a second of one's own doing is taken for it.
	await until(async () => /Running 0:0[2-9]/.test(await state(one)), "two seconds of running");
	await two.click("text=Edit load");
	await two.fill(".popover input >> nth=0", "35");
	await two.press(".popover input >> nth=0", "Enter");
	await timed(async () => /\/35/.test(await one.locator(".stat").first().innerText()), "the edit in the first");
	await until(async () => (await one.locator(".toast").count()) > 0, "a word about it");
	await two.click("button.stop");
	await timed(async () => /Stopped/.test(await state(one)), "the stop in the first");
});

test("reset can be undone", async () => {
	page = await startPage();
	await page.post("swarm", { user_count: 30, spawn_rate: 100 });
	const tab = await open();

	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > 100, "requests");
	await page.post("api/v1/stop", {});
	const before = (await page.get("stats/requests")).stats.at(-1).num_requests;

	await tab.click("[aria-label=More]");
	await tab.click("text=Reset statistics");
	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests === 0, "the reset");
	await tab.click(".toast >> text=Undo");
	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests === before, "the undo");
});

test("a range holds for the charts and the table, counts are exact, and what changed most is named", async () => {
	page = await startPage("--endpoints", "4");
	await page.post("swarm", { user_count: 40, spawn_rate: 100 });
	const tab = await open();

	// Two slots of 10 s, of which only the later is slow.
	const at = async () => (await page.get("api/v1/meta")).time;
	const began = (await page.get("api/v1/runs"))[0].started;
	const middle = Math.ceil((began + 5) / 10) * 10;

	await until(async () => (await at()) >= middle, "the first slot", 30000);
	page.say("slow");
	const panel = tab.locator("[aria-label='Most changed']");

	await until(async () => (await panel.count()) > 0 && /▲/.test(await panel.innerText()), "the change", 30000);
	assert.match(await panel.locator("li").first().innerText(), /CONNECT sensors\/0\/temp[\s\S]*▲/);
	await panel.locator("a").first().click();
	await tab.waitForSelector(".drawer .spectrum");
	const now = await at();
	const from = Math.floor(now) - 8;
	const to = Math.floor(now) - 2;

	await tab.goto(`${page.url}?tab=endpoints&from=${from}&to=${to}`);
	const table = await page.get(`api/v1/table?from=${from}&to=${to}`);
	const history = await page.get(`api/v1/history?from=${table.from}&to=${table.to}&points=1000`);

	assert.equal(history.step, 1);
	await tab.waitForSelector(".total");
	await until(async () => (await tab.locator(".tools .muted").innerText()).includes("whole 10 s"), "the range");
	const shown = Number((await tab.locator(".total .col-requests").innerText()).replace(/\D/g, ""));

	assert.equal(shown, (await page.get(`api/v1/table?from=${from}&to=${to}`)).total[1]);
	assert.equal(table.rows.reduce((n, r) => n + r[1], 0), table.total[1]);
	assert.equal(history.requests.reduce((n, v) => n + (v ?? 0), 0), table.total[1]);
});

test("two runs are compared", async () => {
	page = await startPage("--endpoints", "4");
	const slot = async () => Math.floor((await page.get("api/v1/meta")).time / 10);

	for (const users of [10, 30]) {
		const before = (await page.get("api/v1/runs")).at(-1)?.ended ?? 0;

		// Endpoints are compared by whole slots of 10 s.
		await until(async () => (await slot()) > Math.floor(before / 10), "a slot of its own");
		if (users === 30)
			page.say("slow");
		await page.post("swarm", { user_count: users, spawn_rate: 1000 });
		await until(async () => (await page.get("api/v1/runs")).at(-1).elapsed >= 8, "seconds enough to tell");
		await page.post("api/v1/stop", {});
		await until(async () => (await page.get("stats/requests")).state === "stopped", "the end");
	}
	const runs = await page.get("api/v1/runs");

	assert.deepEqual(runs.map((r) => r.users), [10, 30]);
	assert.ok(runs[1].requests > 2 * runs[0].requests);
	assert.equal(runs[1].requests, (await page.get("stats/requests")).stats.at(-1).num_requests);
	const tab = await open(`${page.url}?tab=runs`);

	await tab.check("[aria-label='Compare run 1']");
	await tab.check("[aria-label='Compare run 2']");
	await tab.waitForSelector("text=Run 2 against run 1");
	assert.match(await tab.locator("[aria-label=Comparison] tr", { hasText: "req/s" }).innerText(), /better/);
	await until(() => tab.url().includes("compare=1-2"), "the choice in the URL");
	assert.match(await tab.locator("[aria-label='Endpoints that changed most'] tbody tr").first().innerText(),
		/sensors\/0\/temp[\s\S]*▲/);
});

test("ten tabs of one browser all live", async () => {
	page = await startPage();
	await page.post("swarm", { user_count: 5, spawn_rate: 100 });
	const first = await open();
	const all = [first];

	for (let i = 0; i < 9; i++) {
		const tab = await first.context().newPage();

		await tab.goto(page.url);
		all.push(tab);
	}
	for (const tab of all) {
		await tab.waitForSelector(".tabs");
		const before = await tab.locator(".state").innerText();

		await until(async () => (await tab.locator(".state").innerText()) !== before, "a tick in each tab");
	}
});
