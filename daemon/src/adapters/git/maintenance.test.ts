/** Tidying up while others read and write: nobody may notice. */
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createLog } from '../../log.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import { createMaintenance, type MaintenanceOptions } from './maintenance.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const main = 'refs/heads/main';
const person = { name: 'Ann', email: 'ann@example.org', time: 1_700_000_000 };

async function scene(made: TestRepository, options: Partial<MaintenanceOptions> = {}) {
  const logged: string[] = [];
  const log = createLog({ stream: { write: (line) => logged.push(line) }, format: 'json', level: 'debug' });
  const repo = await openRepository(made.path);
  const maintenance = createMaintenance(repo, { log, isBusy: () => false, ...options });
  return { logged, repo, maintenance };
}

async function fill(made: TestRepository, commits: number): Promise<readonly string[]> {
  const ids = await made.build(
    Array.from({ length: commits }, (_, i) => ({
      parents: i === 0 ? [] : [i - 1],
      set: { [`services/s${i % 20}/config.json`]: `{"value":${i}}`, 'headwater.json': '{}' },
    })),
  );
  made.git('update-ref', main, ids.at(-1) as string);
  return ids;
}

test('many loose objects are packed, and nothing that a ref names is lost', async () => {
  using made = makeTestRepository();
  const ids = await fill(made, 60);
  const { maintenance, logged } = await scene(made, { looseObjects: 1 });
  expect(await maintenance.runIfNeeded()).toBe(true);
  expect(logged.join('')).toContain('repository tidied up');
  expect(made.git('count-objects', '-v')).toMatch(/packs: 1\n/);
  expect(made.git('rev-list', '--count', main)).toBe('60');
  expect(made.git('rev-parse', main)).toBe(ids.at(-1));
  expect(made.git('fsck', '--full')).toBe('');
});

test('what is tidy, or busy, is left alone', async () => {
  using made = makeTestRepository();
  await fill(made, 5);
  const tidy = await scene(made);
  expect(await tidy.maintenance.runIfNeeded()).toBe(false);
  const busy = await scene(made, { looseObjects: 0, isBusy: () => true });
  expect(await busy.maintenance.runIfNeeded()).toBe(false);
  expect(made.git('count-objects', '-v')).toContain('packs: 0');
});

test('what a broken-off push left is removed once no push can be under way any more', async () => {
  using made = makeTestRepository();
  await fill(made, 1);
  const objects = join(made.path, 'objects');
  for (const name of ['tmp_objdir-incoming-old', 'tmp_objdir-incoming-new'])
    await mkdir(join(objects, name, 'pack'), { recursive: true });
  const longAgo = new Date(Date.now() - 7 * 60 * 60_000);
  await utimes(join(objects, 'tmp_objdir-incoming-old'), longAgo, longAgo);
  await (await scene(made)).maintenance.runIfNeeded();
  expect((await readdir(objects)).filter((name) => name.startsWith('tmp_'))).toEqual([
    'tmp_objdir-incoming-new',
  ]);
});

test.each([
  ['native git', true],
  ['isomorphic-git', false],
])('reads with %s and commits go on while everything is packed again and again', async (_, useNativeGit) => {
  using made = makeTestRepository();
  const commits = [...(await fill(made, 80))];
  const { maintenance } = await scene(made, { looseObjects: 0, packs: 0 });
  const repo = await openRepository(made.path, { useNativeGit });
  const reader = await createObjectReader(repo);
  const refs = createRefStore(repo);
  const writer = createCommitWriter(repo, reader, refs);
  const older = commits.length;
  let isOver = false;
  let reads = 0;

  const tidy = async () => {
    try {
      for (let i = 0; i < 4; i++) {
        expect(await maintenance.runIfNeeded()).toBe(true);
        made.git('pack-refs', '--all');
      }
    } finally {
      isOver = true;
    }
  };
  const read = async () => {
    for (let newest = -1; !isOver; reads++) {
      // A reader of its own now and then: a cache would hide what is on the disk.
      const fresh = reads % 10 === 0 ? await createObjectReader(repo) : reader;
      const { changes } = await fresh.readStep(commits[reads % older] as string);
      for (const { to } of changes) if (to) await fresh.readBlob(to.oid, 1000);
      if (fresh !== reader) await fresh.close();
      const tip = await refs.read(main);
      expect(tip).not.toBeNull();
      // The writer learns of its own commit a moment after the branch has it.
      const at = commits.lastIndexOf(tip as string);
      if (at >= 0) expect(at).toBeGreaterThanOrEqual(newest);
      newest = Math.max(newest, at);
      // Reads of loose objects never wait: without this nobody else would get a turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const write = async () => {
    for (let i = 0; !isOver; i++) {
      const edits = [{ path: 'services/s1/config.json', content: Buffer.from(`{"written":${i % 3}}`) }];
      const expected = commits.at(-1) as string;
      const who = { author: person, committer: person };
      commits.push(await writer.commit({ ref: main, expected, edits, message: `edit ${i}\n`, ...who }));
    }
  };
  await Promise.all([tidy(), read(), write()]);
  expect(reads).toBeGreaterThan(20);
  expect(commits.length).toBeGreaterThan(older);
  expect(made.git('fsck', '--full', '--no-dangling')).toBe('');
  expect(made.git('rev-parse', main)).toBe(commits.at(-1));
  await reader.close();
  await maintenance.close();
});
