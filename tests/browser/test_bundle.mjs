// What is built ahead: small, reproducible, typed, and legible in both themes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const web = join(process.env.SWARM_TEST_SOURCE, "web");

test("the committed bundle is what the sources give", () => {
	execFileSync(process.execPath, ["build.mjs", "--check"], { cwd: web });
});

test("types hold", () => {
	execFileSync(process.execPath, [join(web, "node_modules", "typescript", "bin", "tsc"), "--noEmit"], { cwd: web });
});

test("100 KB compressed, all together", () => {
	let total = 0;

	for (const name of ["app.js", "app.css", "index.html", "icon.svg"])
		total += gzipSync(readFileSync(join(web, "dist", name)), { level: 9 }).length;
	assert.ok(total <= 100 * 1024, `${total} bytes`);
});

test("nothing is fetched from elsewhere", () => {
	const text = readFileSync(join(web, "dist", "app.js"), "utf8") + readFileSync(join(web, "dist", "app.css"), "utf8") +
		readFileSync(join(web, "dist", "index.html"), "utf8");
	const urls = (text.match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter((u) => !u.startsWith("http://www.w3.org/"));

	assert.deepEqual(urls, []);
});

function tokens(block) {
	return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex) {
	const [r, g, b] = [1, 3, 5].map((i) => {
		const c = parseInt(hex.slice(i, i + 2), 16) / 255;

		return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	});

	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
	const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);

	return (x + 0.05) / (y + 0.05);
}

test("contrast of every pair, both themes", () => {
	const css = readFileSync(join(web, "src", "app.css"), "utf8");
	const blocks = css.match(/:root[^{]*\{[^}]*\}/g);
	const light = tokens(blocks[0]);
	const dark = { ...light, ...tokens(blocks[1]) };

	for (const [theme, t] of [["light", light], ["dark", dark]]) {
		for (const text of ["text", "muted", "blue", "green", "amber", "red", "purple"])
			for (const ground of ["ground", "raised"])
				assert.ok(contrast(t[text], t[ground]) >= 4.5, `${theme}: ${text} on ${ground} ${contrast(t[text], t[ground])}`);
		for (const accent of ["blue", "red"])
			assert.ok(contrast(t["on-accent"], t[accent]) >= 4.5, `${theme}: on-accent on ${accent}`);
		for (const ground of ["warn-ground", "bad-ground", "chosen"])
			assert.ok(contrast(t.text, t[ground]) >= 4.5, `${theme}: text on ${ground}`);
		assert.ok(contrast(t.blue, t.chosen) >= 4.5, `${theme}: blue on chosen ${contrast(t.blue, t.chosen)}`);
		// Borders of controls and the focus ring.
		for (const edge of ["edge", "blue"])
			assert.ok(contrast(t[edge], t.ground) >= 3, `${theme}: ${edge} ${contrast(t[edge], t.ground)}`);
	}
});
