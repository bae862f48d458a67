/** Takes a signed commit apart from its raw bytes, so that what is verified is what git reads. */
import { badSignature } from './bad-signature.ts';

export interface SignedCommit {
  /** The armored signature; `null` when the commit has none. */
  readonly signature: string | null;
  /** What was signed: the commit without its signature. */
  readonly payload: Uint8Array;
}

/**
 * @param raw Content of the commit object.
 * @throws HeadwaterError `HW_COMMIT_SIGNATURE` (reason `malformed`) for a signed commit that git itself would not write: a header twice
 *   or in another order, more than one signature.
 */
export function splitSignedCommit(raw: Uint8Array): SignedCommit {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const blank = bytes.indexOf('\n\n');
  const headers = readHeaders(bytes, blank < 0 ? bytes.length : blank + 1);
  const [signature, ...others] = headers.filter(({ name }) => name.startsWith('gpgsig'));
  if (signature === undefined) return { signature: null, payload: raw };
  // Each of them is cut out before it is verified, so a second one would be text that nobody signed.
  if (others.length > 0) throw badSignature('malformed', 'the commit has more than one signature');
  if (!signatureNames.includes(signature.name))
    throw badSignature('malformed', `the commit has a header "${signature.name}" that nobody knows`);
  refuseOddOrder(headers.map(({ name }) => name));
  const text = bytes.toString('latin1', signature.start + signature.name.length + 1, signature.end);
  return {
    signature: text.replaceAll('\n ', '\n'),
    payload: Buffer.concat([bytes.subarray(0, signature.start), bytes.subarray(signature.end)]),
  };
}

/**
 * The commit with its signature, as git writes it: behind the committer.
 * @param payload A commit without a signature, with author and committer.
 * @param signature Armored.
 */
export function addSignature(payload: Uint8Array, signature: string): Buffer {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const isSha256 = bytes.indexOf('\n') === 'tree '.length + 64;
  const place = bytes.indexOf('\n', bytes.indexOf('\ncommitter ') + 1) + 1;
  const header = `${signatureNames[isSha256 ? 1 : 0]} ${signature.trimEnd().replaceAll('\n', '\n ')}\n`;
  return Buffer.concat([bytes.subarray(0, place), Buffer.from(header, 'latin1'), bytes.subarray(place)]);
}

/** SHA-1 and SHA-256 repositories. */
const signatureNames: readonly string[] = ['gpgsig', 'gpgsig-sha256'];

/** Headers that a reader takes by name: a second one, or one in another place, is read differently by different programs. */
const fixedOrder: readonly string[] = ['tree', 'parent', 'author', 'committer'];

interface Header {
  readonly name: string;
  readonly start: number;
  /** Behind the line end of its last line. */
  readonly end: number;
}

function readHeaders(bytes: Buffer, end: number): Header[] {
  const headers: Header[] = [];
  for (let start = 0; start < end; ) {
    const next = bytes.indexOf(0x0a, start) + 1 || end;
    const last = headers.at(-1);
    if (bytes[start] === 0x20 && last !== undefined) headers[headers.length - 1] = { ...last, end: next };
    else {
      const space = bytes.indexOf(0x20, start);
      const name = bytes.toString('latin1', start, space < 0 || space > next ? next - 1 : space);
      headers.push({ name, start, end: next });
    }
    start = next;
  }
  return headers;
}

function refuseOddOrder(names: readonly string[]): void {
  const parents = names.filter((name) => name === 'parent').length;
  const expected = ['tree', ...Array<string>(parents).fill('parent'), 'author', 'committer'];
  const isUsual =
    expected.every((name, i) => names[i] === name) &&
    !names.slice(expected.length).some((name) => fixedOrder.includes(name));
  if (!isUsual) throw badSignature('malformed', 'the headers of the commit stand twice or in an odd order');
}
