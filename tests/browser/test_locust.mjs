// Locust's own page, as its package brings it, in front of swarm: its scripts
// find Locust's paths, keys and states, and can start, edit and stop.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fixture, until } from "./lib.mjs";

const { startSwarm, openTab } = fixture();

/** Its template as its server fills it in, and where its other files are. */
const render = `
import json, os, sys
import jinja2, locust
folder = os.path.dirname(locust.__file__)
page = jinja2.Environment(loader=jinja2.FileSystemLoader(folder + "/templates"), extensions=["jinja2.ext.do"]).get_template("index.html").render(
    locustfile="steady.c", state=sys.argv[1], is_distributed=True, user_count=0, version="2", host="", history={},
    override_host_warning=False, num_users=None, spawn_rate=None, worker_count=2, is_shape=False, stats_history_enabled=False,
    tasks="{}", extra_options={}, show_userclass_picker=False, available_user_classes=None, available_shape_classes=["Default"])
print(json.dumps({"page": page, "folder": folder}))
`;

test("Locust's page shows live figures, and starts, edits and stops", async () => {
	const { page: html, folder } = JSON.parse(execFileSync("/usr/bin/python3", ["-c", render, "ready"], { encoding: "utf8" }));
	const page = await startSwarm("steady.so");

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	const refused = [];
	const asked = new Set();
	const tab = await openTab(page.url);

	tab.on("response", (r) => {
		const path = new URL(r.url()).pathname;

		asked.add(path);
		if (!r.ok())
			refused.push(`${path} ${r.status()}`);
	});
	await tab.route((url) => url.pathname === "/" || url.pathname.startsWith("/static/"), (route) => {
		const { pathname } = new URL(route.request().url());

		return pathname === "/" ? route.fulfill({ contentType: "text/html", body: html })
			: route.fulfill({ path: join(folder, pathname) });
	});
	await tab.goto(page.url);
	await tab.fill("#user_count", "6");
	await tab.fill("#spawn_rate", "100");
	await tab.click("#start button[type=submit]");
	await until(async () => /running/i.test(await tab.locator("#status_text").innerText()), "its word for running");
	await until(async () => Number(await tab.locator("#total_rps").innerText()) > 0, "a rate");
	await until(async () => (await tab.locator("#userCount").innerText()) === "6", "six users");
	const rows = tab.locator("#stats tbody tr");

	await until(async () => (await rows.count()) === 2, "the endpoint and the total");
	assert.match(await rows.first().innerText(), /BEAT\s+beat\s+\d+/);
	assert.match(await rows.last().innerText(), /Aggregated/);
	await tab.click("#edit-test");
	await tab.fill("#new_user_count", "3");
	await tab.click("#edit button[type=submit]");
	await until(async () => (await tab.locator("#userCount").innerText()) === "3", "three users");
	await tab.click("text=Workers");
	await until(async () => (await tab.locator("#workers tbody tr").count()) === 2, "both workers");
	await tab.click(".stop-button");
	await until(async () => /stopped/i.test(await tab.locator("#status_text").innerText()), "its word for stopped");
	assert.equal((await page.get("stats/requests")).state, "stopped");
	for (const path of ["/swarm", "/stop", "/stats/requests", "/exceptions"])
		assert.ok(asked.has(path), `${path} was not asked for`);
	assert.deepEqual(refused, []);
});
