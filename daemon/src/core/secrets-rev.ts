import { type CryptoBackend, toHex, utf8 } from '@headwater/schemas/protocol';
import type { ServiceInputs } from './inputs.ts';

/** Names the files that a sealed bundle is made from: hex SHA-256 over `<layer> <blob id>` lines in layer order. [protocol §3.4] */
export function secretsRev({ secrets, recipients }: ServiceInputs, crypto: CryptoBackend): string {
  const files = [...secrets, ...(recipients ? [recipients] : [])];
  return toHex(crypto.sha256(utf8(files.map(({ layer, oid }) => `${layer} ${oid}\n`).join(''))));
}
