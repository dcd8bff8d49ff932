// Starts the page program and a browser for one test, and ends both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach } from "node:test";

const source = process.env.SWARM_TEST_SOURCE;
const build = process.env.SWARM_TEST_BUILD;
const require = createRequire(join(source, "web", "package.json"));

export const { chromium } = require("playwright-core");
export const axeSource = require.resolve("axe-core/axe.min.js");
export const shots = process.env.SWARM_SHOTS || join(build, "shots");

/** The first match in the lines of a stream. */
function awaitLine(child, stream, pattern) {
	let all = "";

	return new Promise((resolve, reject) => {
		createInterface({ input: stream }).on("line", (line) => {
			const match = line.match(pattern);

			all += `${line}\n`;
			if (match)
				resolve(match[0]);
		});
		child.once("exit", (code) => reject(new Error(`ended with ${code}: ${all}`)));
	});
}

/** A scenario of the end-to-end tests. */
export const scenario = (module) => join(build, "tests", "e2e", "modules", module);

/** swarm itself with such a scenario. */
const startSwarm = (module, ...args) => startCommand("-f", scenario(module), "--processes", "2", ...args);

/** swarm itself, with a page. */
async function startCommand(...args) {
	const child = spawn(join(build, "bin", "swarm"), [...args, "--web-port", "0"], { stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, XDG_CONFIG_HOME: mkdtempSync(join(tmpdir(), "swarm-test-")) } });

	return serverOf(child, await awaitLine(child, child.stderr, /http:\S+/));
}

/** "agent", which tells of this machine, for --watch, or "target", a server of known capacity; its address is `url`. */
async function startServer(command, ...args) {
	const child = spawn(join(build, "bin", "swarm"), [command, ...args], { stdio: ["ignore", "pipe", "pipe"] });

	return serverOf(child, await Promise.any([child.stdout, child.stderr].map((s) => awaitLine(child, s, /http:\S+/))));
}

/** The server with a made-up run; `say` steers it. */
async function startPage(...args) {
	const child = spawn(join(build, "tests", "browser", "page"), args, { stdio: ["pipe", "pipe", "pipe"] });

	child.stderr.resume();
	return serverOf(child, await awaitLine(child, child.stdout, /http\S+/));
}

function serverOf(child, url) {
	let text = "";

	child.stdout.on("data", (data) => { text += data; });
	return {
		url,
		child,
		program: join(build, "bin", "swarm"),
		/** What it has written to its standard output. */
		text: () => text,
		/** Its end, asked for. */
		end: (signal) => new Promise((resolve) => {
			child.once("close", resolve);
			child.kill(signal);
		}),
		say: (line) => child.stdin.write(`${line}\n`),
		post: (path, fields) => fetch(url + path, { method: "POST", body: new URLSearchParams(fields) }),
		get: async (path) => (await fetch(url + path)).json(),
		stop: () => new Promise((resolve) => {
			if (child.exitCode !== null || child.signalCode !== null)
				return resolve();
			child.once("exit", resolve);
			child.kill("SIGKILL");
		}),
	};
}

let browser;

async function openBrowser() {
	browser ??= await chromium.launch({
		executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
		args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync"],
	});
	return browser;
}

async function closeBrowser() {
	await browser?.close();
	browser = undefined;
}

/**
 * A tab that watches itself: requests to other origins, errors and refused
 * resources are gathered in `faults`.
 */
async function openTab(url, options = {}) {
	const context = await (await openBrowser()).newContext({
		viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options,
	});
	const tab = await context.newPage();
	const from = new URL(url);

	tab.faults = [];
	tab.on("pageerror", (e) => tab.faults.push(`error: ${e.message}`));
	tab.on("console", (m) => {
		if (m.type() === "error" && !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|WebSocket/.test(m.text()))
			tab.faults.push(`console: ${m.text()}`);
	});
	tab.on("request", (r) => {
		const u = new URL(r.url());

		if (!["data:", "blob:"].includes(u.protocol) && (u.protocol === "file:" ? u.href !== from.href : u.host !== from.host))
			tab.faults.push(`request to ${r.url()}`);
	});
	await tab.goto(url);
	return tab;
}

/**
 * For a file of tests: what starts servers and opens tabs, all of which are
 * gone after each test.  A fault of a tab is one of the test, unless it fits
 * `ignored`.
 */
export function fixture(ignored = /(?!)/) {
	const servers = [];
	const tabs = [];

	afterEach(async () => {
		const faults = tabs.flatMap((t) => t.faults).filter((f) => !ignored.test(f));

		for (const tab of tabs.splice(0))
			await tab.context().close();
		for (const server of servers.splice(0))
			await server.stop();
		assert.deepEqual(faults, []);
	});
	after(closeBrowser);
	const kept = (list, start) => async (...args) => {
		const one = await start(...args);

		list.push(one);
		return one;
	};

	const kit = {
		startPage: kept(servers, startPage), startSwarm: kept(servers, startSwarm), startCommand: kept(servers, startCommand),
		startServer: kept(servers, startServer), openTab: kept(tabs, openTab),
		/** A page with users whose requests are coming in. */
		startBusy: async (endpoints, requests) => {
			const page = await kit.startPage("--endpoints", String(endpoints));

			await page.post("swarm", { user_count: 100, spawn_rate: 100 });
			await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > requests, "requests", 60000);
			return page;
		},
	};

	return kit;
}

/** What an open tab costs a second, in ms of its main thread, and what it holds. */
export async function cost(tab, seconds) {
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

/** How many pixels of a chart have about this colour of the page's. */
export const ink = (chart, name) => chart.locator("canvas").evaluate((canvas, token) => {
	const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
	const wanted = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
	const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
	let n = 0;

	for (let i = 0; i < data.length; i += 4)
		n += data[i + 3] > 60 && wanted.every((c, k) => Math.abs(c - data[i + k]) < 40) ? 1 : 0;
	return n;
}, name);

/** Waits until fn() is true, by polling; fails with `what`. */
export async function until(fn, what, timeout = 15000) {
	const end = Date.now() + timeout;

	for (;;) {
		if (await fn())
			return;
		if (Date.now() > end)
			throw new Error(`waited ${timeout} ms in vain for ${what}`);
		await new Promise((r) => setTimeout(r, 50));
	}
}
