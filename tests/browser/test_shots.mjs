// Pictures of every view for people to look at, in SWARM_SHOTS or
// build/.../shots; that each has something in it is checked.
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { fixture, shots, until } from "./lib.mjs";

const { startPage, openTab } = fixture();

mkdirSync(shots, { recursive: true });

async function shoot(tab, name) {
	const path = `${shots}/${name}.png`;

	await tab.screenshot({ path });
	assert.ok(statSync(path).size > 8000, `${name} is nearly empty`);
}

for (const [size, endpoints] of [["few", "5"], ["many", "5000"]]) {
	for (const colorScheme of ["light", "dark"]) {
		test(`${size} endpoints, ${colorScheme}`, async () => {
			const page = await startPage("--endpoints", endpoints);
			const tab = await openTab(page.url, { colorScheme });
			const name = (what) => `${size}-${colorScheme}-${what}`;

			const phone = { width: 390, height: 844 };
			const desk = { width: 1280, height: 800 };

			await tab.waitForSelector(".preview canvas");
			await shoot(tab, name("start"));
			await tab.setViewportSize(phone);
			await shoot(tab, name("phone-start"));
			await tab.setViewportSize(desk);
			page.say("watch");
			await page.post("swarm", { user_count: 60, spawn_rate: 10 });
			await tab.waitForSelector(".tabs");
			await shoot(tab, name("empty"));
			await until(async () => (await page.get("stats/requests")).stats.at(-1).num_requests > 4000, "requests", 60000);
			page.say("log warn the broker answers slowly");
			page.say("log error connection to 127.0.0.1:1883 lost");
			for (const view of ["overview", "endpoints", "latency", "failures", "scenario", "workers", "log", "runs"]) {
				await tab.click(`.tabs a[href="?tab=${view}"]`);
				await tab.waitForTimeout(1200);
				await shoot(tab, name(view));
			}
			await tab.click('.tabs a[href="?tab=endpoints"]');
			await tab.click(".col-name .link >> nth=0");
			await tab.waitForSelector(".drawer .spectrum");
			await shoot(tab, name("drawer"));
			await tab.setViewportSize(phone);
			await shoot(tab, name("phone-drawer"));
			await tab.keyboard.press("Escape");
			for (const view of ["overview", "endpoints", "failures", "workers"]) {
				await tab.click(`.tabs a[href="?tab=${view}"]`);
				await tab.waitForTimeout(300);
				await shoot(tab, name(`phone-${view}`));
			}
			await tab.setViewportSize(desk);
			page.say("fail connection to 10.1.2.3:1883 refused");
			page.say("lose");
			page.say("saturate");
			await tab.click('.tabs a[href="?tab=overview"]');
			await tab.waitForSelector(".bar");
			await shoot(tab, name("worker-lost"));
			await tab.click("[aria-label=More]");
			await shoot(tab, name("menu"));
			await tab.keyboard.press("Escape");
			await page.post("api/v1/stop", {});
			await tab.waitForSelector(".s-stopped");
			await shoot(tab, name("finished"));
			await page.stop();
			await tab.waitForSelector("[data-bar=lost]");
			await shoot(tab, name("lost"));
		});
	}
}
