/**
 * SOPS's message authentication code: SHA-512 over the plain values in document order, with nothing between them and no keys. It says
 * nothing of key names, types, empty values or the file's path; `check-structure.ts` covers those.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ScalarText } from './scalar.ts';

/** Distinguishes MACs over encrypted values only from those over all. */
const onlyEncryptedPrefix = createHash('sha256').update('sops').digest();

export class MacBuilder {
  readonly #onlyEncrypted: boolean;
  #text = '';
  /** The same as SOPS up to 3.13.1 sees it; `null` while there is no difference. */
  #legacy: string | null = null;

  constructor(onlyEncrypted: boolean) {
    this.#onlyEncrypted = onlyEncrypted;
  }

  add(isEncrypted: boolean, { text, legacyText }: Pick<ScalarText, 'text' | 'legacyText'>): void {
    if (this.#onlyEncrypted && !isEncrypted) return;
    if (legacyText !== undefined) this.#legacy ??= this.#text;
    if (this.#legacy !== null) this.#legacy += legacyText ?? text;
    this.#text += text;
  }

  /** As written into a file, before it is encrypted. */
  digest(): string {
    return this.#hash(this.#text);
  }

  /** True when `digest` is of these values, as any version of SOPS reads them. */
  matches(digest: string): boolean {
    return equal(digest, this.digest()) || (this.#legacy !== null && equal(digest, this.#hash(this.#legacy)));
  }

  #hash(text: string): string {
    const hash = createHash('sha512');
    if (this.#onlyEncrypted) hash.update(onlyEncryptedPrefix);
    return hash.update(text, 'utf8').digest('hex').toUpperCase();
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
