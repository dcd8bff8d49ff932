// What the page knows, and how it comes: one WebSocket whose messages are
// columns of what changed.  The browser's own clock is not used for data, only
// to notice that nothing comes any more.
import { batch, computed, effect, signal } from "@preact/signals";
import { get } from "./api";

export interface Row {
	id: number;
	type: string;
	name: string;
	phase: boolean;
	requests: number;
	failures: number;
	bytes: number;
	rps: number;
	fps: number;
	avg: number | null;
	min: number | null;
	max: number | null;
	p50: number | null;
	p90: number | null;
	p95: number | null;
	p99: number | null;
	p999: number | null;
}

export interface Executor {
	name: string;
	classes: string;
	model: "users" | "shape" | "rate" | "iterations" | "user-iterations";
	state: "waiting" | "ramping" | "running" | "done";
	start_s: number;
	time_s: number;
	users: number;
	users_wanted: number;
	users_target: number;
	spawn_rate: number;
	rate: number;
	iterations_wanted: number;
	iterations_started: number;
	iterations_done: number;
	arrivals_due: number;
	arrivals_dropped: number;
	arrivals_late: number;
	arrivals_queued: number;
	reason: string | null;
	requests?: number;
	failures?: number;
	requests_per_s?: number;
	p95_ms?: number;
}

export interface Metric {
	name: string;
	kind: string;
	unit: string | null;
	count: number;
	last: number | null;
	mean: number | null;
	min: number | null;
	max: number | null;
	p50?: number | null;
	p95?: number | null;
	p99?: number | null;
}

/** A figure that is held at a set point, in this second. */
export interface Hold {
	hold: string;
	unit: string;
	set_point: number;
	value: number | null;
	load_unit: string;
	load: number;
	least: number;
	most: number | null;
	generator_limited_at: number | null;
	phase: string;
}

/** The search for capacity, in this second. */
export interface Search {
	stage: string;
	load_unit: string;
	load: number;
	seconds: number;
	probes: number;
	good: number | null;
	bad: number | null;
}

export interface Run {
	state: "ready" | "spawning" | "running" | "stopping" | "stopped";
	waiting: boolean;
	paused: boolean;
	paused_s: number;
	started: number;
	elapsed: number;
	users: number;
	wanted: number;
	target: number;
	spawn_rate: number;
	run_time: number;
	/** Seconds that tasks still have to end in. */
	stop_left: number;
	host: string | null;
	stop_reason: string | null;
	workers: number;
	workers_lost: number;
	workers_crashed: number;
	setup: number;
	executors: Executor[];
	hold?: Hold | null;
	capacity?: Search | null;
}

export interface Total {
	requests: number;
	failures: number;
	bytes: number;
	rps: number;
	fps: number;
	bps: number;
	avg: number | null;
	min: number | null;
	max: number | null;
	q: number[];
	recent: (number | null)[];
	recent_count: number;
}

export interface Second {
	time: number;
	requests: number;
	failures: number;
	bytes: number;
	mean: number | null;
	p50: number | null;
	p95: number | null;
	p99: number | null;
	max: number | null;
	users: number;
	wanted: number;
	workers: number;
	cpu: number;
	delay_ms: number;
}

export interface Worker {
	id: string;
	state: string;
	drained: boolean;
	version: string | null;
	local: boolean;
	users: number;
	cpu: number;
	memory: number;
	busy: number;
	delay_ms: number;
	delay_p99_ms: number | null;
	descriptors: number | null;
	descriptors_max: number | null;
	sockets: number | null;
	ports_max: number | null;
	dropped_arrivals: number;
	segments_resent: number | null;
	clock_offset_ms: number | null;
	clock_error_ms: number | null;
	age: number;
}

export interface ErrorRow {
	index: number;
	series: number;
	type: string;
	name: string;
	text: string;
	count: number;
	first: number;
	last: number;
}

export interface LogLine {
	id: number;
	time: number;
	level: string;
	source: string;
	text: string;
}

export interface Event {
	id: number;
	time: number;
	kind: string;
	text: string;
}

export interface Task {
	name: string;
	weight: number;
	off: boolean;
	tasks: Task[];
}

export interface UserClass {
	name: string;
	weight: number;
	fixed_count: number;
	host: string | null;
	disabled: boolean;
	tasks: Task[];
}

export interface Setting {
	module: string;
	name: string;
	type: string;
	value: string;
	help: string | null;
	choices: string | null;
	secret: boolean;
	fixed: string | null;
}

export interface Criterion {
	text: string;
	action: "warn" | "fail" | "stop";
	value: string;
	broken: boolean;
	first: number;
}

export interface Meta {
	version: string;
	started: number;
	time: number;
	scenario: string | null;
	command_line: string | null;
	user: string;
	load: { users: number; spawn_rate: number; run_time: number; host: string | null };
	setup: number;
	classes: UserClass[];
	modules: { name: string; version: string | null; path: string; summary: string | null }[];
	settings: Setting[];
	quantiles: number[];
	buckets_ms: number[];
}

export interface Message {
	type: "full" | "tick";
	seq: number;
	epoch: number;
	time: number;
	run: Run;
	total: Total;
	second: Second | null;
	names: [number, string, string, boolean][];
	rows: Record<string, (number | null)[]>;
	errors: [number, number, string, string, string, number, number, number][];
	error_count: number;
	workers: Worker[];
	generator: { limited_by: string | null; reason: string | null };
	counters: Record<string, number>;
	metrics: Metric[];
	classes: number[];
	criteria: Criterion[];
	log: LogLine[];
	events: Event[];
	/** Of the watched machines: name, unit, value. */
	resources?: [string, string, number | null][];
}

export type Connection = "connecting" | "live" | "lost" | "dead" | "saved";

/** A little less than the three seconds after which it has to be said. */
const LOST_AFTER = 2500;
const DEAD_AFTER = 15000;
const LOG_LINES = 10000;

export const connection = signal<Connection>("connecting");
export const meta = signal<Meta | null>(null);
export const run = signal<Run | null>(null);
export const total = signal<Total | null>(null);
export const second = signal<Second | null>(null);
export const now = signal(0);
export const workers = signal<Worker[]>([]);
export const generator = signal<Message["generator"]>({ limited_by: null, reason: null });
export const metrics = signal<Metric[]>([]);
export const figures = signal<NonNullable<Message["resources"]>>([]);
export const counters = signal<Record<string, number>>({});
export const classUsers = signal<number[]>([]);
export const criteria = signal<Criterion[]>([]);
export const errors = signal<ErrorRow[]>([]);
/** Of them all, also of those that are not sent. */
export const errorCount = signal(0);
export const events = signal<Event[]>([]);
export const log = signal<LogLine[]>([]);
/** Raised with every message; `rows` itself is changed in place. */
export const version = signal(0);
export const epoch = signal(0);
export const rows = new Map<number, Row>();
/** Raised when history has to be fetched anew: after a hole. */
export const holes = signal(0);

export const active = computed(() => {
	const s = run.value?.state;

	return s === "spawning" || s === "running" || s === "stopping";
});
/** Commands make sense only while somebody listens. */
export const canAct = computed(() => connection.value === "live");

const errorRows = new Map<number, ErrorRow>();
let lastMessage = 0;
let lastSeen = 0;
export const lostSince = signal(0);

function applyRows(message: Message): void {
	for (const [id, type, name, phase] of message.names)
		rows.set(id, {
			id, type, name, phase, requests: 0, failures: 0, bytes: 0, rps: 0, fps: 0,
			avg: null, min: null, max: null, p50: null, p90: null, p95: null, p99: null, p999: null,
		});
	const columns = message.rows;
	const ids = columns.id as number[];

	for (const key of Object.keys(columns)) {
		if (key === "id")
			continue;
		const values = columns[key];

		for (let i = 0; i < ids.length; i++) {
			const row = rows.get(ids[i]);

			if (row)
				(row as unknown as Record<string, unknown>)[key] = values[i];
		}
	}
}

function applyErrors(message: Message): void {
	for (const [index, series, type, name, text, count, first, last] of message.errors)
		errorRows.set(index, { index, series, type, name, text, count, first, last });
	if (message.errors.length > 0 || message.type === "full")
		errors.value = [...errorRows.values()];
	errorCount.value = message.error_count;
}

function append<T extends { id: number }>(list: T[], more: T[], max: number): T[] {
	const last = list.length > 0 ? list[list.length - 1].id : 0;
	const fresh = more.filter((item) => item.id > last);

	if (fresh.length === 0)
		return list;
	const all = list.concat(fresh);

	return all.length > max ? all.slice(all.length - max) : all;
}

export function apply(message: Message): void {
	batch(() => {
		if (message.type === "full") {
			rows.clear();
			errorRows.clear();
		}
		applyRows(message);
		applyErrors(message);
		run.value = message.run;
		total.value = message.total;
		second.value = message.second;
		now.value = message.time;
		workers.value = message.workers;
		generator.value = message.generator;
		counters.value = message.counters;
		metrics.value = message.metrics;
		figures.value = message.resources ?? [];
		classUsers.value = message.classes;
		criteria.value = message.criteria;
		log.value = append(log.value, message.log, LOG_LINES);
		events.value = append(events.value, message.events, 1000);
		epoch.value = message.epoch;
		version.value++;
	});
}

// Somebody changed classes or options.
effect(() => {
	const setup = run.value?.setup;

	if (setup !== undefined && meta.peek() && meta.peek()!.setup !== setup && connection.peek() === "live")
		get<Meta>("api/v1/meta").then((m) => { meta.value = m; }).catch(() => undefined);
});

async function greet(): Promise<void> {
	const fresh = await get<Meta>("api/v1/meta");

	batch(() => {
		if (meta.value && meta.value.started !== fresh.started) {
			log.value = [];
			events.value = [];
		}
		meta.value = fresh;
	});
	const lines = await get<LogLine[]>("api/v1/log");

	log.value = append([], lines, LOG_LINES);
}

function connect(delay: number): void {
	const url = new URL("api/v1/live", location.href);

	url.protocol = url.protocol.replace("http", "ws");
	const socket = new WebSocket(url, "swarm");

	socket.onopen = () => {
		greet().catch(() => socket.close());
		if (lastMessage > 0)
			holes.value++;
	};
	socket.onmessage = (event) => {
		lastMessage = performance.now();
		delay = 250;
		apply(JSON.parse(event.data as string) as Message);
		lastSeen = now.value;
		connection.value = "live";
	};
	socket.onclose = () => {
		setTimeout(() => connect(Math.min(1000, delay * 2)), delay);
	};
}

function watch(): void {
	const silent = performance.now() - lastMessage;

	if (connection.value === "live" && silent > LOST_AFTER) {
		lostSince.value = lastSeen;
		connection.value = "lost";
	} else if (connection.value === "lost" && silent > DEAD_AFTER) {
		connection.value = "dead";
	}
}

export interface Verdict {
	result: "passed" | "failed" | "inconclusive";
	reason: string;
	exit_code: number;
}

/** Of a run that is over. */
export const verdict = signal<Verdict | null>(null);

/** What the person sees of a run that is over, without a server. */
export function startSaved(what: Meta, message: Message): void {
	meta.value = what;
	connection.value = "saved";
	apply(message);
}

export function start(): void {
	connect(250);
	setInterval(watch, 250);
}
