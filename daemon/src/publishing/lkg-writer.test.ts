import { afterEach, expect, test, vi } from 'vitest';
import { LkgWriter } from './lkg-writer.ts';
import type { PublishedService } from './plan.ts';

const at = (seq: number): PublishedService => ({
  kind: 'tombstone',
  epoch: { era: 1, seq, commit: 'a'.repeat(40) },
  envelope: new Uint8Array(),
});

/** A disk that says what it was asked to write, and fails as told. */
function disk(isBad: (service: string) => boolean) {
  const written: string[] = [];
  const problems: (string | null)[] = [];
  const writer = new LkgWriter(
    {
      environments: async () => [],
      readAll: async () => new Map(),
      async write(_env, service, { epoch }) {
        await new Promise((resolve) => setImmediate(resolve));
        if (isBad(service)) throw new Error('ENOSPC');
        written.push(`${service}@${epoch.seq}`);
      },
    },
    (error) => problems.push(error === null ? null : (error as Error).message),
  );
  return { writer, written, problems };
}

afterEach(() => {
  vi.useRealTimers();
});

test('of several copies of one service the newest ends on disk, never overtaken by an older one', async () => {
  const { writer, written } = disk(() => false);
  for (let seq = 1; seq <= 5; seq++) {
    writer.enqueue('dev', 'a', at(seq));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writer.flush();
  expect(written.at(-1)).toBe('a@5');
  expect(written).toEqual([...written].sort());
});

test('one file that cannot be written holds back none of the others', async () => {
  const { writer, written, problems } = disk((service) => service === 'bad');
  writer.enqueue('dev', 'bad', at(1));
  for (let i = 0; i < 40; i++) writer.enqueue('dev', `s${i}`, at(1));
  await writer.flush();
  expect(written).toHaveLength(40);
  expect(problems).toEqual(['ENOSPC']);
});

test('a full disk is asked a few times a round, and everything is written once there is room', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let isFull = true;
  let asked = 0;
  const { writer, written, problems } = disk(() => {
    asked += 1;
    return isFull;
  });
  for (let i = 0; i < 500; i++) writer.enqueue('dev', `s${i}`, at(1));
  await vi.waitFor(() => expect(problems).toEqual(['ENOSPC']));
  expect(asked).toBeLessThan(50);
  isFull = false;
  vi.advanceTimersByTime(5_000);
  await vi.waitFor(() => expect(problems).toEqual(['ENOSPC', null]));
  expect(new Set(written).size).toBe(500);
});
