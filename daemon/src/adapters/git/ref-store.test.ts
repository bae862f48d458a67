import { execFile } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { refStoreContract } from '../../testing/ref-store.contract.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { openRepository } from './open-repository.ts';
import { ownerTag } from './owner-tag.ts';
import { clearStaleLocks, createRefStore } from './ref-store.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

refStoreContract('files', async () => {
  const made = makeTestRepository();
  return {
    refs: createRefStore(await openRepository(made.path)),
    build: made.build,
    close: async () => made[Symbol.dispose](),
  };
});

const main = 'refs/heads/main';
const run = promisify(execFile);

async function history(made: TestRepository, length: number): Promise<readonly string[]> {
  return made.build(
    Array.from({ length }, (_, i) => ({ parents: i === 0 ? [] : [i - 1], set: { n: String(i) } })),
  );
}

test('git sees what was swapped, and what git moved is read', async () => {
  using made = makeTestRepository();
  const [a = '', b = ''] = await history(made, 2);
  const refs = createRefStore(await openRepository(made.path));
  await refs.compareAndSwap(main, null, a);
  expect(made.git('rev-parse', main)).toBe(a);
  made.git('update-ref', main, b, a);
  expect(await refs.read(main)).toBe(b);
  expect(made.git('fsck', '--strict')).toBe('');
});

test('a packed branch is read, swapped and created like any other', async () => {
  using made = makeTestRepository();
  const [a = '', b = ''] = await history(made, 2);
  const refs = createRefStore(await openRepository(made.path));
  made.git('update-ref', 'refs/heads/team/x', a);
  made.git('pack-refs', '--all', '--prune');
  expect(existsSync(join(made.path, 'refs/heads/team'))).toBe(false);
  expect(await refs.read('refs/heads/team/x')).toBe(a);
  await refs.compareAndSwap('refs/heads/team/x', a, b);
  expect(made.git('rev-parse', 'refs/heads/team/x')).toBe(b);
  made.git('pack-refs', '--all', '--prune');
  await expect(refs.compareAndSwap('refs/heads/team', null, a)).rejects.toMatchObject({
    code: 'HW_NAME_INVALID',
  });
  made.git('update-ref', '-d', 'refs/heads/team/x');
  mkdirSync(join(made.path, 'refs/heads/team/left/over'), { recursive: true });
  await refs.compareAndSwap('refs/heads/team', null, a);
  expect(made.git('rev-parse', 'refs/heads/team')).toBe(a);
});

test('three writers, git among them, lose no commit', async () => {
  using made = makeTestRepository({ bare: false });
  const rounds = 15;
  made.git('commit', '-q', '--allow-empty', '-m', 'start');
  const repo = await openRepository(made.path);
  const ours = async (name: string) => {
    const refs = createRefStore(repo);
    for (let done = 0; done < rounds; ) {
      const tip = (await refs.read(main)) ?? '';
      const args = [
        '-C',
        made.path,
        '-c',
        'user.name=t',
        '-c',
        'user.email=t@e',
        'commit-tree',
        '-p',
        tip,
        '-m',
        `${name} ${done}`,
      ];
      const { stdout } = await run('git', [...args, `${tip}^{tree}`]);
      try {
        await refs.compareAndSwap(main, tip, stdout.trim());
        done++;
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/HW_REF_(MOVED|LOCKED)/) });
      }
    }
  };
  const git = async () => {
    for (let done = 0; done < rounds; ) {
      const args = [
        '-C',
        made.path,
        '-c',
        'user.name=t',
        '-c',
        'user.email=t@e',
        'commit',
        '-q',
        '--allow-empty',
        '-m',
        `git ${done}`,
      ];
      // git does not wait for a lock or for a moved tip: it says so, and its user tries again.
      done += await run('git', args).then(
        () => 1,
        () => 0,
      );
    }
  };
  await Promise.all([ours('one'), ours('two'), git()]);
  expect(made.git('log', '--format=%s', main).split('\n')).toHaveLength(3 * rounds + 1);
  expect(readdirSync(join(repo.gitDir, 'headwater-locks'))).toEqual([]);
});

test('while git packs refs and moves the branch, no older commit is ever read', async () => {
  using made = makeTestRepository();
  const ids = await history(made, 40);
  const refs = createRefStore(await openRepository(made.path));
  made.git('update-ref', main, ids[0] ?? '');
  let finished = false;
  const writer = (async () => {
    for (const [i, id] of ids.entries()) {
      await run('git', ['-C', made.path, 'update-ref', main, id]);
      if (i % 2 === 0) await run('git', ['-C', made.path, 'pack-refs', '--all', '--prune']);
    }
    finished = true;
  })();
  let highest = 0;
  while (!finished) {
    for (let i = 0; i < 20; i++) {
      const at = ids.indexOf((await refs.read(main)) ?? 'missing');
      expect(at).toBeGreaterThanOrEqual(highest);
      highest = at;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writer;
  expect(await refs.read(main)).toBe(ids.at(-1));
});

describe('a broken ref', () => {
  test.each([
    ['an empty file', ''],
    ['half an id', 'abcdef0123'],
    ['text', 'root:x:0:0:secret line'],
    ['a name outside the repository', 'ref: ../../../etc/passwd'],
  ])('%s is an error that says what to do and shows nothing of the file', async (_, content) => {
    using made = makeTestRepository();
    const [a = ''] = await history(made, 1);
    const refs = createRefStore(await openRepository(made.path));
    writeFileSync(join(made.path, main), content);
    for (const attempt of [refs.read(main), refs.compareAndSwap(main, null, a), refs.read('HEAD')]) {
      const error: Error = await attempt.then(
        () => new Error('no error'),
        (thrown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'HW_OBJECT_CORRUPT',
        hint: expect.stringContaining('git update-ref'),
      });
      expect(error.message).not.toContain('secret line');
    }
    expect(readFileSync(join(made.path, main), 'utf8')).toBe(content);
  });

  test('names that lead in a circle are an error', async () => {
    using made = makeTestRepository();
    const refs = createRefStore(await openRepository(made.path));
    writeFileSync(join(made.path, 'refs/heads/a'), 'ref: refs/heads/b\n');
    writeFileSync(join(made.path, 'refs/heads/b'), 'ref: refs/heads/a\n');
    await expect(refs.read('refs/heads/a')).rejects.toMatchObject({ code: 'HW_OBJECT_CORRUPT' });
  });

  test('a detached HEAD names no branch', async () => {
    using made = makeTestRepository();
    const [a = ''] = await history(made, 1);
    writeFileSync(join(made.path, 'HEAD'), `${a}\n`);
    const refs = createRefStore(await openRepository(made.path));
    expect(await refs.head()).toBeNull();
    expect(await refs.read('HEAD')).toBe(a);
  });
});

describe('a lock', () => {
  const lock = (made: TestRepository) => join(made.path, `${main}.lock`);
  const records = (made: TestRepository) => join(made.path, 'headwater-locks');

  /** What a writer of this program leaves when it is killed while it holds the lock. */
  function leaveLock(made: TestRepository, owner: string): void {
    mkdirSync(records(made), { recursive: true });
    const record = join(records(made), `${owner}~00000000~${Buffer.from(main).toString('base64url')}`);
    writeFileSync(record, 'x');
    linkSync(record, lock(made));
  }
  const deadOwner = () => ownerTag().replace(/\.\d+$/, '.1');

  test('held by another program is waited for and then reported', async () => {
    using made = makeTestRepository();
    const [a = '', b = ''] = await history(made, 2);
    made.git('update-ref', main, a);
    const refs = createRefStore(await openRepository(made.path));
    writeFileSync(lock(made), '');
    await expect(refs.compareAndSwap(main, a, b)).rejects.toMatchObject({ code: 'HW_REF_LOCKED' });
    expect(existsSync(lock(made))).toBe(true);
    const swap = refs.compareAndSwap(main, a, b);
    setTimeout(() => rmSync(lock(made)), 20);
    await swap;
    expect(await refs.read(main)).toBe(b);
  });

  test('under which the branch moved loses, and what the other wrote stays', async () => {
    using made = makeTestRepository();
    const [a = '', b = '', c = ''] = await history(made, 3);
    made.git('update-ref', main, a);
    const refs = createRefStore(await openRepository(made.path));
    writeFileSync(lock(made), `${b}\n`);
    const swap = refs.compareAndSwap(main, a, c);
    setTimeout(() => renameSync(lock(made), join(made.path, main)), 20);
    await expect(swap).rejects.toMatchObject({ code: 'HW_REF_MOVED', details: { actual: b } });
    expect(await refs.read(main)).toBe(b);
    expect(existsSync(lock(made))).toBe(false);
  });

  test('of our own, left by a crash, is removed at start', async () => {
    using made = makeTestRepository();
    const [a = ''] = await history(made, 1);
    const repo = await openRepository(made.path);
    leaveLock(made, deadOwner());
    expect(await clearStaleLocks(repo)).toEqual([main]);
    expect(readdirSync(records(made))).toEqual([]);
    await createRefStore(repo).compareAndSwap(main, null, a);
  });

  test('of a process that still runs, or of git, is left alone', async () => {
    using made = makeTestRepository();
    const repo = await openRepository(made.path);
    leaveLock(made, ownerTag());
    expect(await clearStaleLocks(repo)).toEqual([]);
    rmSync(lock(made));
    rmSync(records(made), { recursive: true });
    // Our record of a dead process, but the lock beside it is not that file: git took it since.
    leaveLock(made, deadOwner());
    rmSync(lock(made));
    writeFileSync(lock(made), '');
    expect(await clearStaleLocks(repo)).toEqual([]);
    expect(existsSync(lock(made))).toBe(true);
  });
});
