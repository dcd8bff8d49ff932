// Runs that answer a question, on the page while they go on: a figure that is
// held at a set point, and a search for capacity; of swarm's own target.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { fixture, ink, scenario, until } from "./lib.mjs";

const { startCommand, startServer, startSwarm, openTab } = fixture(/status of 409/);
const folder = mkdtempSync(join(tmpdir(), "swarm-answers-"));
const number = (text) => parseFloat(/[\d.]+/.exec(text.replace(/\u202f/g, "")) ?? "none");
const words = { pass: "✓ borne", fail: "✗ missed", overload: "✗ work piles up", invalid: "? generator", undecided: "? undecided" };
/** A figure of a panel by its name. */
const fact = (panel, name) => panel.locator(`.facts-row div:has(dt:text-is("${name}")) dd`).innerText();

test("what is held: set point, measured, load and state, live and in the report", async () => {
	// Four at once, 20 ms each: 200 a second, and beyond that a queue.
	const target = await startServer("target", "--listen", "127.0.0.1:0", "--delay", "20ms", "--servers", "4");
	const html = join(folder, "hold.html");
	const page = await startSwarm("limits.so", "-H", target.url.replace(/[/]$/, ""), "--rate", "120", "--hold", "p99=400ms; max=150",
		"--html", html, "eager");
	const tab = await openTab(page.url);

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await page.post("api/v1/start", {});
	const panel = tab.locator("[aria-label=Hold]");

	await until(async () => (await panel.count()) > 0 && number(await fact(panel, "measured")) > 0, "a measured value", 30000);
	assert.equal(await fact(panel, "set point"), "400 ms");
	assert.match(await fact(panel, "bounds"), /\/s – 150\/s/);
	const load = panel.locator(".chart", { hasText: "wanted" });
	const first = await ink(load, "purple");
	// It is fast below 200 a second, so the load rises to its bound, or as far as this machine can make it beside others.
	await until(async () => number(await fact(panel, "load")) !== 120, "another load", 60000);
	// Each second's figures are the newest of the course.
	await until(async () => {
		const { load: wanted, phase } = (await page.get("api/v1/hold")).hold.points.at(-1);

		return (await fact(panel, "state")).endsWith(phase) && Math.abs(number(await fact(panel, "load")) - wanted) <= 1;
	}, "the state of this second");
	// Its line has grown, too.
	await until(async () => (await ink(load, "purple")) > first + 20, "more of the line");
	// Who comes now sees the course from its beginning.
	const course = (await page.get("api/v1/hold")).hold.points.length;
	const other = await openTab(page.url);

	await other.locator("[aria-label=Hold] .chart >> text=Table >> nth=0").click();
	await until(async () => (await other.locator("[aria-label=Hold] tbody tr").count()) >= course, "the course");
	await page.post("api/v1/stop", {});
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end");
	await page.end("SIGINT");
	const report = await openTab(pathToFileURL(html).href);

	assert.match(await report.locator("#app [aria-label=Hold]").innerText(), /p99=400ms/);
	assert.equal(await report.locator("#app [aria-label=Hold] .uplot").count(), 2);
});

test("a search: stage, load, interval and probes, live and in the report", async () => {
	const target = await startServer("target", "--listen", "127.0.0.1:0", "--delay", "40ms", "--servers", "4");
	const html = join(folder, "capacity.html");
	const page = await startCommand("capacity", "-f", scenario("limits.so"), "-H", target.url.replace(/[/]$/, ""), "--headful", "--probe-time", "5s",
		"--search-from", "20", "--slo", "p95<600ms,errors<1%", "--processes", "1", "--html", html, "eager");
	const tab = await openTab(page.url);
	const panel = tab.locator("[aria-label=Capacity]");

	await panel.waitFor({ timeout: 30000 });
	assert.match(await fact(panel, "stage"), /grow/);
	assert.ok(number(await fact(panel, "load now")) >= 20);
	await panel.locator(".probes tbody tr").first().waitFor({ timeout: 60000 });
	// Twenty a second are borne, or could not be made on this machine beside others: what the server says.
	const [probe] = (await page.get("api/v1/capacity")).capacity.probes;
	const row = (await panel.locator(".probes tbody tr").last().innerText()).split("\t").map((cell) => cell.trim());

	assert.deepEqual(row.slice(0, 3), ["1", "20.0/s", probe.stage]);
	assert.ok(row[3].startsWith(words[probe.verdict]), `${row[3]}: ${probe.verdict}`);
	if (probe.verdict === "pass")
		assert.ok(number(await fact(panel, "borne up to")) >= 20);
	assert.equal(await fact(panel, "must hold"), "p95<600ms, errors<1%");
	// Nobody sets the load from here.
	assert.equal((await page.post("api/v1/load", { user_count: 3 })).status, 409);
	await page.end("SIGINT");
	const report = await openTab(pathToFileURL(html).href);

	assert.match(await report.locator("#app [aria-label=Capacity]").innerText(), /ended early/);
	assert.ok(await report.locator("#app [aria-label=Capacity] .probes tbody tr").count() >= 1);
});
