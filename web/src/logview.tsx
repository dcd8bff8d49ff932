// Lines of the master and its workers in one order; windowed like the table
// of endpoints.
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, time as clockTime } from "./format";
import { isLive, range } from "./route";
import { log } from "./store";

const ROW = 22;
const levels = ["debug", "info", "warning", "error"];

const level = signal("info");
/** Only lines of this one; "": all. */
export const logSource = signal("");
const source = logSource;
const search = signal("");
const follow = signal(true);

const rank = (l: string) => Math.max(0, levels.indexOf(l));

export function Log() {
	const box = useRef<HTMLDivElement>(null);
	const [scroll, setScroll] = useState(0);
	const [height, setHeight] = useState(400);
	const low = search.value.toLowerCase();
	const r = range.value;
	const list = log.value.filter((l) => rank(l.level) >= rank(level.value) && (!source.value || l.source === source.value) &&
		(!low || l.text.toLowerCase().includes(low)) && ("live" in r || (l.time >= r.from && l.time < r.to)));
	const first = Math.max(0, Math.floor(scroll / ROW) - 5);
	const last = Math.min(list.length, Math.ceil((scroll + height) / ROW) + 5);
	const sources = [...new Set(log.value.map((l) => l.source))];

	useLayoutEffect(() => {
		const observer = new ResizeObserver(() => setHeight(box.current!.clientHeight));

		observer.observe(box.current!);
		return () => observer.disconnect();
	}, []);
	useEffect(() => {
		if (follow.value && isLive.value && box.current)
			box.current.scrollTop = box.current.scrollHeight;
	}, [list.length, follow.value]);
	return (
		<main id="content" class="log">
			<div class="tools">
				<input type="search" id="search" placeholder="Search" aria-label="Search the log" value={search.value}
					onInput={(e) => { search.value = e.currentTarget.value; }} />
				<label>Level{" "}
					<select value={level.value} onChange={(e) => { level.value = e.currentTarget.value; }}>
						{levels.map((l) => <option key={l} value={l}>{l}</option>)}
					</select>
				</label>
				<label>Source{" "}
					<select value={source.value} onChange={(e) => { source.value = e.currentTarget.value; }}>
						<option value="">all</option>
						{sources.map((s) => <option key={s} value={s}>{s}</option>)}
					</select>
				</label>
				<label><input type="checkbox" checked={follow.value} onChange={(e) => { follow.value = e.currentTarget.checked; }} />
					{" "}follow</label>
				<a download="swarm.log" href={`data:text/plain;charset=utf-8,${encodeURIComponent(list.map((l) =>
					`${new Date(l.time * 1000).toISOString()} ${l.source} ${l.level}: ${l.text}`).join("\n"))}`}>Download</a>
				<span class="muted">{count(list.length)} of {count(log.value.length)} lines</span>
			</div>
			<div class="lines" ref={box} tabIndex={0} role="log" aria-live="off" aria-label="Log"
				onScroll={(e) => setScroll(e.currentTarget.scrollTop)}>
				<div style={{ height: `${list.length * ROW}px`, position: "relative" }}>
					{list.slice(first, last).map((l, i) => (
						<div key={l.id} class={`logline l-${l.level}`} style={{ top: `${(first + i) * ROW}px` }} title={l.text}>
							<time>{clockTime(l.time)}</time> <b>{l.source}</b> <i>{l.level}</i> <span>{l.text}</span>
						</div>
					))}
				</div>
				{list.length === 0 && <p class="empty">Nothing at this level
					{level.value !== "debug" && <> – <button class="link" onClick={() => { level.value = "debug"; }}>show all</button></>}</p>}
			</div>
		</main>
	);
}
