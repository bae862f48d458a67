/** What a hostile or damaged repository can hold, read with and without native git. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

/** Puts an object into the repository as it stands, past every check of git. */
function store(made: TestRepository, kind: string, content: Buffer): string {
  const whole = Buffer.concat([Buffer.from(`${kind} ${content.length}\0`), content]);
  const oid = createHash('sha1').update(whole).digest('hex');
  const path = looseFile(made, oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, deflateSync(whole));
  return oid;
}

const looseFile = (made: TestRepository, oid: string) =>
  join(made.path, 'objects', oid.slice(0, 2), oid.slice(2));

function tree(
  made: TestRepository,
  entries: readonly (readonly [mode: string, name: string, oid: string])[],
): string {
  const parts = entries.flatMap(([mode, name, oid]) => [
    Buffer.from(`${mode} ${name}\0`, 'latin1'),
    Buffer.from(oid, 'hex'),
  ]);
  return store(made, 'tree', Buffer.concat(parts));
}

function commit(made: TestRepository, treeId: string, parents: readonly string[] = []): string {
  const lines = [`tree ${treeId}`, ...parents.map((parent) => `parent ${parent}`)];
  return store(
    made,
    'commit',
    Buffer.from(`${lines.join('\n')}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n`),
  );
}

describe.each([
  ['native git', true],
  ['isomorphic-git', false],
])('with %s', (_, useNativeGit) => {
  const open = async (made: TestRepository) => {
    const reader = await createObjectReader(await openRepository(made.path, { useNativeGit }));
    return Object.assign(reader, { [Symbol.asyncDispose]: () => reader.close() });
  };

  test('any name is data', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = store(made, 'blob', Buffer.from('x'));
    const names = [
      '.git',
      '..',
      '__proto__',
      'back\\slash',
      'caf\xe9',
      'constructor',
      'git~1',
      'new\nline',
      '\xff\xfe',
    ];
    const first = commit(made, tree(made, [['100644', 'a', blob]]));
    const odd = tree(
      made,
      names.map((name) => ['100644', name, blob] as const),
    );
    const second = commit(
      made,
      tree(made, [
        ['100644', 'a', blob],
        ['40000', 'services', odd],
      ]),
      [first],
    );
    const shown = [
      '.git',
      '..',
      '__proto__',
      'back\\slash',
      'caf\ufffd',
      'constructor',
      'git~1',
      'new\nline',
      '\ufffd\ufffd',
    ];
    const expected = shown.map((name) => `services/${name}`);
    expect((await reader.listFiles(second)).map((file) => file.path)).toEqual(['a', ...expected]);
    const step = await reader.readStep(second);
    expect(step.changes.map((change) => change.path)).toEqual([...expected].sort());
    const logged = [];
    for await (const one of reader.firstParentLog(second)) logged.push(one);
    expect(logged[0]).toEqual(step);
    expect(({} as Record<string, unknown>).services).toBeUndefined();
  });

  test('an unsorted tree, one with a name twice and old modes do not confuse a comparison', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const [x, y] = ['x', 'y'].map((text) => store(made, 'blob', Buffer.from(text))) as [string, string];
    const first = commit(
      made,
      tree(made, [
        ['100644', 'b', x],
        ['100644', 'a', x],
        ['100644', 'c', x],
        ['100664', 'm', x],
      ]),
    );
    const second = commit(
      made,
      tree(made, [
        ['100644', 'a', x],
        ['100644', 'b', y],
        ['100644', 'c', x],
        ['100644', 'm', x],
      ]),
      [first],
    );
    expect((await reader.readStep(second)).changes).toEqual([
      { path: 'b', from: { mode: '100644', oid: x }, to: { mode: '100644', oid: y } },
    ]);
    const twice = commit(
      made,
      tree(made, [
        ['100644', 'a', x],
        ['100644', 'a', y],
      ]),
    );
    expect((await reader.listFiles(twice)).map((file) => file.path)).toEqual(['a', 'a']);
    expect((await reader.readStep(twice)).changes).toHaveLength(2);
  });

  test('a file that became a folder of the same name, with a neighbour sorted between the two', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = store(made, 'blob', Buffer.from('x'));
    const first = commit(
      made,
      tree(made, [
        ['100644', 'a', blob],
        ['100644', 'a.txt', blob],
      ]),
    );
    const below = tree(made, [['100644', 'b', blob]]);
    const second = commit(
      made,
      tree(made, [
        ['100644', 'a.txt', blob],
        ['40000', 'a', below],
      ]),
      [first],
    );
    const changes = (await reader.readStep(second)).changes;
    expect(changes.map((change) => [change.path, change.to === null])).toEqual([
      ['a', true],
      ['a/b', false],
    ]);
  });

  test('a small file that unpacks to a huge one is refused without unpacking it', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const bomb = store(made, 'blob', Buffer.alloc(30 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    await expect(reader.readBlob(bomb, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    const noise = store(made, 'blob', randomBytes(600 * 1024));
    await expect(reader.readBlob(noise, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    expect(await reader.readBlob(noise, 600 * 1024)).toHaveLength(600 * 1024);
    made.git('update-ref', 'refs/keep/bomb', commit(made, tree(made, [['100644', 'bomb', bomb]])));
    made.git('repack', '-a', '-d', '-q');
    await expect(reader.readBlob(bomb, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
  });

  test('a tree that holds itself many times over is refused', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = store(made, 'blob', Buffer.from('x'));
    let layer = tree(
      made,
      Array.from({ length: 20 }, (_, i) => ['100644', `f${i}`.padEnd(4, '_'), blob] as const),
    );
    for (let depth = 0; depth < 6; depth++) {
      layer = tree(
        made,
        Array.from({ length: 20 }, (_, i) => ['40000', `d${i}`.padEnd(4, '_'), layer] as const),
      );
    }
    await expect(reader.listFiles(commit(made, layer))).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    await expect(reader.readStep(commit(made, layer))).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
  }, 20_000);

  test('an object of another kind, or one whose fields make no sense, is damage', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = store(made, 'blob', Buffer.from('x'));
    const corrupt = { code: 'HW_OBJECT_CORRUPT' };
    await expect(reader.readCommit(blob)).rejects.toMatchObject(corrupt);
    await expect(reader.readBlob(commit(made, tree(made, [])), 1000)).rejects.toMatchObject(corrupt);
    await expect(reader.readStep(commit(made, blob))).rejects.toMatchObject(corrupt);
    await expect(
      reader.readCommit(store(made, 'commit', Buffer.from('author nobody'))),
    ).rejects.toMatchObject(corrupt);
    await expect(
      reader.readCommit(store(made, 'commit', Buffer.from('tree --help\n\n'))),
    ).rejects.toMatchObject(corrupt);
    const cut = store(made, 'tree', Buffer.from('100644 a\0short'));
    await expect(reader.readStep(commit(made, cut))).rejects.toMatchObject(corrupt);
    await expect(reader.listFiles(commit(made, cut))).rejects.toMatchObject(corrupt);
  });

  test('a truncated, emptied, changed or exchanged object is never served', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const whole = store(made, 'blob', Buffer.from('the content that was meant'));
    const file = readFileSync(looseFile(made, whole));
    const other = readFileSync(
      looseFile(made, store(made, 'blob', Buffer.from('another content altogether'))),
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
    const later = store(made, 'blob', Buffer.from('x'));
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
  }, 20_000);

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
        store(made, 'blob', Buffer.from(`more ${i}`));
        await new Promise<void>((resolve, reject) => {
          const args = ['-C', made.path, 'repack', '-a', '-d', '-q', ...(i % 2 === 0 ? ['-f'] : [])];
          import('node:child_process').then(({ execFile }) =>
            execFile('git', args, (error) => (error ? reject(error) : resolve())),
          );
        });
      }
      packing = false;
    })();
    while (packing) {
      for (const { oid, path } of wanted) {
        expect(Buffer.from(await reader.readBlob(oid, 100)).toString()).toBe(`content ${path.slice(1)}`);
      }
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
