import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { CommitId } from '../../ports.ts';
import { testPerson } from '../../testing/git-history.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import type * as durableFs from './durable-fs.ts';
import { createIsomorphicObjectReader } from './isomorphic-object-reader.ts';
import { createNativeObjectReader } from './native-object-reader.ts';
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

const readers = [
  ['native git', createNativeObjectReader],
  ['isomorphic-git', createIsomorphicObjectReader],
] as const;

async function writerOf(made: TestRepository, createReader: (typeof readers)[number][1]) {
  const repo = await openRepository(made.path);
  const reader = createReader(repo);
  const writer = createCommitWriter(repo, reader, createRefStore(repo));
  return {
    reader,
    commit: (expected: CommitId | null, count: number, value: number) =>
      writer.commit({
        ...{ ref: 'refs/heads/main', expected, message: 'm', author: testPerson, committer: testPerson },
        edits: Array.from({ length: count }, (_, i) => ({
          path: `services/s${i}/config.json`,
          content: Buffer.from(`{"value":${i + value},"text":"${'x'.repeat(i % 700)}"}\n`),
        })),
      }),
    [Symbol.asyncDispose]: () => reader.close(),
  };
}

const packs = (made: TestRepository) =>
  readdirSync(join(made.path, 'objects/pack')).filter((name) => /\.(pack|idx)$/.test(name));

describe.each(readers)('a commit of thousands of files, read by %s', (_, createReader) => {
  test('is one pack that git finds whole, and lets others run meanwhile', async () => {
    using made = makeTestRepository();
    await using writer = await writerOf(made, createReader);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const first = await writer.commit(null, 1200, 0);
    const second = await writer.commit(first, 1200, 1);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(20);
    expect(packs(made)).toHaveLength(4);
    expect((await writer.reader.readStep(second)).changes).toHaveLength(1200);
    const found = await writer.reader.findFiles(second, ['services/s1199/config.json']);
    const blob = await writer.reader.readBlob(found.get('services/s1199/config.json')?.oid ?? '', 1000);
    expect(Buffer.from(blob).toString()).toMatch(/^\{"value":1200,"text":"x+"\}\n$/);
    expect(made.git('diff-tree', '-r', '--name-only', first, second).split('\n')).toHaveLength(1200);
    expect(made.git('fsck', '--strict', '--full')).toBe('');
    made.git('gc', '-q', '--prune=now');
    expect((await writer.reader.readStep(second)).changes).toHaveLength(1200);
    expect(readdirSync(join(made.path, 'headwater-tmp'))).toEqual([]);
  });
});

test('a commit of a hundred files opens few of them at once', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made, createNativeObjectReader);
  await writer.commit(null, 100, 0);
  expect(open.most).toBeGreaterThan(1);
  expect(open.most).toBeLessThanOrEqual(64);
  expect(packs(made)).toEqual([]);
  expect(made.git('fsck', '--strict')).toBe('');
});

test('a pack of a SHA-256 repository is whole, too', async () => {
  using made = makeTestRepository({ objectFormat: 'sha256' });
  await using writer = await writerOf(made, createNativeObjectReader);
  await writer.commit(null, 300, 0);
  expect(packs(made)).toHaveLength(2);
  expect(made.git('fsck', '--strict', '--full')).toBe('');
});
