/** The byte strings of the SSH protocols (RFC 4251 §5): what keys and signatures are made of. */
import { concatBytes, utf8 } from '@headwater/schemas/protocol';
import { badSignature } from './bad-signature.ts';

/** Reads fields one after the other. Whatever does not fit is refused with `HW_COMMIT_SIGNATURE`. */
export class SshReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** @param what Names the whole in messages: "the signature". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  u32(): number {
    const bytes = this.raw(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  }

  /** A length and that many bytes. */
  string(): Uint8Array {
    return this.raw(this.u32());
  }

  /** A string that names something: printable ASCII. */
  name(): string {
    const bytes = this.string();
    if (bytes.length > 64 || bytes.some((byte) => byte <= 0x20 || byte > 0x7e))
      throw badSignature('malformed', `${this.#what} holds a name that is no plain text`);
    return String.fromCharCode(...bytes);
  }

  /** A whole number above zero as its bytes, without the zero that only says "not negative". */
  positive(): Uint8Array {
    const bytes = this.string();
    const first = bytes[0] ?? 0;
    const needsZero = ((bytes[1] ?? 0) & 0x80) !== 0;
    // One number, one writing: another one would be another key or signature of the same meaning.
    if (bytes.length === 0 || (first & 0x80) !== 0 || (first === 0 && !needsZero))
      throw badSignature('malformed', `${this.#what} holds a number in an odd writing`);
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at)
      throw badSignature('malformed', `${this.#what} ends too early`);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  /** Nothing may follow. */
  end(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest > 0) throw badSignature('malformed', `${this.#what} has ${rest} bytes too many`);
  }
}

/** A length and the bytes; text as UTF-8. */
export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? utf8(value) : value;
  return concatBytes(sshU32(bytes.length), bytes);
}

export function sshU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
