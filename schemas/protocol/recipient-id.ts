import { toHex, utf8 } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';

/** Short id of an age public key, for receipts and logs: the first 16 hex digits of the SHA-256 of its text, `age1…`. */
export function recipientIdOf(recipient: string, crypto: CryptoBackend): string {
  return toHex(crypto.sha256(utf8(recipient))).slice(0, 16);
}
