/**
 * Merges two versions of a file by what they say, not by their lines: any two edits conflict textually in `mac` and `lastmodified`.
 */
import { equalBytes, HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { SopsKeys } from './data-key.ts';
import { mergeSettings, sameForeign } from './merge-settings.ts';
import { mergeTrees, type SecretConflict } from './merge-trees.ts';
import type { AgeStanza } from './metadata.ts';
import { type OpenedSops, openSopsFile } from './open-sops-file.ts';
import type { SopsFile } from './parse-sops-file.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { refuseForeignKeys, stanzasFor } from './recipients.ts';
import { sameRule } from './selection-rule.ts';
import { writeSopsFile } from './write-sops-file.ts';

export type SopsMerge =
  | { readonly kind: 'merged'; readonly bytes: Uint8Array }
  /** Pointers and what each side did there; no values. */
  | { readonly kind: 'conflict'; readonly conflicts: readonly SecretConflict[] };

/**
 * Opens all versions (each is checked on the way), merges values and recipients, and makes the MAC anew. Encrypted values and stanzas
 * that stay are kept byte for byte. When one side rotated the data key, the new key is the merged file's.
 * @param base The common ancestor; `null` when there is none.
 * @throws HeadwaterError as `openSopsFile`, with `details.side`; `HW_SECRETS_NO_IDENTITY` when no identity opens a side.
 */
export async function mergeSopsFiles(
  base: SopsFile | null,
  ours: SopsFile,
  theirs: SopsFile,
  keys: SopsKeys,
  { now }: { readonly now: Date },
): Promise<SopsMerge> {
  using our = await openSide('ours', ours, keys);
  using their = await openSide('theirs', theirs, keys);
  using before = base === null ? undefined : await openSide('base', base, keys);
  const settings = mergeSettings(base?.metadata, ours.metadata, theirs.metadata);
  const { tree, conflicts } = mergeTrees(before?.tree, our.tree, their.tree);
  const all = [...conflicts, ...settings.conflicts];
  if (all.length > 0) return { kind: 'conflict', conflicts: all };

  const isSameKey = equalBytes(our.dataKey, their.dataKey);
  const holder = isSameKey ? our : keyHolder(before, our, their);
  const sharing = isSameKey ? [our, their] : [holder];
  const text = printOrderedJson(tree);
  const isSide = (side: OpenedSops) =>
    printOrderedJson(side.tree) === text &&
    sameNames(side.file.metadata.age, settings.recipients) &&
    sameRule(side.file.metadata.rule, settings.rule) &&
    side.file.metadata.macOnlyEncrypted === settings.macOnlyEncrypted &&
    sameForeign(side.file.metadata.foreign, settings.foreign);
  for (const side of sharing) if (isSide(side)) return { kind: 'merged', bytes: side.file.bytes };

  // Keys that cannot be wrapped for have their stanza only in the file that holds the data key.
  if (!isSameKey) {
    refuseForeignKeys(ours.metadata);
    refuseForeignKeys(theirs.metadata);
  }
  const stanzas = sharing.flatMap((side) => side.file.metadata.age);
  const age = await stanzasFor(holder.dataKey, settings.recipients, stanzas);
  const reuse = sharing.flatMap((side) => side.leaves);
  const { indent } = holder.file;
  const bytes = writeSopsFile(
    tree,
    { ...settings, age },
    { dataKey: holder.dataKey, reuse },
    { now, indent },
  );
  return { kind: 'merged', bytes };
}

/** The side whose data key the merged file has: the one that rotated it, else ours. */
function keyHolder(before: OpenedSops | undefined, our: OpenedSops, their: OpenedSops): OpenedSops {
  const isOurOld = before !== undefined && equalBytes(before.dataKey, our.dataKey);
  return isOurOld ? their : our;
}

async function openSide(
  side: 'base' | 'ours' | 'theirs',
  file: SopsFile,
  keys: SopsKeys,
): Promise<OpenedSops> {
  try {
    return await openSopsFile(file, keys);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const { code, message, hint, details, cause } = error;
    throw new HeadwaterError(code, {
      message: `the version ${sideNames[side]} cannot be opened: ${message}`,
      ...(hint === undefined ? {} : { hint }),
      details: { ...details, side },
      cause,
    });
  }
}

const sideNames = { base: 'before both changes', ours: 'of our side', theirs: 'of their side' };

function sameNames(age: readonly AgeStanza[], recipients: readonly string[]): boolean {
  return age.length === recipients.length && age.every(({ recipient }, i) => recipient === recipients[i]);
}
