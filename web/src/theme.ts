// Light, dark, or as the system says.  Charts draw on canvas and need the
// colours as values.
import { effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

function stored(): Theme {
	try {
		return (localStorage.getItem("swarm-theme") as Theme) || "auto";
	} catch {
		return "auto";
	}
}

const media = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(stored());
export const dark = signal(false);

effect(() => {
	dark.value = theme.value === "dark" || (theme.value === "auto" && media.matches);
	document.documentElement.dataset.theme = dark.value ? "dark" : "light";
	try {
		localStorage.setItem("swarm-theme", theme.value);
	} catch {
		// A page from the disk may have no storage.
	}
});
media.addEventListener("change", () => {
	if (theme.value === "auto")
		dark.value = media.matches;
	document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});

export function color(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
