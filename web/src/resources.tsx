// What the target felt, in a report: charts of the watched machines' figures on
// the run's own axis, one for those of a machine that share a unit.
import { signal } from "@preact/signals";
import { Chart, type Line } from "./chart";
import { bounds } from "./data";
import { bytes, number } from "./format";

export interface Resources {
	at: number[];
	figures: { name: string; unit: string; values: (number | null)[] }[];
}

type Figure = Resources["figures"][number];

/** `started`: unix, when the run began. */
export const resources = signal<(Resources & { started: number }) | null>(null);

const styles = [
	{ color: "blue" },
	{ color: "amber", dash: [6, 3] },
	{ color: "red", dash: [2, 2] },
];

const machine = (f: Figure) => f.name.slice(0, Math.max(0, f.name.lastIndexOf(".")));

function groups(figures: Figure[]): Figure[][] {
	const all: Figure[][] = [];

	for (const f of figures) {
		const last = all[all.length - 1];

		if (f.name.endsWith(".up"))
			continue;
		if (last && last.length < styles.length && last[0].unit === f.unit && machine(last[0]) === machine(f))
			last.push(f);
		else
			all.push([f]);
	}
	return all;
}

export function Felt() {
	const r = resources.value;
	const { from, to } = bounds();

	if (!r || r.at.length === 0)
		return null;
	const step = r.at.length > 1 ? r.at[1] - r.at[0] : 1;
	const time = r.at.map((at) => Math.round(r.started + Math.max(0, at - step)));

	return (
		<>
			{groups(r.figures).map((group) => {
				const share = group[0].unit === "share";
				const lines: Line[] = group.map((f, i) => ({
					label: f.name.slice(machine(f).length).replace(/^\./, ""), ...styles[i],
					values: share ? f.values.map((v) => (v == null ? null : v * 100)) : f.values,
				}));

				return <Chart key={group[0].name} title={machine(group[0])} unit={share ? "%" : group[0].unit} time={time} from={from} to={to}
					format={group[0].unit.startsWith("bytes") ? (v) => (v == null ? "" : bytes(v)) : number} height={140} lines={lines} />;
			})}
		</>
	);
}
