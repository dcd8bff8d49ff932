// Builds web/dist from web/src. `--check` builds elsewhere and compares bytes:
// what is committed must be what the sources give.
import { build } from "esbuild";
import { mkdtempSync, readFileSync, rmSync, copyFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const out = check ? mkdtempSync(join(tmpdir(), "swarm-web-")) : join(here, "dist");
const names = ["app.js", "app.css", "index.html", "icon.svg"];

mkdirSync(out, { recursive: true });
await build({
	absWorkingDir: here,
	entryPoints: { app: "src/main.tsx" },
	outdir: out,
	bundle: true,
	minify: true,
	format: "esm",
	target: ["es2021", "chrome100", "firefox100", "safari15"],
	jsx: "automatic",
	jsxImportSource: "preact",
	charset: "utf8",
	legalComments: "inline",
	logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"])
	copyFileSync(join(here, "src", name), join(out, name));

let total = 0;
for (const name of names) {
	const size = gzipSync(readFileSync(join(out, name)), { level: 9 }).length;

	total += size;
	if (!check)
		console.log(`${name} ${size} bytes compressed`);
}
console.log(`together ${total} bytes compressed`);
if (check) {
	const differ = names.filter((name) => !readFileSync(join(out, name)).equals(
		readFileSync(join(here, "dist", name))));

	rmSync(out, { recursive: true });
	if (differ.length > 0) {
		console.error(`differ from the sources: ${differ.join(", ")}; run 'npm run build' in web/`);
		process.exit(1);
	}
}
