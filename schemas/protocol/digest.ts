import canonicalize from 'canonicalize';
import { toHex, utf8 } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';
import type { JsonValue } from './json.ts';

/** Shape of a digest. */
export const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

/** `sha256:<hex>` of a value's RFC 8785 form: equal for equal values, whatever the order of their keys. */
export function digestOf(value: JsonValue, crypto: CryptoBackend): string {
  return digestOfBytes(utf8(serialize(value)), crypto);
}

/** `sha256:<hex>` of bytes as they are. */
export function digestOfBytes(bytes: Uint8Array, crypto: CryptoBackend): string {
  return `sha256:${toHex(crypto.sha256(bytes))}`;
}

// The package is CommonJS with an ES default export; its types and Node's interop disagree on what `default` is.
const serialize = canonicalize as unknown as (value: JsonValue) => string;
