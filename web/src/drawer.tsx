// One endpoint from close by: its charts, its histogram, its failures.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Histogram, type History } from "./api";
import { Chart } from "./chart";
import { columns, bounds, rate, type Columns } from "./data";
import { HistogramView } from "./histogram";
import { bytes, count, ms, number, percent, quantile, when } from "./format";
import { useFocus } from "./focus";
import { endpoint, range } from "./route";
import { errors, now, rows, verdict, version } from "./store";

export function Drawer({ id }: { id: number }) {
	const [data, setData] = useState<Columns | null>(null);
	const [histogram, setHistogram] = useState<Histogram | null>(null);
	const box = useRef<HTMLElement>(null);
	const row = rows.get(id);
	const { from, to } = bounds();
	const r = range.value;
	const stamp = "live" in r ? Math.floor(now.value / 3) : 0;

	void version.value;
	useEffect(() => {
		let current = true;
		const b = bounds();

		Promise.all([
			get<History>("api/v1/history", { ...b, points: 400, endpoint: id }),
			get<Histogram>("api/v1/histogram", { ...b, endpoint: id }),
		]).then(([h, g]) => {
			if (!current)
				return;
			setData(columns(h));
			setHistogram(g);
		}).catch(() => undefined);
		return () => { current = false; };
	}, [id, stamp, JSON.stringify(r)]);
	useFocus(box, false);
	useEffect(() => box.current?.focus(), [id]);
	const mine = errors.value.filter((e) => e.series === id).sort((a, b) => b.count - a.count);

	return (
		<section class="drawer" ref={box} tabIndex={-1} role="dialog" aria-label="Endpoint"
			onKeyDown={(e) => { if (e.key === "Escape") endpoint.value = null; }}>
			<header>
				<h2>{row ? <><small>{row.type}</small> <bdi>{row.name}</bdi></> : "This endpoint is gone"}</h2>
				<button aria-label="Close" onClick={() => { endpoint.value = null; }}>×</button>
			</header>
			{!row ? <p class="pad">A reset or a new test removed it.</p> : (
				<>
					<p class="facts">
						<b>{count(row.requests)}</b> requests, <b class={row.failures ? "bad" : ""}>{count(row.failures)}</b> failed (
						{percent(row.failures, row.requests)}), <b>{number(row.rps)}</b> a second now; p50 <b>{quantile(row.p50, 0.5, row.requests)}</b>, p95{" "}
						<b>{quantile(row.p95, 0.95, row.requests)}</b>, max <b>{ms(row.max)}</b> ms; {bytes(row.requests ? row.bytes / row.requests : null)} each
					</p>
					{data && data.time.length === 0 && verdict.value && (
						<p class="muted">Over time only the busiest endpoints are kept apart.</p>
					)}
					{data && data.time.length > 0 && (
						<>
							<Chart title="Throughput" unit="req/s" time={data.time} from={from} to={to} format={number} height={130}
								lines={[
									{ label: "all", color: "blue", values: rate(data, "requests"), fill: true },
									{ label: "failed", color: "red", values: rate(data, "failures"), dash: [4, 2] },
								]} />
							<Chart title="Latency" unit="ms" time={data.time} from={from} to={to} format={ms} height={150}
								lines={[
									{ label: "p50", color: "green", values: data.values.p50 },
									{ label: "p95", color: "amber", values: data.values.p95, dash: [6, 3] },
									{ label: "p99", color: "red", values: data.values.p99, dash: [2, 2] },
								]} />
						</>
					)}
					{histogram && <HistogramView data={histogram} />}
					<h3>Failures</h3>
					{mine.length === 0 ? <p class="muted">No failures in {count(row.requests)} requests</p> : (
						<table class="plain">
							<thead><tr><th scope="col">Count</th><th scope="col">Message</th><th scope="col">Last seen</th></tr></thead>
							<tbody>{mine.slice(0, 20).map((e) => (
								<tr key={e.index}><td>{count(e.count)}</td><td class="text">{e.text}</td><td>{when(e.last)}</td></tr>
							))}</tbody>
						</table>
					)}
				</>
			)}
		</section>
	);
}
