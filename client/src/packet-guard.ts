/**
 * Watches a byte stream of MQTT packets go by and says when one announces more than it may have. The MQTT parser behind it keeps
 * whatever comes until a packet is whole, so a broker could otherwise feed it 256 MB.
 */
export class PacketGuard {
  readonly #maxBytes: number;
  /** Bytes of the current packet's body still to come. */
  #body = 0;
  /** Digits of the remaining length read so far; -1 before the first byte of a packet. */
  #digits = -1;
  #length = 0;

  /** @param maxBytes Largest packet body, in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False as soon as a packet is too long or its length is no MQTT length; the stream must then be destroyed. */
  accepts(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at);
        this.#body -= skipped;
        at += skipped;
      } else if (!this.#readHeader(chunk[at++] as number)) return false;
    }
    return true;
  }

  #readHeader(byte: number): boolean {
    if (this.#digits < 0) {
      this.#digits = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#digits;
    this.#digits += 1;
    if (this.#length > this.#maxBytes) return false;
    if (byte >= 0x80) return this.#digits < 4;
    this.#body = this.#length;
    this.#digits = -1;
    return true;
  }
}
