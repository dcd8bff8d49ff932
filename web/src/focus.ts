// Focus of what lies above the page: it goes round inside what is modal, and
// back to where it was when that closes.
import { useEffect } from "preact/hooks";
import type { RefObject } from "preact";

const able = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), [tabindex='0']";

export function useFocus(box: RefObject<HTMLElement | null>, modal: boolean): void {
	useEffect(() => {
		const before = document.activeElement as HTMLElement | null;
		const element = box.current!;
		const round = (e: KeyboardEvent) => {
			const all = [...element.querySelectorAll<HTMLElement>(able)];
			const [end, other] = e.shiftKey ? [all[0], all[all.length - 1]] : [all[all.length - 1], all[0]];

			if (e.key !== "Tab" || document.activeElement !== end)
				return;
			e.preventDefault();
			other?.focus();
		};

		if (modal)
			element.addEventListener("keydown", round);
		return () => {
			element.removeEventListener("keydown", round);
			if (before?.isConnected)
				before.focus();
		};
	}, []);
}
