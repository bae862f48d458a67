/** Test keys and the vectors in `vectors/`; see the README there. */
import { readFileSync } from 'node:fs';
import { type Identity, parseIdentity } from '../age/identity.ts';

export type KeyName = 'A' | 'B' | 'C';

export interface Vector {
  readonly file: string;
  readonly plain?: string;
  readonly identities: readonly KeyName[];
  /** "ok", or what must happen. */
  readonly expect: string;
}

export function readVector(name: string): Uint8Array {
  return readFileSync(new URL(`vectors/${name}`, import.meta.url));
}

export const vectors = JSON.parse(readText('manifest.json')) as readonly Vector[];

const keys = JSON.parse(readText('identities.json')) as Record<
  KeyName,
  { identity: string; recipient: string }
>;

export const identityTexts: Readonly<Record<KeyName, string>> = {
  A: keys.A.identity,
  B: keys.B.identity,
  C: keys.C.identity,
};
export const recipients: Readonly<Record<KeyName, string>> = {
  A: keys.A.recipient,
  B: keys.B.recipient,
  C: keys.C.recipient,
};

export function identities(...names: readonly KeyName[]): readonly Identity[] {
  return names.map((name) => parseIdentity(identityTexts[name]));
}

function readText(name: string): string {
  return Buffer.from(readVector(name)).toString('utf8');
}
