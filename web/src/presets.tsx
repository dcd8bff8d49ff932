// Loads with names, kept by the server.
import { useEffect, useState } from "preact/hooks";
import { tell, type Load } from "./actions";
import { get } from "./api";
import { canAct } from "./store";

interface Preset {
	name: string;
	fields: [string, string][];
}

export function Presets({ fields, fill }: { fields: () => Load; fill: (fields: [string, string][]) => void }) {
	const [list, setList] = useState<Preset[]>([]);
	const [name, setName] = useState("");
	const load = () => get<Preset[]>("api/v1/presets").then(setList).catch(() => undefined);
	const chosen = list.find((p) => p.name === name);

	useEffect(() => void load(), []);
	return (
		<div class="presets" role="group" aria-label="Presets">
			<label>Preset <input list="preset-names" name="preset" value={name} autocomplete="off" placeholder="a name"
				maxLength={100} onInput={(e) => setName(e.currentTarget.value)} /></label>
			<datalist id="preset-names">{list.map((p) => <option key={p.name} value={p.name} />)}</datalist>
			<button type="button" disabled={!chosen} onClick={() => fill(chosen!.fields)}>Use</button>
			<button type="button" disabled={!name || !canAct.value}
				onClick={() => tell("api/v1/presets/save", { name, ...fields() }).then(load)}>Save</button>
			<button type="button" disabled={!chosen || !canAct.value}
				onClick={() => tell("api/v1/presets/delete", { name }).then(load)}>Delete</button>
			{list.length > 0 && <small>{list.map((p) => p.name).join(", ")}</small>}
		</div>
	);
}
