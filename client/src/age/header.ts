/** The header of an age file: who it is wrapped for. Spec: c2sp.org/age. */
import { AgeError, type AgeFault } from './age-error.ts';
import { decodeBase64 } from './armor.ts';

/** The file key, wrapped for one recipient. */
export interface Stanza {
  readonly type: string;
  readonly args: readonly string[];
  readonly body: Uint8Array;
}

export interface AgeHeader {
  readonly stanzas: readonly Stanza[];
  /** What `mac` is made over. */
  readonly signed: Uint8Array;
  readonly mac: Uint8Array;
  readonly payload: Uint8Array;
}

const firstLine = 'age-encryption.org/v1';
const bodyLineLength = 64;

/** @throws AgeError `header`; `stanzas` above `maxStanzas`; `scrypt` when a passphrase is among them. */
export function parseHeader(file: Uint8Array, maxStanzas: number): AgeHeader {
  let at = 0;
  const nextLine = (): string => {
    const end = file.indexOf(0x0a, at);
    if (end < 0) fail();
    const line = Buffer.from(file.subarray(at, end)).toString('latin1');
    at = end + 1;
    return line;
  };
  if (nextLine() !== firstLine) fail();
  const stanzas: Stanza[] = [];
  for (;;) {
    const start = at;
    const line = nextLine();
    if (line.startsWith('--- ')) {
      const mac = decodeBase64(line.slice(4), false);
      if (mac?.length !== 32) fail();
      if (stanzas.length === 0) fail();
      return { stanzas, signed: file.subarray(0, start + 3), mac, payload: file.subarray(at) };
    }
    const [arrow, type, ...args] = line.split(' ');
    if (arrow !== '->' || type === undefined || ![type, ...args].every(isWord)) fail();
    // A passphrase takes a second and a gigabyte to try; bundles are for keys only.
    if (type === 'scrypt') fail('scrypt');
    if (stanzas.length >= maxStanzas) fail('stanzas');
    stanzas.push({ type, args, body: readBody(nextLine) });
  }
}

/** Lines of base64; the first one that is not full ends it. */
function readBody(nextLine: () => string): Uint8Array {
  let text = '';
  for (;;) {
    const line = nextLine();
    if (line.length > bodyLineLength) fail();
    text += line;
    if (line.length < bodyLineLength) return decodeBase64(text, false) ?? fail();
  }
}

const isWord = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

function fail(fault: AgeFault = 'header'): never {
  throw new AgeError(fault);
}
