// Failures of one kind differ in ids, numbers and addresses.

/** What differs between two occurrences of the same thing. */
export function normalise(text: string): string {
	return text
		.replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, "‹id›")
		.replace(/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b/g, "‹address›")
		.replace(/\b0x[0-9a-f]+\b/gi, "‹hex›")
		.replace(/(https?|mqtts?|wss?):\/\/[^\s'")]+/g, "$1://‹url›")
		.replace(/\d+(\.\d+)?/g, "‹n›");
}
