// Focus of what lies above the page: it begins at one thing, goes round inside
// what is modal, and goes back to where it was when that closes.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { RefObject } from "preact";

const able = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), [tabindex='0']";

export function useFocus(box: RefObject<HTMLElement | null>, modal: boolean, first?: RefObject<HTMLElement | null>): void {
	// Of the first render: before anything inside can have taken it.
	const before = useRef(document.activeElement as HTMLElement | null);

	// At once: what is typed next belongs there.
	useLayoutEffect(() => {
		const element = box.current!;
		const round = (e: KeyboardEvent) => {
			const all = [...element.querySelectorAll<HTMLElement>(able)];
			const [end, other] = e.shiftKey ? [all[0], all[all.length - 1]] : [all[all.length - 1], all[0]];

			if (e.key !== "Tab" || document.activeElement !== end)
				return;
			e.preventDefault();
			other?.focus();
		};

		first?.current?.focus();
		if (modal)
			element.addEventListener("keydown", round);
		return () => {
			element.removeEventListener("keydown", round);
			if (before.current?.isConnected)
				before.current.focus();
		};
	}, []);
}
