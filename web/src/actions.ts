// What the person asks for, and the short sentences that answer.
import { signal } from "@preact/signals";
import { post, type Failure } from "./api";

export interface Toast {
	id: number;
	text: string;
	tone: "info" | "bad";
	action?: { label: string; run: () => void };
}

export const toasts = signal<Toast[]>([]);
/** When this page last did something itself: other changes get a toast. */
export let actedAt = 0;
let next = 1;

export function toast(text: string, tone: Toast["tone"] = "info", action?: Toast["action"]): void {
	const id = next++;

	toasts.value = [...toasts.peek().slice(-3), { id, text, tone, action }];
	setTimeout(() => dismiss(id), action ? 15000 : 6000);
}

export function dismiss(id: number): void {
	toasts.value = toasts.value.filter((t) => t.id !== id);
}

async function act(path: string, fields: Record<string, unknown> = {}): Promise<Failure | null> {
	actedAt = performance.now();
	const failure = await post(path, fields);

	actedAt = performance.now();
	return failure;
}

/** Fields of a start; names with a dot are options of modules. */
export type Load = Record<string, string | string[] | boolean | undefined>;

export const start = (load: Load) => act("api/v1/start", load);
export const edit = (load: Load) => act("api/v1/load", load);

export async function stop(): Promise<void> {
	const failure = await act("api/v1/stop");

	if (failure)
		toast(failure.message, "bad");
}

export const stopNow = () => tell("api/v1/stop/now");

export async function undoReset(): Promise<void> {
	const failure = await act("api/v1/reset/undo");

	toast(failure ? failure.message : "Statistics are back", failure ? "bad" : "info");
}

export async function reset(): Promise<void> {
	const failure = await act("api/v1/reset");

	if (failure)
		toast(failure.message, "bad");
	else
		toast("Statistics reset", "info", { label: "Undo", run: undoReset });
}

export async function note(text: string): Promise<void> {
	const failure = await act("api/v1/note", { text });

	if (failure)
		toast(failure.message, "bad");
}

/** Says what went wrong, if anything; true when it was done. */
export async function tell(path: string, fields: Record<string, unknown> = {}): Promise<boolean> {
	const failure = await act(path, fields);

	if (failure)
		toast(failure.message, "bad");
	return failure === null;
}

export const pause = () => tell("api/v1/pause");
export const resume = () => tell("api/v1/resume");
export const changeUser = (fields: Record<string, unknown>) => act("user", fields);
