// The pictures of docs/web.md, of a minute of a real run: the second step of
// the tutorial against swarm's own target, which is watched, slow for a while
// and sometimes wrong.  Not a test: run it when the page looks different.
//
//   SWARM_TEST_BUILD=build/dev SWARM_TEST_SOURCE=. node --test tests/browser/pictures.mjs
import { join, resolve } from "node:path";
import { test } from "node:test";
import { fixture, until } from "./lib.mjs";

const { startCommand, startServer, openTab } = fixture();
const build = resolve(process.env.SWARM_TEST_BUILD);
const images = resolve(process.env.SWARM_TEST_SOURCE, "docs", "images");

test("overview.png and latency.png", { timeout: 200000 }, async () => {
	const target = await startServer("target", "--listen", "127.0.0.1:0", "--delay", "lognormal:12ms,0.7", "--servers", "16",
		"--errors", "0.002");
	const agent = await startServer("agent", "--port", "0");
	const page = await startCommand("--plugin", join(build, "plugins", "http", "http.so"), "-f", join(build, "scenarios", "quickstart.so"),
		"--processes", "2", "-H", target.url.replace(/[/]$/, ""), "--watch", `shop=${agent.url}`, "--fail-if", "p95 > 400ms",
		"--fail-if", "errors% > 1% over 30s");
	const tab = await openTab(page.url);
	const seconds = (n) => until(async () => (await page.get("api/v1/runs")).at(-1)?.elapsed >= n, `${n} seconds`, 2000 * n + 20000);

	await until(async () => (await page.get("worker-count")).worker_count === 2, "two workers");
	await page.post("api/v1/start", { user_count: 400, spawn_rate: 40 });
	await seconds(30);
	await page.post("api/v1/note", { text: "backup begins" });
	await fetch(new URL("/speed?x=0.4", target.url), { method: "POST" });
	await seconds(45);
	await fetch(new URL("/speed?x=1", target.url), { method: "POST" });
	await page.post("api/v1/note", { text: "backup ended" });
	await seconds(64);
	for (const view of ["overview", "latency"]) {
		await tab.click(`.tabs a[href="?tab=${view}"]`);
		await tab.waitForSelector(view === "latency" ? ".latency .spectrum" : ".charts canvas");
		// The badges of what was seen meanwhile.
		await tab.mouse.move(0, 0);
		await tab.waitForTimeout(1500);
		await tab.screenshot({ path: join(images, `${view}.png`) });
	}
});
