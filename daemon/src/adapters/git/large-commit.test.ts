import { expect, test, vi } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import type * as durableFs from './durable-fs.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

vi.setConfig({ testTimeout: 120_000 });

const open = vi.hoisted(() => ({ now: 0, most: 0 }));
vi.mock('./durable-fs.ts', async (original) => {
  const real = await original<typeof durableFs>();
  return {
    ...real,
    async stageFile(...args: Parameters<typeof real.stageFile>) {
      open.most = Math.max(open.most, ++open.now);
      try {
        return await real.stageFile(...args);
      } finally {
        open.now--;
      }
    },
  };
});

test('a commit of thousands of files opens few of them at once, and lets others run meanwhile', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const writer = createCommitWriter(repo, reader, createRefStore(repo));
  const people = { author: testPerson, committer: testPerson };
  const edits = (value: number) =>
    Array.from({ length: 3000 }, (_, i) => ({
      path: `services/s${i}/config.json`,
      content: Buffer.from(`{"value":${i + value}}\n`),
    }));
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  const first = await writer.commit({
    ref: 'refs/heads/main',
    expected: null,
    edits: edits(0),
    message: 'a',
    ...people,
  });
  const second = await writer.commit({
    ref: 'refs/heads/main',
    expected: first,
    edits: edits(1),
    message: 'b',
    ...people,
  });
  clearInterval(ticking);
  await reader.close();
  expect(open.most).toBeLessThanOrEqual(64);
  expect(turns).toBeGreaterThan(100);
  expect(made.git('show', `${second}:services/s2999/config.json`)).toBe('{"value":3000}');
  expect(made.git('diff-tree', '-r', '--name-only', first, second).split('\n')).toHaveLength(3000);
  expect(made.git('fsck', '--strict')).toBe('');
});
