// Runs one test file, or says what is missing: 77 skips it, but not in CI.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const missing = [];

if (!existsSync(join(process.env.SWARM_TEST_SOURCE, "web", "node_modules", "playwright-core")))
	missing.push("the packages of web/: run npm ci there");
if (!existsSync(process.env.CHROMIUM || "/usr/bin/chromium"))
	missing.push("chromium: run ./dev setup browser");
if (missing.length > 0) {
	console.log(`missing ${missing.join("; ")}`);
	process.exit(process.env.CI ? 1 : 77);
}
const done = spawnSync(process.execPath, ["--test", process.argv[2]], { stdio: "inherit" });

process.exit(done.status ?? 1);
