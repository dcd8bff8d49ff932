// Requests beside the push.  Everything is relative, so that the page works
// below any base path.

export interface Failure {
	success: false;
	message: string;
	field?: string;
}

type Query = Record<string, number | string | undefined>;

/** Answers in place of a server, of a run that is over. */
export const saved: { answer: ((path: string, query: Query) => unknown) | null } = { answer: null };

export async function get<T>(path: string, query: Query = {}): Promise<T> {
	if (saved.answer)
		return saved.answer(path, query) as T;
	const q = new URLSearchParams();

	for (const [key, value] of Object.entries(query))
		if (value !== undefined)
			q.set(key, String(value));
	const answer = await fetch(`${path}${q.size ? `?${q}` : ""}`);

	if (answer.status === 401)
		location.href = "login";
	if (!answer.ok)
		throw new Error(`${path}: ${answer.status}`);
	return answer.json() as Promise<T>;
}

async function ask(path: string, fields: Record<string, unknown>): Promise<Response | Failure> {
	try {
		const answer = await fetch(path, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(fields),
		});

		if (answer.ok)
			return answer;
		return (await answer.json().catch(() => ({
			success: false, message: `refused with status ${answer.status}`,
		}))) as Failure;
	} catch {
		return { success: false, message: "swarm does not answer" };
	}
}

/** null: it was done. */
export async function post(path: string, fields: Record<string, unknown> = {}): Promise<Failure | null> {
	const answer = await ask(path, fields);

	return answer instanceof Response ? null : answer;
}

/** What it answers, or what went wrong. */
export async function send<T>(path: string, fields: Record<string, unknown>): Promise<T | Failure> {
	const answer = await ask(path, fields);

	return answer instanceof Response ? (await answer.json()) as T : answer;
}

export interface History {
	step: number;
	time: number[];
	requests: (number | null)[];
	failures: (number | null)[];
	bytes: (number | null)[];
	mean: (number | null)[];
	p50: (number | null)[];
	p95: (number | null)[];
	p99: (number | null)[];
	max: (number | null)[];
	users?: (number | null)[];
	wanted?: (number | null)[];
	workers?: (number | null)[];
	cpu?: (number | null)[];
	delay_ms?: (number | null)[];
}

export interface Table {
	from: number;
	to: number;
	columns: string[];
	total: number[] | null;
	rows: number[][];
}

export interface Heatmap {
	from: number;
	to: number;
	step: number;
	per_row: number;
	columns: number[][];
}

export interface Histogram {
	from: number;
	to: number;
	requests: number;
	failures: number;
	count: number;
	buckets: number[];
}
