/** What a hostile repository can hold, read with and without native git. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { storeCommit, storeObject, storeTree } from '../../testing/raw-objects.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

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
    const blob = storeObject(made, 'blob', Buffer.from('x'));
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
    const first = storeCommit(made, storeTree(made, [['100644', 'a', blob]]));
    const odd = storeTree(
      made,
      names.map((name) => ['100644', name, blob] as const),
    );
    const second = storeCommit(
      made,
      storeTree(made, [
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
    const [x, y] = ['x', 'y'].map((text) => storeObject(made, 'blob', Buffer.from(text))) as [string, string];
    const first = storeCommit(
      made,
      storeTree(made, [
        ['100644', 'b', x],
        ['100644', 'a', x],
        ['100644', 'c', x],
        ['100664', 'm', x],
      ]),
    );
    const second = storeCommit(
      made,
      storeTree(made, [
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
    const twice = storeCommit(
      made,
      storeTree(made, [
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
    const blob = storeObject(made, 'blob', Buffer.from('x'));
    const first = storeCommit(
      made,
      storeTree(made, [
        ['100644', 'a', blob],
        ['100644', 'a.txt', blob],
      ]),
    );
    const below = storeTree(made, [['100644', 'b', blob]]);
    const second = storeCommit(
      made,
      storeTree(made, [
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
    const bomb = storeObject(made, 'blob', Buffer.alloc(30 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    await expect(reader.readBlob(bomb, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    const noise = storeObject(made, 'blob', randomBytes(600 * 1024));
    await expect(reader.readBlob(noise, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    expect(await reader.readBlob(noise, 600 * 1024)).toHaveLength(600 * 1024);
    made.git('update-ref', 'refs/keep/bomb', storeCommit(made, storeTree(made, [['100644', 'bomb', bomb]])));
    made.git('repack', '-a', '-d', '-q');
    await expect(reader.readBlob(bomb, 512 * 1024)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
  });

  test('a tree that holds itself many times over is refused', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = storeObject(made, 'blob', Buffer.from('x'));
    let layer = storeTree(
      made,
      Array.from({ length: 20 }, (_, i) => ['100644', `f${i}`.padEnd(4, '_'), blob] as const),
    );
    for (let depth = 0; depth < 6; depth++) {
      layer = storeTree(
        made,
        Array.from({ length: 20 }, (_, i) => ['40000', `d${i}`.padEnd(4, '_'), layer] as const),
      );
    }
    await expect(reader.listFiles(storeCommit(made, layer))).rejects.toMatchObject({
      code: 'HW_FILE_TOO_LARGE',
    });
    await expect(reader.readStep(storeCommit(made, layer))).rejects.toMatchObject({
      code: 'HW_FILE_TOO_LARGE',
    });
  });

  test('an object of another kind, or one whose fields make no sense, is damage', async () => {
    using made = makeTestRepository();
    await using reader = await open(made);
    const blob = storeObject(made, 'blob', Buffer.from('x'));
    const corrupt = { code: 'HW_OBJECT_CORRUPT' };
    await expect(reader.readCommit(blob)).rejects.toMatchObject(corrupt);
    await expect(reader.readBlob(storeCommit(made, storeTree(made, [])), 1000)).rejects.toMatchObject(
      corrupt,
    );
    await expect(reader.readStep(storeCommit(made, blob))).rejects.toMatchObject(corrupt);
    await expect(
      reader.readCommit(storeObject(made, 'commit', Buffer.from('author nobody'))),
    ).rejects.toMatchObject(corrupt);
    await expect(
      reader.readCommit(storeObject(made, 'commit', Buffer.from('tree --help\n\n'))),
    ).rejects.toMatchObject(corrupt);
    const cut = storeObject(made, 'tree', Buffer.from('100644 a\0short'));
    await expect(reader.readStep(storeCommit(made, cut))).rejects.toMatchObject(corrupt);
    await expect(reader.listFiles(storeCommit(made, cut))).rejects.toMatchObject(corrupt);
  });
});
