/** Secrets files for tests, made by the same code that `headwater secrets set` uses. */

import type { JsonObject } from '@headwater/schemas/protocol';
import { generateX25519Identity } from 'age-encryption';
import { creationRules } from '../creation-rules.ts';
import { type Identity, parseIdentity } from '../secrets/age/identity.ts';
import { encryptSops } from '../secrets/sops/encrypt-sops.ts';
import { type OrderedObject, orderedFrom } from '../secrets/sops/ordered-json.ts';

export interface TestKey {
  readonly identity: Identity;
  /** `AGE-SECRET-KEY-1…`, for the `age` command. */
  readonly text: string;
  readonly recipient: string;
}

export async function makeTestKey(): Promise<TestKey> {
  const text = await generateX25519Identity();
  const identity = parseIdentity(text);
  return { identity, text, recipient: identity.recipient };
}

type Keys = readonly Pick<TestKey, 'recipient'>[];

export function secretsFile(values: JsonObject, ...keys: Keys): Promise<Uint8Array> {
  const recipients = keys.map(({ recipient }) => recipient);
  return encryptSops(orderedFrom(values) as OrderedObject, recipients, {
    now: new Date('2026-05-01T12:00:00Z'),
  });
}

/** `.sops.yaml` by which every secrets file is for these keys. */
export function rulesFor(...keys: Keys): string {
  return creationRules(keys.map(({ recipient }) => recipient));
}
