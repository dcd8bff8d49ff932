// Light, dark, or as the system says.  Charts draw on canvas and need the
// colours as values.
import { computed, effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

function stored(): Theme {
	try {
		return (localStorage.getItem("swarm-theme") as Theme) || "auto";
	} catch {
		return "auto";
	}
}

const media = matchMedia("(prefers-color-scheme: dark)");

const system = signal(media.matches);

export const theme = signal<Theme>(stored());
export const dark = computed(() => theme.value === "dark" || (theme.value === "auto" && system.value));

effect(() => {
	document.documentElement.dataset.theme = dark.value ? "dark" : "light";
	try {
		localStorage.setItem("swarm-theme", theme.value);
	} catch {
		// A page from the disk may have no storage.
	}
});
media.addEventListener("change", () => { system.value = media.matches; });

export function color(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
