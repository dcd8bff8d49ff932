// A figure in a column: the mark of few samples hangs out of it, so that the
// digits of all rows stand below each other.

export const Figure = ({ text }: { text: string }) =>
	(text.endsWith("?") ? <>{text.slice(0, -1)}<i class="few">?</i></> : <>{text}</>);
