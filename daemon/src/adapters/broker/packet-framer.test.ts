import mqttPacket from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { PacketFramer } from './packet-framer.ts';

const ping = Buffer.from([0xc0, 0x00]);
const publish = (bytes: number): Buffer =>
  mqttPacket.generate({
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(bytes, 1),
    qos: 0,
    retain: false,
    dup: false,
  });

describe('the packet framer', () => {
  test('passes whole packets of one chunk on as they are, without a copy', () => {
    const chunk = Buffer.concat([ping, publish(300), ping]);
    const [run, ...more] = new PacketFramer(1000).push(chunk);
    expect(more).toEqual([]);
    expect(run?.buffer).toBe(chunk.buffer);
    expect(run?.equals(chunk)).toBe(true);
  });

  test.each([1, 2, 3, 7, 129])(
    'gives the same packets however the stream is cut (%i bytes at a time)',
    (step) => {
      const packets = [ping, publish(1), ping, publish(200), publish(20_000), ping];
      const stream = Buffer.concat(packets);
      const framer = new PacketFramer(30_000);
      const out: Buffer[] = [];
      for (let at = 0; at < stream.length; at += step) {
        for (const whole of framer.push(stream.subarray(at, at + step))) out.push(Buffer.from(whole));
      }
      expect(Buffer.concat(out).equals(stream)).toBe(true);
      // Every piece ends where a packet ends, so that a parser behind it never holds a part of one.
      const ends = new Set(packets.map((_, index) => Buffer.concat(packets.slice(0, index + 1)).length));
      let end = 0;
      for (const piece of out) {
        end += piece.length;
        expect(ends.has(end)).toBe(true);
      }
    },
  );

  test('accepts a packet of exactly the limit and refuses one more byte, from the header alone', () => {
    const packet = publish(500);
    expect(new PacketFramer(packet.length).push(packet)).toHaveLength(1);
    const framer = new PacketFramer(packet.length - 1);
    expect(() => framer.push(packet.subarray(0, 3))).toThrow(/MQTT packet of 506 bytes/);
  });

  test('refuses a length of five digits', () => {
    const header = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(() => new PacketFramer(2 ** 30).push(header)).toThrow(/expected/);
    const framer = new PacketFramer(2 ** 30);
    expect(() => {
      for (const byte of header) framer.push(Buffer.from([byte]));
    }).toThrow(/expected/);
  });

  test('refuses a length that is claimed byte by byte too', () => {
    const framer = new PacketFramer(100);
    expect(() => {
      for (const byte of publish(200).subarray(0, 4)) framer.push(Buffer.from([byte]));
    }).toThrow(/expected 100 at most/);
  });

  test('can be told a larger limit while it runs', () => {
    const framer = new PacketFramer(100);
    framer.maxBytes = 1000;
    expect(framer.push(publish(500))).toHaveLength(1);
  });
});
