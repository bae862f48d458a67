/** One secrets file with some values set or removed: the step that every way in has in common. Bytes in, bytes out. */
import { HeadwaterError, maxSecretsBytes, parsePointer } from '@headwater/schemas/protocol';
import type { SopsPolicy } from './sops/check-structure.ts';
import type { SopsKeys } from './sops/data-key.ts';
import { encryptSops } from './sops/encrypt-sops.ts';
import { openSopsFile } from './sops/open-sops-file.ts';
import { isOrderedArray, isOrderedObject, type OrderedValue } from './sops/ordered-json.ts';
import { parseSopsFile } from './sops/parse-sops-file.ts';
import { printOrderedJson } from './sops/print-ordered-json.ts';
import { setValues, treeOf, type ValueChanges } from './sops/set-values.ts';
import { writeSopsFile } from './sops/write-sops-file.ts';

export interface SecretsFileChange {
  /** `null`: no value is left, so the file goes. */
  readonly content: Uint8Array | null;
  /** Pointers that were set or removed, in the order of the request. */
  readonly changed: readonly string[];
}

export interface ChangeSecretsOptions {
  /** What the path's creation rule asks of a new file. */
  readonly policy: SopsPolicy;
  /** Opens the file that is there; a new one needs no key. */
  readonly keys: SopsKeys;
  readonly now: Date;
  /**
   * Also a value that stays what it was is encrypted anew and counts as changed. Without it whoever may set a secret and not read it
   * could find out whether a guess is right. Default false.
   */
  readonly blind?: boolean;
}

/**
 * @param before The file as it is; `null` = there is none yet.
 * @throws HeadwaterError `HW_SECRETS_NO_IDENTITY` when no key at hand opens the file, `HW_SECRETS_NOT_STRING` for an empty value,
 *   `HW_SECRET_TOO_LARGE`, `HW_SECRETS_*`, `HW_KEY_INVALID`, `HW_USAGE` for a pointer that leads through a value.
 */
export async function changeSecretsFile(
  before: Uint8Array | null,
  changes: ValueChanges,
  { policy, keys, now, blind = false }: ChangeSecretsOptions,
): Promise<SecretsFileChange> {
  for (const [pointer, value] of changes) checkValue(pointer, value);
  if (before === null) {
    const values = new Map([...changes].filter((change): change is [string, string] => change[1] !== null));
    if (values.size === 0) return { content: null, changed: [] };
    const { recipients, rule, macOnlyEncrypted = false } = policy;
    const content = await encryptSops(treeOf(values), recipients, { now, rule, macOnlyEncrypted });
    return { content, changed: [...values.keys()] };
  }
  using opened = await openSopsFile(parseSopsFile(before), keys);
  const next = setValues(opened.tree, changes);
  const changed = [...changes.keys()].filter(
    (pointer) =>
      opened.values.get(pointer) !== changes.get(pointer) &&
      !(changes.get(pointer) === null && !opened.values.has(pointer)),
  );
  const again = blind ? [...changes].flatMap(([pointer, value]) => (value === null ? [] : [pointer])) : [];
  const all = [...new Set([...changed, ...again])];
  if (all.length === 0 && printOrderedJson(next) === printOrderedJson(opened.tree))
    return { content: before, changed: [] };
  if (!hasValue(next)) return { content: null, changed: all };
  const aads = new Set(again.map((pointer) => aadOf(next, pointer)));
  const reuse = opened.leaves.filter(({ aad }) => !aads.has(aad));
  const { dataKey, file } = opened;
  return {
    content: writeSopsFile(next, file.metadata, { dataKey, reuse }, { now, indent: file.indent }),
    changed: all,
  };
}

/** Values of a tree by pointer, as changes that make another tree of it: what `previous` has besides is removed. */
export function replacing(
  previous: ReadonlyMap<string, string>,
  next: ReadonlyMap<string, string>,
): ValueChanges {
  const gone = [...previous.keys()].filter((pointer) => !next.has(pointer));
  return new Map<string, string | null>([...gone.map((pointer) => [pointer, null] as const), ...next]);
}

/** An object without values is nothing to encrypt. */
function hasValue(value: OrderedValue): boolean {
  if (isOrderedObject(value)) return [...value.values()].some(hasValue);
  return Array.isArray(value) ? value.some(hasValue) : value !== null;
}

/** [sops] keys above the value, each followed by ":"; indexes of lists are not in it. */
function aadOf(tree: OrderedValue, pointer: string): string {
  let aad = '';
  let at: OrderedValue | undefined = tree;
  for (const part of parsePointer(pointer)) {
    if (isOrderedArray(at)) at = at[Number(part)];
    else {
      aad += `${part}:`;
      at = isOrderedObject(at) ? at.get(part) : undefined;
    }
  }
  return aad;
}

function checkValue(pointer: string, value: string | null): void {
  if (value === null) return;
  if (value === '') {
    throw new HeadwaterError('HW_SECRETS_NOT_STRING', {
      message: `the value for ${pointer} is empty`,
      hint: 'A secret is a text of at least one character. To take it away: headwater secrets remove.',
      details: { pointer },
    });
  }
  const bytes = Buffer.byteLength(value);
  if (bytes <= maxSecretsBytes) return;
  throw new HeadwaterError('HW_SECRET_TOO_LARGE', {
    message: `the value for ${pointer} has ${bytes} bytes, expected ${maxSecretsBytes} at most`,
    hint: 'Keep files out of secrets.',
    details: { pointer },
  });
}
