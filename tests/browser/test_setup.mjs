// What a person changes from one test to the next, and while it runs, with
// swarm itself behind the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture, until } from "./lib.mjs";

// A refused value is answered by 400, which browsers log.
const { startServer, startSwarm, openTab } = fixture(/status of (400|409)/);
let page;
let tab;

const meta = () => page.get("api/v1/meta");
const names = async () => (await page.get("stats/requests")).stats.slice(0, -1).map((r) => `${r.method} ${r.name}`).sort();

async function ready() {
	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await tab.waitForSelector("button.primary:enabled >> text=Start");
}

async function startWith(users) {
	await tab.fill("input[name=user_count]", String(users));
	await tab.fill("input[name=spawn_rate]", "1000");
	await tab.click("button.primary >> text=Start");
	await until(async () => (await page.get("stats/requests")).user_count === users, `${users} users`, 30000);
}

test("options, classes, tasks and presets of the next test", async () => {
	page = await startSwarm("choice.so");
	tab = await openTab(page.url);
	await ready();
	// A wrong value is said at its field.
	await tab.fill("input[name='choice.pace']", "quick");
	await tab.click("button.primary >> text=Start");
	await until(async () => /whole number/.test(await tab.locator("[id='choice.pace-help']").innerText()), "the word at the field");
	await tab.fill("input[name='choice.pace']", "12");
	await tab.selectOption("select[name='choice.mood']", "wild");
	assert.match(await tab.locator(".command code").innerText(), /-o choice.pace=12 -o choice.mood=wild/);
	// One task of a class, by its dialog.
	await tab.click("[aria-label='Change walker']");
	await tab.uncheck(".dialog label:has-text('left') input");
	await tab.fill(".dialog input[name=weight]", "2");
	await tab.click(".dialog >> text=Save");
	await until(async () => (await tab.locator(".dialog").count()) === 0, "the dialog to close");
	await until(async () => /left out/.test(await tab.locator(".classes").innerText()), "the task left out");
	await tab.uncheck("[aria-label='users of caller']");
	// All of it under a name.
	await tab.fill("input[name=preset]", "night");
	await tab.fill("input[name=user_count]", "6");
	await tab.click(".presets >> text=Save");
	await until(async () => (await page.get("api/v1/presets")).length === 1, "the preset");
	await startWith(6);
	await until(async () => (await names()).length > 0, "samples");
	assert.deepEqual(await names(), ["RIGHT wild 12"]);
	await tab.click("button.stop");
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end");
	// The report of the moment is the page over the plain one.
	const report = await openTab(`${page.url}stats/report`);

	await report.waitForSelector("#app .verdict");
	assert.deepEqual(report.faults, []);
	await report.context().close();
	// Another browser finds the preset, and fills the form by it.
	await page.post("api/v1/start", { user_count: 1, spawn_rate: 1, "choice.pace": 1 });
	await page.post("api/v1/stop", {});
	await tab.context().close();
	tab = await openTab(page.url);
	await tab.click("text=New test");
	await tab.fill("input[name=preset]", "night");
	await tab.click(".presets >> text=Use");
	assert.equal(await tab.inputValue("input[name='choice.pace']"), "12");
	assert.equal(await tab.inputValue("input[name=user_count]"), "6");
	assert.equal(await tab.isChecked("[aria-label='users of caller']"), false);
	await tab.click(".presets >> text=Delete");
	await until(async () => (await page.get("api/v1/presets")).length === 0, "no preset");
	assert.equal((await meta()).classes[0].weight, 2);
});

test("pause, another load, and a worker that is drained, refilled and removed", async () => {
	page = await startSwarm("steady.so");
	tab = await openTab(page.url);
	await ready();
	await startWith(10);
	await tab.click("text=Pause");
	await until(async () => /Paused/.test(await tab.locator(".state").innerText()), "the word");
	await tab.waitForSelector(".bar >> text=Paused");
	const total = async () => (await page.get("stats/requests")).stats.at(-1).num_requests;
	let before = -1;

	// Nothing is counted any more.
	await until(async () => {
		const now = await total();
		const still = now === before;

		before = now;
		await tab.waitForTimeout(1100);
		return still;
	}, "standstill");
	await tab.click("text=Resume");
	await until(async () => (await total()) > before, "requests again");
	await tab.click("text=Edit load");
	await tab.click("[aria-label='10 more users']");
	await tab.click(".popover >> text=Apply");
	await until(async () => (await page.get("stats/requests")).user_count === 20, "20 users");
	await tab.click(".tabs >> text=Workers");
	const rows = tab.locator(".workers tbody tr");
	const users = async () => (await rows.evaluateAll((all) => all.map((r) => r.children[3].textContent))).join();

	await until(async () => (await users()) === "10,10", "ten each");
	await rows.first().locator("text=Drain").click();
	await until(async () => (await users()) === "0,20", "all on the second");
	await until(async () => /drained/.test(await rows.first().innerText()), "the word");
	await until(async () => {
		const refill = rows.first().locator("text=Refill");

		if (await refill.count() > 0 && await refill.isEnabled())
			await refill.click();
		return (await users()) === "10,10";
	}, "ten each again");
	await rows.last().locator("text=Remove").click();
	await until(async () => (await users()) === "20", "one worker");
	assert.equal((await page.get("worker-count")).worker_count, 1);
	assert.equal(await tab.locator(".bar").count(), 0, "nothing was lost");
	await rows.first().locator("text=Log").click();
	await tab.waitForSelector(".lines");
});

test("a plan of several executors is drawn, and one of them edited", async () => {
	page = await startSwarm("choice.so", "--executor", "name=wave;shape=stages:5s:8,5m:8", "--executor",
		"name=flow;classes=caller;rate=5;users=4");
	tab = await openTab(page.url);
	await ready();
	await until(async () => (await tab.locator(".preview canvas").count()) === 2, "users and arrivals");
	assert.match(await tab.locator(".preview").first().innerText(), /wave/);
	await tab.click("button.primary >> text=Start");
	await until(async () => (await page.get("stats/requests")).user_count >= 8, "users", 30000);
	await tab.click("text=Edit load");
	await tab.check(".popover input[type=checkbox]");
	await tab.fill(".popover .steps input", "3");
	await tab.click(".popover >> text=Apply");
	const executor = async (i) => (await page.get("api/v1/executors")).executors[i];

	await until(async () => (await executor(0)).users === 3, "three users of the wave");
	await tab.click("text=Edit load");
	await tab.selectOption(".popover select", "flow");
	await tab.fill(".popover input", "40");
	await tab.click(".popover >> text=Apply");
	await until(async () => (await executor(1)).rate === 40, "forty a second");
	await tab.click(".tabs >> text=Scenario");
	await until(async () => /arrivals due/.test(await tab.locator("[aria-label=Executors]").innerText()), "the executors");
});

test("a class is tried once, as the form has it, and nothing of it is counted", async () => {
	page = await startSwarm("choice.so");
	tab = await openTab(page.url);
	await ready();
	await tab.fill("input[name='choice.pace']", "12");
	await tab.click("[aria-label='Try once: walker']");
	await tab.click(".try button:text-is('Try')");
	await tab.waitForSelector(".try [role=status]");
	assert.match(await tab.locator(".try [role=status]").innerText(), /2 passed/);
	const rows = await tab.locator(".try tbody tr").allInnerTexts();

	assert.deepEqual(rows.map((r) => r.split("\t")[0].trim()), ["left", "LEFT calm 12", "right", "RIGHT calm 12"]);
	assert.match(rows[1], /1 B\t✓$/);
	// What its options refuse is said.
	await tab.fill("input[name='choice.pace']", "quick");
	await tab.click(".try >> text=Try again");
	await until(async () => /could not begin/.test(await tab.locator(".try").innerText()), "the refusal");
	assert.match(await tab.locator(".try .output").innerText(), /choice.pace/);
	assert.deepEqual((await page.get("stats/requests")).stats.at(-1).num_requests, 0);
});

test("a stop waits for tasks, counts down, and waits no longer when told", async () => {
	page = await startSwarm("counted.so", "-o", "counted.service=30s", "-s", "25");
	tab = await openTab(page.url);
	await ready();
	await startWith(4);
	await tab.click("button.stop");
	await until(async () => /Stopping… \d+ s/.test(await tab.locator("button.stop").first().innerText()), "the countdown");
	const left = async () => Number(/(\d+) s/.exec(await tab.locator("button.stop").first().innerText())?.[1]);
	const first = await left();

	assert.ok(first > 15 && first <= 25, `${first} s`);
	await until(async () => (await left()) < first, "a second less");
	await tab.click("text=Stop now");
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end", 5000);
	assert.equal((await page.get("stats/requests")).user_count, 0);
	assert.ok((await page.get("api/v1/events")).some((e) => e.text === "stopping at once"));
});

test("what the target feels is there live: figures, charts, and when it is gone", async () => {
	const agent = await startServer("agent", "--port", "0");

	page = await startSwarm("steady.so", "--watch", `app=${agent.url}`);
	tab = await openTab(page.url);
	await ready();
	await startWith(5);
	const panel = tab.locator("[aria-label=Target]");

	await panel.waitFor();
	await until(async () => /cpu[\s\S]*%/.test(await panel.innerText()), "its processor");
	const chart = tab.locator(".chart", { has: tab.locator("h3", { hasText: /^app %$/ }) });

	await chart.waitFor();
	await until(async () => /cpu \d/.test(await chart.locator(".legend").innerText()), "a figure in the chart");
	// Who comes later sees what was before.
	const history = await page.get("api/v1/resources");
	const other = await openTab(page.url);

	await other.locator("[aria-label=Target]").waitFor();
	await other.locator(".chart", { has: other.locator("h3", { hasText: /^app %$/ }) }).locator("text=Table").click();
	await until(async () => (await other.locator(".chart-table tbody tr").count()) >= history.at.length, "the past");
	await agent.stop();
	await until(async () => /does not answer/.test(await panel.innerText()), "the word that it is gone");
	await tab.click("button.stop");
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end");
	assert.ok(await chart.isVisible());
});
