import { HeadwaterError } from '@headwater/schemas/protocol';
import { MacBuilder } from './mac.ts';
import type { SopsMetadata } from './metadata.ts';
import type { OrderedObject } from './ordered-json.ts';
import type { SopsFile } from './parse-sops-file.ts';
import { type ScalarType, scalarFrom, scalarText } from './scalar.ts';
import type { SealedLeaf } from './seal-tree.ts';
import { openText, parseSealed, type SealedValue } from './sealed-value.ts';
import { compileRule } from './selection-rule.ts';
import { canonicalSopsTime } from './sops-time.ts';
import { mapLeaves } from './walk-leaves.ts';

export interface OpenedTree {
  /** In plain text. */
  readonly tree: OrderedObject;
  /** Every string by its pointer, in document order. */
  readonly values: ReadonlyMap<string, string>;
  /** The encrypted values, for the next edit. */
  readonly leaves: readonly SealedLeaf[];
}

/**
 * Decrypts every value and checks the MAC over all of them.
 * @throws HeadwaterError `HW_SECRETS_PLAINTEXT`, `HW_SECRETS_VALUE`, `HW_SECRETS_TAMPERED`, `HW_SECRETS_UNSUPPORTED`. No message shows a
 *   value.
 */
export function openTree({ tree, metadata }: SopsFile, dataKey: Uint8Array): OpenedTree {
  const mac = new MacBuilder(metadata.macOnlyEncrypted);
  const leaves: SealedLeaf[] = [];
  const values = new Map<string, string>();
  const plain = mapLeaves(tree, compileRule(metadata.rule), (value, place) => {
    let opened = value;
    if (!place.isEncrypted || value === '') mac.add(place.isEncrypted, scalarText(value));
    else {
      if (typeof value !== 'string') throw notEncrypted(place.pointer());
      const pointer = place.pointer();
      const sealed = sealedAt(value, pointer);
      const found = read(sealed.type, openText(sealed, place.aad, dataKey, pointer), pointer);
      mac.add(true, { text: found.hashed });
      leaves.push({ aad: place.aad, value: found.value, sealed: value });
      opened = found.value;
    }
    if (typeof opened === 'string') values.set(place.pointer(), opened);
    return opened;
  });
  checkMac(mac, metadata, dataKey);
  return { tree: plain, values, leaves };
}

function sealedAt(text: string, pointer: string): SealedValue {
  const sealed = parseSealed(text);
  if (sealed === 'plain') throw notEncrypted(pointer);
  if (sealed !== 'malformed') return sealed;
  throw new HeadwaterError('HW_SECRETS_VALUE', {
    message: `the value at ${pointer} is encrypted, but not as SOPS does it: iv of 32 bytes, tag of 16, a known type`,
    hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
    details: { pointer },
  });
}

function read(type: ScalarType, text: string, pointer: string) {
  const found = scalarFrom(type, text);
  if (found !== null) return found;
  throw new HeadwaterError('HW_SECRETS_VALUE', {
    message: `the value at ${pointer} is labelled ${type} but is none`,
    hint: 'The label is not protected and may have been changed: take the file from the last good commit.',
    details: { pointer },
  });
}

function checkMac(mac: MacBuilder, metadata: SopsMetadata, dataKey: Uint8Array): void {
  const sealed = parseSealed(metadata.mac);
  const aad = canonicalSopsTime(metadata.lastModified);
  if (typeof sealed === 'string' || aad === null) throw new Error('the metadata was not parsed');
  if (mac.matches(openText(sealed, aad, dataKey, 'the MAC'))) return;
  throw new HeadwaterError('HW_SECRETS_TAMPERED', {
    message:
      'the MAC does not fit the values: some were removed, reordered, emptied or changed since the file was encrypted',
    hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
    details: { pointer: '/sops/mac' },
  });
}

function notEncrypted(pointer: string): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_PLAINTEXT', {
    message: `the value at ${pointer} stands in plain text, but the file's rule encrypts it`,
    hint: 'Treat it as known to others: choose a new value, and set it with sops or headwater.',
    details: { pointer },
  });
}
