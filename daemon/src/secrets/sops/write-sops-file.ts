import { HeadwaterError } from '@headwater/schemas/protocol';
import { maxFileBytes } from '../../core/parse-config.ts';
import type { SopsMetadata } from './metadata.ts';
import type { OrderedObject } from './ordered-json.ts';
import { refuseMisleadingRule } from './own-rule.ts';
import { metadataKey } from './parse-sops-file.ts';
import { printSopsFile } from './print-sops-file.ts';
import { type SealingKey, sealTree } from './seal-tree.ts';
import { sealText } from './sealed-value.ts';
import { compileRule } from './selection-rule.ts';
import { formatSopsTime } from './sops-time.ts';

/** What an author decides of a file beside its values. */
export type SopsSettings = Pick<SopsMetadata, 'age' | 'foreign' | 'rule' | 'macOnlyEncrypted'>;

/**
 * Encrypts a tree with a data key and prints it.
 * @param tree In plain text.
 * @throws HeadwaterError `HW_SECRETS_NUMBER`, `HW_SECRETS_VALUE`, `HW_SECRETS_KEY_NAME`, `HW_SECRETS_PLAINTEXT` (the rule encrypts
 *   nothing), `HW_SECRETS_UNSUPPORTED`, `HW_FILE_TOO_LARGE`.
 */
export function writeSopsFile(
  tree: OrderedObject,
  settings: SopsSettings,
  key: SealingKey,
  { now, indent = '\t' }: { readonly now: Date; readonly indent?: string },
): Uint8Array {
  if (tree.has(metadataKey)) {
    throw new HeadwaterError('HW_SECRETS_KEY_NAME', {
      message: `the top-level key "${metadataKey}" is where SOPS keeps its metadata`,
      hint: 'Rename the setting.',
      details: { pointer: `/${metadataKey}` },
    });
  }
  const sealed = sealTree(tree, compileRule(settings.rule), settings.macOnlyEncrypted, key);
  refuseMisleadingRule(sealed.tree, settings.rule);
  const lastModified = formatSopsTime(now);
  const mac = sealText('str', sealed.mac, lastModified, key.dataKey);
  const bytes = printSopsFile(sealed.tree, { ...settings, lastModified, mac }, indent);
  if (bytes.length <= maxFileBytes) return bytes;
  throw new HeadwaterError('HW_FILE_TOO_LARGE', {
    message: `encrypted, the secrets take ${bytes.length} bytes, expected ${maxFileBytes} at most`,
    hint: 'Keep files and other large data out of the secrets.',
  });
}
