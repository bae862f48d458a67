/** Times on the wire: RFC 3339 in UTC with `Z`, up to nine digits of fraction; compared in milliseconds. */

/** Shape of a time. It does not know how long a month is: see `isTime`. */
export const TIME_PATTERN =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

/** True for a time that exists. `Date.parse` alone reads 30 February as 2 March, so a validity period would move. */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || !TIME_PATTERN.test(value)) return false;
  return new Date(Date.parse(value)).toISOString().slice(0, 10) === value.slice(0, 10);
}
