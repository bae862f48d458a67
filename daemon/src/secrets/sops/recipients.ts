/** Who can open a file: adding recipients keeps the data key, taking it away from somebody needs a new one. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { isRecipient } from '../age/recipient.ts';
import { makeDataKey, wrapDataKey } from './data-key.ts';
import { type AgeStanza, maxStanzas, type SopsMetadata } from './metadata.ts';
import type { OpenedSops } from './open-sops-file.ts';
import { printSopsFile } from './print-sops-file.ts';
import { writeSopsFile } from './write-sops-file.ts';

/**
 * Makes the age stanzas be those of `recipients`, as `sops updatekeys` does: the data key, the values, their MAC and all stanzas that
 * may stay are left as they are, those for PGP and cloud keys too. Whoever is left out keeps the data key that they may have
 * written down: follow with `rotateDataKey`, or call that alone.
 * @returns The file's own bytes when nothing changes.
 * @throws HeadwaterError `HW_KEY_INVALID`.
 */
export async function setSopsRecipients(
  opened: OpenedSops,
  recipients: readonly string[],
): Promise<Uint8Array> {
  const { file } = opened;
  // A copy: the caller may put the file away while stanzas are still being made.
  const dataKey = Buffer.from(opened.dataKey);
  try {
    const age = await stanzasFor(dataKey, recipients, file.metadata.age);
    const isSame =
      age.length === file.metadata.age.length && age.every((stanza, i) => stanza === file.metadata.age[i]);
    return isSame ? file.bytes : printSopsFile(file.tree, { ...file.metadata, age }, file.indent);
  } finally {
    dataKey.fill(0);
  }
}

/**
 * Encrypts everything anew with a fresh data key, which only `recipients` can unwrap.
 * @param recipients Default: those of the file.
 * @throws HeadwaterError `HW_SECRETS_FOREIGN_KEYS` when the file is also for keys that Headwater cannot wrap for; `HW_KEY_INVALID`.
 */
export async function rotateDataKey(
  opened: OpenedSops,
  { now, recipients }: { readonly now: Date; readonly recipients?: readonly string[] },
): Promise<Uint8Array> {
  const { metadata, indent } = opened.file;
  refuseForeignKeys(metadata);
  const dataKey = makeDataKey();
  try {
    const age = await stanzasFor(dataKey, recipients ?? metadata.age.map(({ recipient }) => recipient));
    return writeSopsFile(opened.tree, { ...metadata, age }, { dataKey, reuse: [] }, { now, indent });
  } finally {
    dataKey.fill(0);
  }
}

/**
 * One stanza per recipient: `existing` ones, which must be for the same data key, first and in their order, then new ones.
 * @throws HeadwaterError `HW_KEY_INVALID`.
 */
export async function stanzasFor(
  dataKey: Uint8Array,
  recipients: readonly string[],
  existing: readonly AgeStanza[] = [],
): Promise<readonly AgeStanza[]> {
  const wanted = new Set(recipients);
  if (wanted.size === 0 || wanted.size > maxStanzas) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `${wanted.size} recipients, expected 1 to ${maxStanzas}`,
      hint: 'Name the public keys (age1…) of those who shall open the file.',
    });
  }
  const stanzas = existing.filter(({ recipient }) => wanted.delete(recipient));
  for (const recipient of wanted) stanzas.push(await wrapDataKey(dataKey, recipient));
  return stanzas;
}

/** @throws HeadwaterError `HW_SECRETS_FOREIGN_KEYS`. */
export function refuseForeignKeys({ age, foreign }: SopsMetadata): void {
  const others = age.filter(({ recipient }) => !isRecipient(recipient)).map(({ recipient }) => recipient);
  const kinds = [...foreign.keys(), ...(others.length > 0 ? ['age keys of another kind'] : [])];
  if (kinds.length === 0) return;
  throw new HeadwaterError('HW_SECRETS_FOREIGN_KEYS', {
    message: `the file is also encrypted for ${kinds.join(', ')}, for which no new data key can be wrapped here`,
    hint: 'Use sops rotate, or first remove those keys with sops updatekeys.',
    details: { kinds },
  });
}
