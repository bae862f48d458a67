/**
 * A socket with both directions bounded: whole packets of limited size come in, and a peer that does not read is cut off
 * instead of making others wait.
 *
 * A broker library that waits for `drain` of one full socket before it goes on lets one stalled subscriber stop everybody.
 * So the write side claims room for far more than it ever keeps (`write` always says "go on"), and keeps count itself: beyond
 * `maxQueuedBytes` the socket is destroyed, and the peer catches up from retained messages when it comes back.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { PacketFramer } from './packet-framer.ts';

export interface GuardedStreamOptions {
  /** Largest incoming packet, header included, in bytes. */
  readonly maxPacketBytes: number;
  /** Outgoing bytes that may wait, bookkeeping of many small writes included. Absent: the peer may make us wait. */
  readonly maxQueuedBytes?: number;
}

/** What one queued write costs beyond its bytes: two million two-byte answers are not four megabytes. */
const BYTES_PER_WRITE = 128;
const READ_AHEAD_BYTES = 64 * 1024;

type WriteCallback = (error?: Error | null) => void;

export class GuardedStream extends Duplex {
  readonly #socket: Socket;
  readonly #framer: PacketFramer;
  readonly #maxQueuedBytes: number;
  #queuedWrites = 0;

  constructor(socket: Socket, options: GuardedStreamOptions) {
    super({
      readableHighWaterMark: READ_AHEAD_BYTES,
      ...(options.maxQueuedBytes === undefined ? {} : { writableHighWaterMark: 8 * options.maxQueuedBytes }),
      allowHalfOpen: false,
    });
    this.#socket = socket;
    this.#framer = new PacketFramer(options.maxPacketBytes);
    this.#maxQueuedBytes = options.maxQueuedBytes ?? Number.POSITIVE_INFINITY;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Raises (or lowers) the limit for incoming packets from now on. */
  set maxPacketBytes(bytes: number) {
    this.#framer.maxBytes = bytes;
  }

  override write(
    chunk: unknown,
    encodingOrCallback?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    this.#queuedWrites += 1;
    const queued = this.writableLength + this.#queuedWrites * BYTES_PER_WRITE;
    if (queued > this.#maxQueuedBytes && !this.destroyed) this.destroy(stalled(queued, this.#maxQueuedBytes));
    const room = super.write(chunk, encodingOrCallback as BufferEncoding, callback);
    return room || this.destroyed; // nobody should wait for one that is gone
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: WriteCallback): void {
    this._writev([{ chunk, encoding }], callback);
  }

  override _writev(
    chunks: Array<{ chunk: Buffer; encoding: BufferEncoding }>,
    callback: WriteCallback,
  ): void {
    const last = chunks.length - 1;
    const done: WriteCallback = (error) => {
      this.#queuedWrites -= chunks.length;
      callback(error);
    };
    this.#socket.cork();
    for (const [index, { chunk }] of chunks.entries()) {
      if (index === last) this.#socket.write(chunk, done);
      else this.#socket.write(chunk);
    }
    this.#socket.uncork();
  }

  override _final(callback: WriteCallback): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#socket.destroy();
    callback(error);
  }

  #receive(chunk: Buffer): void {
    let packets: Buffer[];
    try {
      packets = this.#framer.push(chunk);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    for (const packet of packets) {
      if (!this.push(packet)) this.#socket.pause();
    }
  }
}

function stalled(queued: number, maxQueuedBytes: number): HeadwaterError {
  return new HeadwaterError('HW_SUBSCRIBER_STALLED', {
    message: `a subscriber does not read: ${queued} bytes wait for it, expected ${maxQueuedBytes} at most`,
    details: { queued, maxQueuedBytes },
  });
}
