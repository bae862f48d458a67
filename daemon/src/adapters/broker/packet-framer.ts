/**
 * Cuts a byte stream into whole MQTT packets and refuses one that is too long from its first bytes, before anything keeps it.
 *
 * The parser behind it has no size limit and holds every chunk as it came, so a client that sends a megabyte in one-byte
 * segments costs hundreds. Here an unfinished packet is held in one buffer that grows with what has really arrived: memory per
 * connection stays below twice the limit, and a length that is only claimed costs nothing.
 */
import { HeadwaterError } from '@headwater/schemas/protocol';

export class PacketFramer {
  /** Largest packet, header included, in bytes. May be raised while the stream runs. */
  maxBytes: number;
  #held: Buffer = EMPTY;
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * Takes the next chunk and gives the packets that are complete now, in order, several per buffer where they lie together.
   * @throws HeadwaterError `HW_MESSAGE_TOO_LARGE` when a packet announces more than `maxBytes`.
   */
  push(chunk: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    const rest = this.#heldBytes > 0 ? this.#finishHeld(chunk, whole) : chunk;
    let end = 0;
    for (;;) {
      const size = this.#sizeAt(rest, end, rest.length);
      if (size === undefined || end + size > rest.length) break;
      end += size;
    }
    // Whole packets pass as a view of the chunk: no copy on the usual path.
    if (end > 0) whole.push(rest.subarray(0, end));
    if (end < rest.length) this.#hold(rest.subarray(end));
    return whole;
  }

  #finishHeld(chunk: Buffer, whole: Buffer[]): Buffer {
    let rest = chunk;
    for (;;) {
      const size = this.#sizeAt(this.#held, 0, this.#heldBytes);
      if (size !== undefined && size === this.#heldBytes) {
        whole.push(this.#held.subarray(0, size));
        this.#held = EMPTY;
        this.#heldBytes = 0;
        return rest;
      }
      if (rest.length === 0) return rest;
      const wanted = size === undefined ? 1 : Math.min(size - this.#heldBytes, rest.length);
      this.#hold(rest.subarray(0, wanted));
      rest = rest.subarray(wanted);
    }
  }

  #hold(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.#held.length, this.maxBytes)));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  /** Size of the packet that starts at `at`, or `undefined` while its header is incomplete. */
  #sizeAt(bytes: Buffer, at: number, end: number): number | undefined {
    let remaining = 0;
    for (let digit = 0; digit < 4; digit += 1) {
      const index = at + 1 + digit;
      if (index >= end) return undefined;
      const byte = bytes[index] as number;
      remaining += (byte & 0x7f) * 128 ** digit;
      if (byte < 0x80) {
        const size = 2 + digit + remaining;
        if (size > this.maxBytes) throw tooLarge(size, this.maxBytes);
        return size;
      }
    }
    throw tooLarge(Number.POSITIVE_INFINITY, this.maxBytes); // a fifth length digit is not MQTT
  }
}

const EMPTY = Buffer.alloc(0);

function tooLarge(size: number, maxBytes: number): HeadwaterError {
  return new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
    message: `an MQTT packet of ${size} bytes arrived, expected ${maxBytes} at most`,
    details: { size, maxBytes },
  });
}
