/** `lastmodified`: RFC 3339. It authenticates the MAC, in the form that Go prints: without a fraction, `Z` for zero offset. */

const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export function formatSopsTime(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

/** The text that the MAC is bound to, or `null` when it is no time. */
export function canonicalSopsTime(text: string): string | null {
  const [, seconds, offset] = form.exec(text) ?? [];
  if (seconds === undefined || offset === undefined || Number.isNaN(Date.parse(text))) return null;
  return `${seconds}${/^[+-]00:00$/.test(offset) ? 'Z' : offset}`;
}
