// The report of a real run: alone in its file, with scripts and without, on
// paper, long, and beside another run.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { axeSource, fixture, ink, until } from "./lib.mjs";

const { startServer, startPage, openTab } = fixture();
const build = process.env.SWARM_TEST_BUILD;
const folder = mkdtempSync(join(tmpdir(), "swarm-report-"));
const file = (name) => join(folder, name);

/** A report of four seconds; what fails fails. */
function run(name, ...args) {
	try {
		execFileSync(join(build, "bin", "swarm"), ["-f", join(build, "tests", "e2e", "modules", "choice.so"), "--headless", "-t", "4",
			"--processes", "1", "--html", file(name), "--json-file", file(`${name}.json`), ...args], { stdio: "ignore" });
	} catch (e) {
		assert.equal(e.status, 99);
	}
}

before(() => run("run.html", "-u", "20", "-r", "10", "--fail-if", "count > 10"));

const open = (name, options) => openTab(pathToFileURL(file(name)).href, options);
const results = (name) => JSON.parse(readFileSync(file(`${name}.json`), "utf8"));
const digits = (text) => Number(text.replace(/\D/g, ""));

test("without scripts: verdict, criteria, endpoints, failures, three charts", async () => {
	const tab = await open("run.html", { javaScriptEnabled: false });
	const text = await tab.locator("#plain").innerText();

	assert.match(text, /Failed/);
	assert.match(text, /count > 10/);
	assert.match(text, /LEFT/);
	assert.match(text, /Failures/);
	assert.equal(await tab.locator("#plain .charts svg").count(), 3);
	assert.ok(await tab.locator("#plain header").isVisible());
});

test("what the target felt has charts, with scripts and without", async () => {
	run("felt.html", "-u", "5", "-r", "10", "--watch", `app=${(await startServer("agent", "--port", "0")).url}`);
	const plain = await open("felt.html", { javaScriptEnabled: false });
	const tab = await open("felt.html");
	const units = (r) => new Set(r.figures.filter((f) => !f.name.endsWith(".up")).map((f) => f.name.replace(/[^.]*$/, "") + f.unit));
	const groups = units(results("felt.html").resources).size;

	assert.ok(groups >= 5);
	assert.equal(await plain.locator("#plain .charts svg").count(), 3 + groups);
	await tab.locator("#app .charts").waitFor();
	const titles = await tab.locator("#app .charts").innerText();

	for (const title of ["app", "app.net", "app.disk"])
		assert.match(titles, new RegExp(`^${title}( |$)`, "m"));
	assert.match(titles, /cpu/);
	if (process.env.SWARM_SHOT)
		await tab.screenshot({ path: process.env.SWARM_SHOT, fullPage: true });
});

test("with scripts: the page, with the same figures, and no request", async () => {
	const tab = await open("run.html");
	const r = results("run.html");

	await tab.waitForSelector("#app .verdict");
	assert.match(await tab.locator(".verdict").innerText(), /Failed/);
	assert.equal(await tab.locator("#plain").isVisible(), false);
	assert.equal(digits(await tab.locator(".stat:has-text('requests') b").innerText()), r.total.requests);
	await tab.waitForSelector(".uplot canvas");
	for (const view of ["endpoints", "latency", "failures", "scenario", "workers", "overview"]) {
		await tab.click(`.tabs a[href="?tab=${view}"]`);
		await tab.waitForTimeout(150);
	}
	await tab.click('.tabs a[href="?tab=endpoints"]');
	assert.equal(digits(await tab.locator(".total .col-requests").innerText()), r.total.requests);
	for (const s of r.series) {
		const row = tab.locator("tbody tr", { hasText: s.type });

		assert.equal(digits(await row.locator(".col-requests").innerText()), s.requests, s.type);
	}
	await tab.click(".col-name .link >> nth=0");
	await tab.waitForSelector(".drawer .spectrum");
	// Of one endpoint over time.
	await until(async () => (await tab.locator(".drawer .uplot").count()) === 2, "its charts");
	assert.ok(await ink(tab.locator(".drawer .chart").first(), "blue") > 50, "its line");
	for (const key of ["requests", "failures"])
		assert.equal(r.endpoint_history.series.reduce((n, s) => n + s[key].reduce((a, b) => a + b, 0), 0), r.total[key], key);
	await tab.keyboard.press("Escape");
	await tab.click('.tabs a[href="?tab=latency"]');
	await tab.waitForSelector(".latency .spectrum");
	// And back to the plain one.
	await tab.click("text=Plain report");
	assert.ok(await tab.locator("#plain header").isVisible());
	assert.equal(await tab.locator("#app").isVisible(), false);
});

test("no barrier that axe finds, in either layer", async () => {
	for (const colorScheme of ["light", "dark"])
		for (const plain of [false, true]) {
			const tab = await open("run.html", { colorScheme });

			await tab.waitForSelector("#app .verdict");
			if (plain)
				await tab.click("text=Plain report");
			await tab.evaluate(readFileSync(axeSource, "utf8"));
			const found = await tab.evaluate(async () => (await axe.run(document, {
				runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
			})).violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 140)).join(" | ")}`));

			assert.deepEqual(found, [], `${colorScheme}${plain ? ", plain" : ""}`);
		}
});

test("printed: the plain one on white, no row cut", async () => {
	const tab = await open("run.html", { colorScheme: "dark" });

	await tab.waitForSelector("#app .verdict");
	await tab.emulateMedia({ media: "print", colorScheme: "dark" });
	assert.ok(await tab.locator("#plain header").isVisible());
	assert.equal(await tab.locator("#app").isVisible(), false);
	assert.deepEqual(await tab.evaluate(() => [getComputedStyle(document.body).backgroundColor,
		getComputedStyle(document.querySelector("#plain tr")).breakInside,
		[...document.querySelectorAll("#plain table")].filter((t) => t.scrollWidth > document.documentElement.clientWidth).length]),
	["rgb(255, 255, 255)", "avoid", 0]);
	const pdf = await tab.pdf({ format: "A4" });

	assert.ok(pdf.length > 10000 && pdf.subarray(0, 5).toString() === "%PDF-");
});

/** What four hours with 200 endpoints leave: 600 stretches of 24 s. */
function long(name) {
	const html = readFileSync(file("run.html"), "utf8");
	const [all, data] = /<script type="application\/gzip" id="results">([^<]*)</.exec(html);
	const r = JSON.parse(gunzipSync(Buffer.from(data, "base64")));
	let seed = 1;
	const random = () => { seed = (seed * 48271) % 2147483647; return seed / 2147483647; };
	const buckets = (n) => Array.from({ length: n }, (_, i) => [1500 + i * 3, 1 + Math.floor(random() * 4000)]).flat();

	r.history = Array.from({ length: 600 }, (_, i) => ({
		end_s: (i + 1) * 24, length_s: 24, users: 400, requests: 240000, failures: Math.floor(random() * 9), bytes: 1e8,
		mean_ms: 3 + random(), response_buckets: buckets(150),
	}));
	r.run.duration_s = 14400;
	r.series = Array.from({ length: 200 }, (_, i) => ({ ...r.series[i % r.series.length], type: "GET", name: `/path/${i}/of/some/length`,
		response_buckets: buckets(250) }));
	const rows = r.series.map((s) => /<tr><td>LEFT.*?<\/tr>/s.exec(html)[0].replace(/<td class="name">[^<]*/, `<td class="name">${s.name}`)).join("\n");

	writeFileSync(file(name), html.replace(all, `<script type="application/gzip" id="results">${gzipSync(JSON.stringify(r), { level: 9 })
		.toString("base64")}<`).replace("</table></div></section>", `${rows}</table></div></section>`));
}

test("small, also when long, and soon there", async () => {
	const size = statSync(file("run.html")).size;

	assert.ok(size <= 250 * 1024, `${size} bytes`);
	long("long.html");
	const longSize = statSync(file("long.html")).size;
	const tab = await open("long.html");

	await tab.waitForSelector(".uplot canvas");
	const shown = Math.round(await tab.evaluate(() => performance.now()));

	console.log(`report ${size} bytes; 4 h and 200 endpoints ${longSize} bytes, first chart within ${shown} ms`);
	assert.ok(longSize <= 1.5 * 1024 * 1024, `${longSize} bytes`);
	assert.ok(shown <= 3000, `${shown} ms`);
	await tab.click('.tabs a[href="?tab=latency"]');
	await tab.waitForSelector(".latency .spectrum");
});

test("two reports dropped into Runs are compared", async () => {
	run("other.html", "-u", "60", "-r", "100");
	const page = await startPage();
	const tab = await openTab(`${page.url}?tab=runs`);

	await page.post("swarm", { user_count: 1, spawn_rate: 1 });
	await tab.waitForSelector(".runs input[type=file]");
	await tab.setInputFiles(".runs input[type=file]", [file("run.html"), file("other.html.json")]);
	await until(async () => (await tab.locator(".runs tbody tr").count()) === 3, "two more runs");
	await tab.check("[aria-label='Compare run A']");
	await tab.check("[aria-label='Compare run B']");
	const comparison = tab.locator("[aria-label=Comparison]");

	await comparison.waitFor();
	const requests = (await comparison.locator("tr", { hasText: "requests" }).innerText()).split("\t").slice(1, 3).map(digits);

	assert.deepEqual(requests.sort(), [results("run.html").total.requests, results("other.html").total.requests].sort());
	// What is no report is said, and nothing else.
	writeFileSync(file("odd.html"), "<html>");
	await tab.setInputFiles(".runs input[type=file]", [file("odd.html")]);
	await tab.waitForSelector(".toast.bad");
});
