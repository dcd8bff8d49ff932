// Numbers for people: fixed units per column, tabular, never "0" for unknown.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const nothing = "–";

export function count(n: number | null | undefined): string {
	return n == null || !Number.isFinite(n) ? nothing : grouped.format(n).replace(/,/g, "\u202f");
}

/** Three significant digits or so, without exponents. */
export function number(n: number | null | undefined): string {
	if (n == null || !Number.isFinite(n))
		return nothing;
	const size = Math.abs(n);

	if (size === 0)
		return "0";
	if (size >= 100)
		return count(n);
	if (size < 0.01)
		return n.toFixed(size < 0.001 ? 6 : 4).replace(/0+$/, "");
	return n.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** As the label of an axis: 3 and not 3.00. */
export function tick(text: string): string {
	return text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
}

export function percent(part: number, whole: number): string {
	if (!whole)
		return nothing;
	const p = (100 * part) / whole;

	return (p === 0 ? "0" : p < 0.01 ? "<0.01" : p.toFixed(p < 10 ? 2 : 1)) + "\u202f%";
}

export function ms(n: number | null | undefined): string {
	return number(n);
}

/**
 * A percentile by what it rests on: nothing where the sample cannot reach it,
 * with a question mark where fewer than ten samples lie beyond it.
 */
export function quantile(value: number | null | undefined, q: number, samples: number): string {
	if (samples * (1 - q) < 1)
		return nothing;
	return ms(value) + (samples * (1 - q) < 10 && value != null ? "?" : "");
}

export function bytes(n: number | null | undefined): string {
	if (n == null || !Number.isFinite(n))
		return nothing;
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;

	while (Math.abs(n) >= 1024 && unit < units.length - 1) {
		n /= 1024;
		unit++;
	}
	return `${unit === 0 ? count(n) : number(n)} ${units[unit]}`;
}

/** 75 -> "1:15", 3700 -> "1:01:40". */
export function clock(seconds: number): string {
	const s = Math.max(0, Math.floor(seconds));
	const two = (n: number) => String(n).padStart(2, "0");
	const h = Math.floor(s / 3600);
	const m = Math.floor((s % 3600) / 60);

	return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** Local wall clock of a unix time. */
export function time(unix: number): string {
	return new Date(unix * 1000).toLocaleTimeString("en-GB");
}

export function when(unix: number): string {
	return unix > 0 ? new Date(unix * 1000).toLocaleString("en-GB") : nothing;
}

/** Names shortened in the middle: both ends tell. */
export function shorten(text: string, max: number): string {
	if (text.length <= max)
		return text;
	const half = Math.floor((max - 1) / 2);

	return `${text.slice(0, max - 1 - half)}…${text.slice(text.length - half)}`;
}
