import { utf8 } from '@headwater/schemas/protocol';
import { type SopsMetadata, writtenVersion } from './metadata.ts';
import type { OrderedObject, OrderedValue } from './ordered-json.ts';
import { metadataKey } from './parse-sops-file.ts';
import { printOrderedJson } from './print-ordered-json.ts';

/** The bytes of a file whose values are already encrypted: metadata last, its fields sorted, as SOPS 3.13 writes it. */
export function printSopsFile(
  tree: OrderedObject,
  metadata: Omit<SopsMetadata, 'version'>,
  indent: string,
): Uint8Array {
  return utf8(printOrderedJson(new Map([...tree, [metadataKey, metadataObject(metadata)]]), indent));
}

function metadataObject(metadata: Omit<SopsMetadata, 'version'>): OrderedObject {
  const { age, foreign, lastModified, mac, rule, macOnlyEncrypted } = metadata;
  const stanzas = age.map(
    ({ enc, recipient }): OrderedObject =>
      new Map([
        ['enc', enc],
        ['recipient', recipient],
      ]),
  );
  const fields: [string, OrderedValue][] = [
    ...(stanzas.length > 0 ? [['age', stanzas] as [string, OrderedValue]] : []),
    ...foreign,
    ['lastmodified', lastModified],
    ['mac', mac],
    ...(macOnlyEncrypted ? [['mac_only_encrypted', true] as [string, OrderedValue]] : []),
    [rule.kind, rule.text],
    ['version', writtenVersion],
  ];
  return new Map(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}
