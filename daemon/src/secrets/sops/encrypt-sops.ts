import { makeDataKey } from './data-key.ts';
import type { OrderedObject } from './ordered-json.ts';
import { stanzasFor } from './recipients.ts';
import { defaultRule, type SelectionRule } from './selection-rule.ts';
import { writeSopsFile } from './write-sops-file.ts';

export interface EncryptOptions {
  readonly now: Date;
  /** Default `unencrypted_suffix: _unencrypted`. */
  readonly rule?: SelectionRule;
  /** Default false, as SOPS. */
  readonly macOnlyEncrypted?: boolean;
}

/**
 * Makes a new file, with a data key of its own.
 * @param values A tree in plain text; `treeOf` makes one of pointers and values.
 * @param recipients Public keys `age1…`, at least one.
 * @throws HeadwaterError `HW_KEY_INVALID`, and as `writeSopsFile`.
 */
export async function encryptSops(
  values: OrderedObject,
  recipients: readonly string[],
  { now, rule = defaultRule, macOnlyEncrypted = false }: EncryptOptions,
): Promise<Uint8Array> {
  const dataKey = makeDataKey();
  try {
    const age = await stanzasFor(dataKey, recipients);
    return writeSopsFile(
      values,
      { age, foreign: new Map(), rule, macOnlyEncrypted },
      { dataKey, reuse: [] },
      { now },
    );
  } finally {
    dataKey.fill(0);
  }
}
