/** A repository that is damaged, cut short, or repacked while it is read. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { looseFile, storeObject } from '../../testing/raw-objects.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const run = promisify(execFile);

describe.each([
  ['native git', true],
  ['isomorphic-git', false],
])('with %s', (_, useNativeGit) => {
  const open = async (made: TestRepository) => {
    const reader = await createObjectReader(await openRepository(made.path, { useNativeGit }));
    return Object.assign(reader, { [Symbol.asyncDispose]: () => reader.close() });
  };

  test('a truncated, emptied, changed or exchanged object is never served', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const whole = storeObject(made, 'blob', Buffer.from('the content that was meant'));
    const file = readFileSync(looseFile(made, whole));
    const other = readFileSync(
      looseFile(made, storeObject(made, 'blob', Buffer.from('another content altogether'))),
    );
    for (const bytes of [file.subarray(0, 5), Buffer.alloc(0), other]) {
      writeFileSync(looseFile(made, whole), bytes);
      await expect(reader.readBlob(whole, 1000)).rejects.toMatchObject({ code: 'HW_OBJECT_CORRUPT' });
    }
    // Some bits of a compressed file carry nothing; then the content is the right one.
    const fine = ['the content that was meant', 'HW_OBJECT_CORRUPT', 'HW_FILE_TOO_LARGE'];
    for (const bytes of flips(file)) {
      writeFileSync(looseFile(made, whole), bytes);
      expect(fine).toContain(await contentOrCode(reader.readBlob(whole, 1000)));
    }
    writeFileSync(looseFile(made, whole), file);
    expect(Buffer.from(await reader.readBlob(whole, 1000)).toString()).toBe('the content that was meant');
  });

  test('a damaged pack is never served and does not stop other reads', async () => {
    using made = makeTestRepository();
    const [first = ''] = await made.build([{ parents: [], set: { a: 'the content '.repeat(20) } }]);
    const oid = made.git('rev-parse', `${first}:a`);
    made.git('repack', '-a', '-d', '-q');
    const packDir = join(made.path, 'objects/pack');
    const pack = join(packDir, readdirSync(packDir).find((name) => name.endsWith('.pack')) ?? '');
    const bytes = readFileSync(pack);
    chmodSync(pack, 0o644);
    const later = storeObject(made, 'blob', Buffer.from('x'));
    for (let at = 12; at < bytes.length - 20; at += 7) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(pack, damaged);
      await using reader = await open(made);
      const read = await contentOrCode(reader.readBlob(oid, 10_000));
      expect([
        'HW_OBJECT_CORRUPT',
        'HW_OBJECT_MISSING',
        'HW_FILE_TOO_LARGE',
        'the content '.repeat(20),
      ]).toContain(read);
      expect(await reader.readBlob(later, 10)).toHaveLength(1);
    }
  });

  test('objects stay readable while git packs them again and again', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const ids = await made.build(
      Array.from({ length: 20 }, (_, i) => ({
        parents: i === 0 ? [] : [i - 1],
        set: { [`f${i}`]: `content ${i}` },
      })),
    );
    made.git('update-ref', 'refs/heads/main', ids.at(-1) ?? '');
    const wanted = await reader.listFiles(ids.at(-1) ?? '');
    let packing = true;
    const packer = (async () => {
      for (let i = 0; i < 6; i++) {
        storeObject(made, 'blob', Buffer.from(`more ${i}`));
        await run('git', ['-C', made.path, 'repack', '-a', '-d', '-q', ...(i % 2 === 0 ? ['-f'] : [])]);
      }
      packing = false;
    })();
    while (packing) {
      for (const { oid, path } of wanted) {
        expect(Buffer.from(await reader.readBlob(oid, 100)).toString()).toBe(`content ${path.slice(1)}`);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await packer;
  });

  test('a shallow clone says where its history ends', async () => {
    using made = makeTestRepository();
    const ids = await made.build(
      [0, 1, 2, 3].map((i) => ({ parents: i === 0 ? [] : [i - 1], set: { n: String(i) } })),
    );
    made.git('update-ref', 'refs/heads/main', ids[3] ?? '');
    const path = join(made.folder, 'shallow');
    execFileSync('git', ['clone', '-q', '--bare', '--depth', '2', `file://${made.path}`, path]);
    const reader = await createObjectReader(await openRepository(path, { useNativeGit }));
    const collect = async (items: AsyncIterable<unknown>) => {
      let count = 0;
      for await (const _item of items) count++;
      return count;
    };
    const shallow = { code: 'HW_REPO_SHALLOW', hint: expect.stringContaining('unshallow') };
    await expect(collect(reader.ancestry(ids[3] ?? '', []))).rejects.toMatchObject(shallow);
    await expect(collect(reader.firstParentLog(ids[3] ?? ''))).rejects.toMatchObject(shallow);
    await expect(reader.readStep(ids[2] ?? '')).rejects.toMatchObject(shallow);
    expect(await collect(reader.ancestry(ids[3] ?? '', [ids[2] ?? '']))).toBe(1);
    expect((await reader.readStep(ids[3] ?? '')).changes).toHaveLength(1);
    await reader.close();
  });
});

test('saving the same content again replaces a truncated object', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const writer = createCommitWriter(repo, reader, createRefStore(repo));
  const request = {
    message: 'm',
    author: testPerson,
    committer: testPerson,
    edits: [{ path: 'a', content: Buffer.from('{"x":1}') }],
  };
  const first = await writer.commit({ ...request, ref: 'refs/heads/main', expected: null });
  const oid = made.git('rev-parse', `${first}:a`);
  chmodSync(looseFile(made, oid), 0o644);
  truncateSync(looseFile(made, oid), 5);
  await expect(reader.readBlob(oid, 100)).rejects.toMatchObject({ code: 'HW_OBJECT_CORRUPT' });
  await writer.commit({ ...request, ref: 'refs/heads/main', expected: first });
  expect(Buffer.from(await reader.readBlob(oid, 100)).toString()).toBe('{"x":1}');
  expect(made.git('fsck', '--strict')).toBe('');
  await reader.close();
});

test('a git child that is killed is started again and no read is lost', async () => {
  using made = makeTestRepository();
  const [first = ''] = await made.build([
    { parents: [], set: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, `${i}`])) },
  ]);
  made.git('update-ref', 'refs/heads/main', first);
  made.git('repack', '-a', '-d', '-q');
  const reader = await createObjectReader(await openRepository(made.path));
  const files = await reader.listFiles(first);
  await reader.readBlob(files[0]?.oid ?? '', 10);
  for (let round = 0; round < 3; round++) {
    const reads = files.map((file) => reader.readBlob(file.oid, 10));
    for (const pid of gitChildren()) process.kill(pid, 'SIGKILL');
    expect((await Promise.all(reads)).map((content) => Buffer.from(content).toString())).toEqual(
      files.map((file) => file.path.slice(1)),
    );
  }
  await reader.close();
  expect(gitChildren()).toEqual([]);
  await expect(reader.readBlob(files[0]?.oid ?? '', 10)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
});

function contentOrCode(read: Promise<Uint8Array>): Promise<string> {
  return read.then(
    (content) => Buffer.from(content).toString(),
    (error) => error.code,
  );
}

/** Running children of this process that are git. */
function gitChildren(): number[] {
  const tasks = readdirSync('/proc/self/task');
  const pids = tasks.flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return pids.filter(
    (pid) =>
      readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('git') &&
      !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '),
  );
}

/** Every bit of the bytes turned, one at a time (every fifth, to be quick). */
function flips(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.floor((bytes.length * 8) / 5) }, (_, i) => {
    const copy = Buffer.from(bytes);
    const bit = i * 5;
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  });
}
