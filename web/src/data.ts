// The charts' data: history of the chosen range, with every second appended
// while it is live and fine enough.
import { effect, signal } from "@preact/signals";
import { get, type History } from "./api";
import { connection, holes, meta, now, run, second } from "./store";
import { range } from "./route";

export const keys = ["requests", "failures", "bytes", "mean", "p50", "p95", "p99", "max", "users", "wanted", "workers",
	"cpu", "delay_ms"] as const;
export type Key = (typeof keys)[number];

export interface Columns {
	step: number;
	time: number[];
	values: Record<Key, (number | null)[]>;
}

function empty(): Columns {
	return { step: 1, time: [], values: Object.fromEntries(keys.map((k) => [k, []])) as unknown as Columns["values"] };
}

export function columns(h: History): Columns {
	const c = empty();

	c.step = h.step;
	c.time = h.time;
	for (const key of keys)
		c.values[key] = (h[key] as (number | null)[] | undefined) ?? h.time.map(() => null);
	return c;
}

/** Of the chosen range; of the whole test, for the timeline. */
export const shown = signal<Columns>(empty());
export const whole = signal<Columns>(empty());

/** The range in seconds of the server's clock. */
export function bounds(): { from: number; to: number } {
	const r = range.value;
	const over = connection.value === "saved";
	const end = Math.ceil(now.value) + (over ? 0 : 1);

	if (!("live" in r))
		return { from: Math.floor(r.from), to: Math.ceil(r.to) };
	const began = Math.floor(run.value?.started || meta.value?.started || 0);
	const from = r.live > 0 ? Math.max(began, end - r.live) : began;

	// A test that has just begun gets a minute to fill.
	return { from, to: Math.max(end, from + (over ? 1 : 60)) };
}

let asked = 0;

async function load(): Promise<void> {
	const mine = ++asked;
	const { from, to } = bounds();
	const h = await get<History>("api/v1/history", { from, to, points: 900 });

	if (mine === asked)
		shown.value = columns(h);
}

async function loadWhole(): Promise<void> {
	const from = Math.floor(run.value?.started || 0);

	whole.value = columns(await get<History>("api/v1/history", { from, points: 240 }));
}

function appendSecond(c: Columns, from: number): Columns | null {
	const s = second.value;
	const last = c.time.length > 0 ? c.time[c.time.length - 1] : 0;

	if (!s || c.step !== 1 || s.time <= last)
		return null;
	if (last > 0 && s.time > last + 1) {
		// A hole that the server knows of, or one that only we have.
		for (let t = last + 1; t < s.time; t++) {
			c.time.push(t);
			for (const key of keys)
				c.values[key].push(null);
		}
	}
	c.time.push(s.time);
	for (const key of keys)
		c.values[key].push((s as unknown as Record<string, number | null>)[key] ?? null);
	let drop = 0;

	while (drop < c.time.length && c.time[drop] < from)
		drop++;
	if (drop > 0) {
		c.time.splice(0, drop);
		for (const key of keys)
			c.values[key].splice(0, drop);
	}
	return { ...c };
}

let loadedAt = 0;
let wholeAt = 0;

export function startData(): void {
	// Another range, another test, or a hole: everything anew.
	effect(() => {
		void range.value;
		void holes.value;
		void run.value?.started;
		if (connection.peek() === "connecting")
			return;
		loadedAt = now.peek();
		load().catch(() => undefined);
		wholeAt = 0;
	});
	effect(() => {
		const t = now.value;

		if (t === 0)
			return;
		if (loadedAt === 0) {
			loadedAt = t;
			load().catch(() => undefined);
			return;
		}
		if ("live" in range.peek()) {
			const c = shown.peek();

			if (c.step === 1 && t - loadedAt < 300) {
				const next = appendSecond(c, bounds().from);

				if (next)
					shown.value = next;
			} else if (t - loadedAt >= c.step) {
				loadedAt = t;
				load().catch(() => undefined);
			}
		}
		if (t - wholeAt >= Math.max(2, whole.peek().step)) {
			wholeAt = t;
			loadWhole().catch(() => undefined);
		}
	});
}

/** Per second, whatever a slot covers. */
export function rate(c: Columns, key: Key): (number | null)[] {
	return c.step === 1 ? c.values[key] : c.values[key].map((v) => (v == null ? null : v / c.step));
}
