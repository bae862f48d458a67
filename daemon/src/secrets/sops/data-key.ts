/** The data key of a file: 32 bytes that open all of it, wrapped once per recipient. It is never handed to a service. */
import { createHmac, randomBytes } from 'node:crypto';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Identity } from '../age/identity.ts';
import { openAge } from '../age/open-age.ts';
import { sealNow } from '../age/seal.ts';
import type { DataKeyCache } from './data-key-cache.ts';
import type { AgeStanza, SopsMetadata } from './metadata.ts';

/** What opens a file. */
export type SopsKeys =
  | { readonly identities: readonly Identity[]; readonly cache?: DataKeyCache }
  | { readonly dataKey: Uint8Array };

export const dataKeyBytes = 32;

/** Armored size of one stanza: about 400 bytes for X25519, 2 KiB for post-quantum keys. */
export const maxStanzaBytes = 16 * 1024;

/** A fresh data key. The caller zeroes it. */
export function makeDataKey(): Buffer {
  return randomBytes(dataKeyBytes);
}

/** @throws HeadwaterError `HW_KEY_INVALID`. */
export async function wrapDataKey(dataKey: Uint8Array, recipient: string): Promise<AgeStanza> {
  return { recipient, enc: await sealNow([recipient], dataKey) };
}

/**
 * The data key of a file, as a copy that the caller zeroes.
 * @throws HeadwaterError `HW_SECRETS_NO_IDENTITY` when no identity opens any stanza; `HW_AGE_FILE`, `HW_AGE_PASSPHRASE` when the one
 *   that is for it is broken.
 */
export async function unwrapDataKey({ age }: Pick<SopsMetadata, 'age'>, keys: SopsKeys): Promise<Buffer> {
  if ('dataKey' in keys) return Buffer.from(keys.dataKey);
  const { identities, cache } = keys;
  const own = new Set(identities.map(({ recipient }) => recipient));
  const known = cache?.get([...own], age);
  if (known) return known;
  // What a stanza says of its recipient is only a claim: those that name us come first, the others may still be ours.
  const byChance = [...age].sort((a, b) => Number(own.has(b.recipient)) - Number(own.has(a.recipient)));
  let broken: unknown;
  for (const stanza of byChance) {
    try {
      const dataKey = await openStanza(stanza, identities);
      if (dataKey === null) continue;
      cache?.set([...own], age, dataKey);
      return dataKey;
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      // Another's broken stanza is no reason not to open ours.
      if (own.has(stanza.recipient)) broken ??= error;
    }
  }
  throw broken ?? noIdentity(age, own.size);
}

async function openStanza({ enc }: AgeStanza, identities: readonly Identity[]): Promise<Buffer | null> {
  const opened = await openAge(enc, identities, maxStanzaBytes);
  if (opened === null) return null;
  const dataKey = Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  if (dataKey.length === dataKeyBytes) return dataKey;
  throw new HeadwaterError('HW_AGE_FILE', {
    message: `the data key has ${dataKey.length} bytes, expected ${dataKeyBytes}`,
    hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
  });
}

/**
 * Names a data key without telling anything of it, to notice that one file was copied over another path with its key. Keyed, because a
 * plain hash would let everybody who sees it confirm a guess.
 * @param indexKey Secret of the index, 32 bytes or more; tags of different keys cannot be compared.
 * @returns 64 hex digits.
 */
export function dataKeyTag(dataKey: Uint8Array, indexKey: Uint8Array): string {
  return createHmac('sha256', indexKey).update('headwater sops data key v1\0').update(dataKey).digest('hex');
}

function noIdentity(age: readonly AgeStanza[], count: number): HeadwaterError {
  const recipients = age.map(({ recipient }) => recipient);
  const [first, ...others] = recipients;
  const list =
    first === undefined ? 'no age key' : `${first}${others.length > 0 ? ` and ${others.length} more` : ''}`;
  return new HeadwaterError('HW_SECRETS_NO_IDENTITY', {
    message: `${count === 0 ? 'there is no identity to open it with' : 'none of the identities opens it'}; it is encrypted for ${list}`,
    hint: 'Use the identity of one of its recipients, or let one of them add your public key: headwater secrets recipients.',
    details: { recipients },
  });
}
