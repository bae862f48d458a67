/** The options of a line of `allowed_signers`, between the principals and the key. */

export interface SignerOptions {
  /** Pattern list; `null` = for every purpose. */
  readonly namespaces: string | null;
  /** First and last second since 1970 at which the key counts, both included; `null` = no bound. */
  readonly validAfter: number | null;
  readonly validBefore: number | null;
  readonly isAuthority: boolean;
}

/** What is wrong with a line: for people. */
export class SignerLineError extends Error {}

/** @param text Options between commas, values in quotes, as OpenSSH writes them. @throws SignerLineError. */
export function parseSignerOptions(text: string): SignerOptions {
  const given = new Map<string, string | null>();
  for (const option of splitOptions(text)) {
    const [, name = '', value] = /^([A-Za-z-]+)(?:="((?:[^"\\]|\\.)*)")?$/s.exec(option) ?? [];
    const key = name.toLowerCase();
    if (key !== 'cert-authority' && !valued.includes(key))
      throw new SignerLineError(`has an option that is not known: ${shorten(option)}`);
    if (valued.includes(key) !== (value !== undefined))
      throw new SignerLineError(`writes its option "${key}" in another way than ${key}="…"`);
    if (given.has(key)) throw new SignerLineError(`has its option "${key}" twice`);
    given.set(key, value === undefined ? null : value.replaceAll('\\"', '"'));
  }
  return {
    namespaces: given.get('namespaces') ?? null,
    validAfter: timeOf(given.get('valid-after')),
    validBefore: timeOf(given.get('valid-before')),
    isAuthority: given.has('cert-authority'),
  };
}

const valued: readonly string[] = ['namespaces', 'valid-after', 'valid-before'];

/** At commas outside of quotes. */
function splitOptions(text: string): string[] {
  return text === '' ? [] : (text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+|(?<=,|^)(?=,|$)/gs) ?? []);
}

/**
 * YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without Z. OpenSSH reads a time without Z in the time zone of the machine; replicas
 * stand in different ones, so here every time is UTC.
 */
function timeOf(text: string | null | undefined): number | null {
  if (text === undefined || text === null) return null;
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/.exec(text);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (match ?? [])
    .slice(1)
    .map((part) => Number(part ?? 0));
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  const isReal =
    match !== null && new Date(time).toISOString().startsWith(isoOf(year, month, day, hour, minute, second));
  if (!isReal) throw new SignerLineError(`has a time that is none: ${shorten(text)}`);
  return time / 1000;
}

function isoOf(...[year, ...rest]: readonly number[]): string {
  const [month, day, hour, minute, second] = rest.map((part) => String(part).padStart(2, '0'));
  return `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}`;
}

export const shorten = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
