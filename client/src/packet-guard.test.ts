import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketGuard } from './packet-guard.ts';

function packet(bodyBytes: number): Buffer {
  const length: number[] = [];
  let rest = bodyBytes;
  do {
    length.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)]);
}

test('packets up to the limit pass however they are cut; a longer one does not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(300), { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      (sizes, cut, ends) => {
        const stream = Buffer.concat([...sizes.map(packet), ...(ends ? [packet(301)] : [])]);
        const guard = new PacketGuard(300);
        let isFine = true;
        for (let at = 0; at < stream.length && isFine; at += cut)
          isFine = guard.accepts(stream.subarray(at, at + cut));
        expect(isFine).toBe(!ends);
      },
    ),
  );
});

test('a length of more than four digits is no MQTT', () => {
  expect(new PacketGuard(1_000_000_000).accepts(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0]))).toBe(false);
});
