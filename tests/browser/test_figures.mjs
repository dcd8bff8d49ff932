// The figures themselves: the same wherever they are read, and what the
// requests' own records say.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { fixture, until } from "./lib.mjs";

const { startSwarm, openTab } = fixture();
const folder = mkdtempSync(join(tmpdir(), "swarm-figures-"));
const digits = (text) => Number(text.replace(/\D/g, ""));

test("totals are the same on the page, by REST, in CSV, JSON, the report and the terminal", async () => {
	const at = join(folder, "same");
	const page = await startSwarm("counted.so", "-o", "counted.times=9", "-o", "counted.fail_every=3", "--csv", at,
		"--json-file", `${at}.json`, "--html", `${at}.html`);
	const tab = await openTab(page.url);

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await page.post("swarm", { user_count: 37, spawn_rate: 1000 });
	await until(async () => digits(await tab.locator(".stat:has-text('requests') b").innerText()) === 333, "all requests on the page");
	await page.post("api/v1/stop", {});
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end");
	const seen = {
		page: await tab.locator(".stat:has-text('requests') b, .stat:has-text('failures') b").allInnerTexts().then((t) => t.map(digits)),
	};
	const rest = (await page.get("stats/requests")).stats.at(-1);

	await tab.click(".tabs >> text=Endpoints");
	seen.table = await tab.locator(".total .col-requests, .total .col-failures").allInnerTexts().then((t) => t.map(digits));
	seen.rest = [rest.num_requests, rest.num_failures];
	await page.end("SIGINT");
	const csv = readFileSync(`${at}_stats.csv`, "utf8").trim().split("\n").at(-1).split(",");
	const json = JSON.parse(readFileSync(`${at}.json`, "utf8")).total;
	const report = await openTab(pathToFileURL(`${at}.html`).href, { javaScriptEnabled: false });
	const plain = await report.locator("#plain").innerText();
	const terminal = /TOTAL\s+requests ([\d ]*\d)\s+failed (\d+)/.exec(page.text());

	seen.csv = [Number(csv[2]), Number(csv[3])];
	seen.json = [json.requests, json.failures];
	seen.terminal = terminal.slice(1).map(digits);
	seen.report = [/requests/i.test(plain) && /\b333\b/.test(plain) ? 333 : 0, /\b111\b/.test(plain) ? 111 : 0];
	assert.deepEqual(seen, Object.fromEntries(Object.keys(seen).map((k) => [k, [333, 111]])));
});

/** The nearest rank, of times in order. */
const rank = (times, q) => times[Math.max(1, Math.ceil(q * times.length)) - 1];

test("a range of the table is what the requests' own records say", async () => {
	const log = join(folder, "log");
	const page = await startSwarm("steady.so", "-o", "steady.service=15ms", "--request-log", log);
	const tab = await openTab(page.url);
	const wall = () => Date.now() / 1000;
	const slot = () => Math.floor(wall() / 10);

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await page.post("swarm", { user_count: 30, spawn_rate: 1000 });
	// A second of quiet on both sides of the slot's end, so that each request is known to be of one slot.
	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > 600 && wall() % 10 > 5 && wall() % 10 < 7.5,
		"requests in the middle of a slot", 30000);
	const first = slot();

	await page.post("api/v1/pause", {});
	await until(() => slot() > first && wall() % 10 > 1, "the next slot");
	await page.post("api/v1/resume", {});
	const before = (await page.get("stats/requests")).stats.at(-1).num_requests;

	await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > before + 400, "requests in the next");
	await page.post("api/v1/stop", {});
	await until(async () => /Stopped/.test(await tab.locator(".state").innerText()), "the end");
	const started = (await page.get("api/v1/runs"))[0].started;
	const edge = (first + 1) * 10;

	await tab.goto(`${page.url}?tab=endpoints&from=${Math.floor(started)}&to=${edge}`);
	await until(async () => /whole 10 s/.test(await tab.locator(".tools .muted").innerText()), "the range");
	const cell = async (name) => Number((await tab.locator(`tbody tr:has-text('BEAT') .col-${name}`).innerText()).replace(/[^\d.]/g, ""));
	const shown = { requests: await cell("requests"), p50: await cell("p50"), p95: await cell("p95"), p99: await cell("p99") };

	await page.end("SIGINT");
	const files = readdirSync(folder).filter((f) => f.startsWith("log.")).map((f) => join(folder, f));
	const rows = execFileSync(page.program, ["log", ...files], { encoding: "utf8", maxBuffer: 1 << 26 }).trim().split("\n")
		.map((line) => line.split(","));
	const at = (name) => rows[0].indexOf(name);
	const times = rows.slice(1).filter((r) => Number(r[at("time")]) < edge).map((r) => Number(r[at("response_ms")])).sort((a, b) => a - b);

	assert.equal(files.length, 2);
	assert.ok(times.length > 500 && times.length < rows.length - 300, `${times.length} of ${rows.length}`);
	console.log(`${times.length} requests of the log in the range; shown ${JSON.stringify(shown)}`);
	assert.equal(shown.requests, times.length);
	for (const [name, q] of [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]])
		assert.ok(Math.abs(shown[name] / rank(times, q) - 1) <= 0.05, `${name}: ${shown[name]} against ${rank(times, q)}`);
});
