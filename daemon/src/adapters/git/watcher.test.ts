import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { CommitId, RefWatcher } from '../../ports.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';
import { createRefWatcher, type RefWatcherOptions } from './watcher.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const main = 'refs/heads/main';

interface Following extends Pick<RefWatcher, 'look'> {
  readonly seen: (CommitId | null)[];
  readonly complaints: string[];
  /** Resolves when the newest report is `tip`. */
  until(tip: CommitId | null): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function follow(
  made: TestRepository,
  ref: string,
  options: RefWatcherOptions = {},
): Promise<Following> {
  const repo = await openRepository(made.path);
  const seen: (CommitId | null)[] = [];
  const complaints: string[] = [];
  let wake = () => {};
  const log = (message: string) => {
    complaints.push(message);
    wake();
  };
  const watcher: RefWatcher = createRefWatcher(repo, createRefStore(repo), ref, { log, ...options });
  await watcher.look(); // too early: nothing is lost by it
  await watcher.start((tip) => {
    seen.push(tip);
    wake();
  });
  return {
    seen,
    complaints,
    look: () => watcher.look(),
    async until(tip) {
      while (seen.at(-1) !== tip) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    [Symbol.asyncDispose]: () => watcher.close(),
  };
}

async function history(made: TestRepository, length: number): Promise<readonly string[]> {
  return made.build(
    Array.from({ length }, (_, i) => ({ parents: i === 0 ? [] : [i - 1], set: { n: String(i) } })),
  );
}

/** Events alone must do: the poll is so slow that waiting for it fails the test. */
const eventsOnly = { pollMs: 3_600_000 };

describe.each([
  ['with file events', eventsOnly],
  ['by polling alone', { useEvents: false, pollMs: 10 }],
])('a watcher %s', (_, options) => {
  test('reports the tip at the start and after every move', async () => {
    using made = makeTestRepository();
    const [a = '', b = ''] = await history(made, 2);
    made.git('update-ref', main, a);
    await using following = await follow(made, main, options);
    expect(following.seen).toEqual([a]);
    made.git('update-ref', main, b);
    await following.until(b);
    expect(following.seen).toEqual([a, b]);
  });

  test('reports a branch that appears and one that goes away', async () => {
    using made = makeTestRepository();
    const [a = ''] = await history(made, 1);
    await using following = await follow(made, main, options);
    expect(following.seen).toEqual([null]);
    made.git('update-ref', main, a);
    await following.until(a);
    made.git('update-ref', '-d', main);
    await following.until(null);
    expect(following.seen).toEqual([null, a, null]);
  });

  test('says nothing when refs are packed', async () => {
    using made = makeTestRepository();
    const [a = '', b = ''] = await history(made, 2);
    made.git('update-ref', main, a);
    await using following = await follow(made, main, options);
    made.git('pack-refs', '--all', '--prune');
    made.git('gc', '-q');
    made.git('update-ref', main, b);
    await following.until(b);
    expect(following.seen).toEqual([a, b]);
  });
});

test('the second of two commits a few milliseconds apart is reported', async () => {
  using made = makeTestRepository();
  const ids = await history(made, 61);
  const refs = createRefStore(await openRepository(made.path));
  await refs.compareAndSwap(main, null, ids[0] ?? '');
  await using following = await follow(made, main, eventsOnly);
  for (let i = 0; i + 2 < ids.length; i += 2) {
    await refs.compareAndSwap(main, ids[i] ?? '', ids[i + 1] ?? '');
    await sleep([0, 1, 5, 10, 20, 45][(i / 2) % 6]);
    await refs.compareAndSwap(main, ids[i + 1] ?? '', ids[i + 2] ?? '');
    await following.until(ids[i + 2] ?? '');
  }
});

test('the last of a burst of commits is reported', async () => {
  using made = makeTestRepository();
  const ids = await history(made, 100);
  await using following = await follow(made, main, eventsOnly);
  const commands = ids.map((id) => `update ${main} ${id}\n`);
  for (const command of commands)
    execFileSync('git', ['-C', made.path, 'update-ref', '--stdin'], { input: command });
  await following.until(ids.at(-1) ?? '');
});

test('whoever moved the branch can have it looked at, and then it is reported', async () => {
  using made = makeTestRepository();
  const ids = await history(made, 20);
  await using following = await follow(made, main, { useEvents: false, pollMs: 3_600_000 });
  for (const id of ids) {
    made.git('update-ref', main, id);
    await Promise.all([following.look(), following.look()]);
    expect(following.seen.at(-1)).toBe(id);
  }
  await following.look();
  expect(following.seen).toEqual([null, ...ids]);
});

test('a branch in folders that do not exist yet is followed, also when git removed and made them again', async () => {
  using made = makeTestRepository();
  const ids = await history(made, 6);
  const ref = 'refs/heads/team/robots/main';
  await using following = await follow(made, ref, eventsOnly);
  for (const id of ids) {
    made.git('update-ref', ref, id);
    await following.until(id);
    made.git('pack-refs', '--all', '--prune');
  }
  expect(following.seen).toEqual([null, ...ids]);
});

test('a broken ref is complained about once and does not look like a missing branch', async () => {
  using made = makeTestRepository();
  const [a = '', b = ''] = await history(made, 2);
  made.git('update-ref', main, a);
  await using following = await follow(made, main, { useEvents: false, pollMs: 5 });
  writeFileSync(join(made.path, main), '');
  while (following.complaints.length === 0) await sleep(5);
  writeFileSync(join(made.path, main), `${b}\n`);
  await following.until(b);
  expect(following.seen).toEqual([a, b]);
  expect(following.complaints).toEqual(['cannot read the followed branch']);
});

test('a write in place, as programs without locks make it, never shows as a missing branch', async () => {
  using made = makeTestRepository();
  const [a = '', b = ''] = await history(made, 2);
  made.git('update-ref', main, a);
  await using following = await follow(made, main, eventsOnly);
  for (let i = 0; i < 20; i++) {
    const next = i % 2 === 0 ? b : a;
    writeFileSync(join(made.path, main), '');
    writeFileSync(join(made.path, main), `${next}\n`);
    await following.until(next);
  }
  expect(following.seen).not.toContain(null);
});

test('a closed watcher reports nothing more, and the repository may be gone', async () => {
  using made = makeTestRepository();
  const [a = ''] = await history(made, 1);
  const following = await follow(made, main, { pollMs: 5 });
  await following[Symbol.asyncDispose]();
  await following.look();
  made.git('update-ref', main, a);
  rmSync(join(made.path, 'refs'), { recursive: true });
  mkdirSync(join(made.path, 'refs'));
  await sleep(30);
  expect(following.seen).toEqual([null]);
});
