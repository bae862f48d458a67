import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCommit } from '../adapters/git/git-objects.ts';
import type { CommitId, ObjectReader, TreeChange } from '../ports.ts';
import { type BuildHistory, testPerson } from './git-history.ts';

export interface ObjectReaderHarness {
  readonly reader: ObjectReader;
  readonly build: BuildHistory;
  close(): Promise<void>;
}

/** What every object reader does; `open` gives a reader of an empty repository and a way to put commits into it. */
export function objectReaderContract(name: string, open: () => Promise<ObjectReaderHarness>): void {
  describe(`object reader: ${name}`, () => {
    let harness: ObjectReaderHarness;
    let reader: ObjectReader;
    let ids: readonly CommitId[];
    const id = (index: number) => ids[index] ?? 'none';

    //  0 - 1 - 2 - 3 - 6(2,4,5) - 7 - 8 - 9       10 is a root of its own, 11 merges it into 9
    //       \ 4 - 5 /
    beforeAll(async () => {
      harness = await open();
      reader = harness.reader;
      ids = await harness.build([
        {
          parents: [],
          set: {
            'headwater.json': '{}',
            'services/a/config.json': '{"x":1}',
            'services/b/config.json': '{}',
          },
        },
        {
          parents: [0],
          set: { 'services/a/config.json': '{"x":2}' },
          message: 'Raise x\n\nWhy: ünïcode\n\nHeadwater-Request-Id: r1\n',
        },
        { parents: [1], remove: ['services/b/config.json'], set: { 'services/c/config.json': '{}' } },
        { parents: [2], set: { 'run.sh': { mode: '100755', content: '#!/bin/sh\n' } } },
        { parents: [1], set: { 'services/d/config.json': '{"d":1}' } },
        { parents: [4], set: { 'services/d/config.json': '{"d":2}' } },
        { parents: [3, 4, 5], set: { 'services/d/config.json': '{"d":2}' } },
        { parents: [6], remove: ['services/d/config.json'], set: { 'services/d': 'now a file' } },
        { parents: [7] },
        {
          parents: [8],
          set: {
            link: { mode: '120000', content: '/etc/passwd' },
            module: { mode: '160000', content: '1'.repeat(40) },
            __proto__x: 'x',
            'services/ä b/config.json': '{}',
          },
        },
        { parents: [], set: { other: 'root' } },
        { parents: [9, 10], set: { other: 'root' } },
      ]);
    });
    afterAll(() => harness.close());

    const paths = (changes: readonly TreeChange[]) =>
      changes.map(({ path, from, to }) => `${from === null ? '+' : to === null ? '-' : '~'} ${path}`);
    const collect = async <T>(items: AsyncIterable<T>) => {
      const all: T[] = [];
      for await (const item of items) all.push(item);
      return all;
    };

    test('a commit has its parents, people and whole message', async () => {
      const commit = await reader.readCommit(id(1));
      expect(commit).toMatchObject({ id: id(1), parents: [id(0)] });
      expect(commit.message).toBe('Raise x\n\nWhy: ünïcode\n\nHeadwater-Request-Id: r1\n');
      expect(commit.author).toEqual({ ...testPerson, time: testPerson.time + 1 });
      expect(commit.committer.email).toBe(testPerson.email);
    });

    test('an unknown commit is missing, whatever its id looks like', async () => {
      for (const bad of ['0'.repeat(40), 'HEAD', '--all', `${id(0)}\n${id(1)}`, '', id(0).slice(0, 12)]) {
        await expect(reader.readCommit(bad)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(reader.readRawCommit(bad)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(reader.readStep(bad)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(reader.readBlob(bad, 100)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(reader.listFiles(bad)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(collect(reader.ancestry(bad, []))).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
        await expect(collect(reader.firstParentLog(bad))).rejects.toMatchObject({
          code: 'HW_OBJECT_MISSING',
        });
      }
    });

    test('the first commit adds every file', async () => {
      const { commit, changes } = await reader.readStep(id(0));
      expect(commit.parents).toEqual([]);
      expect(paths(changes)).toEqual([
        '+ headwater.json',
        '+ services/a/config.json',
        '+ services/b/config.json',
      ]);
    });

    test('a step names what changed with the content on both sides', async () => {
      const [change, ...more] = (await reader.readStep(id(1))).changes;
      expect(more).toEqual([]);
      expect(change?.path).toBe('services/a/config.json');
      const text = async (oid = '') => Buffer.from(await reader.readBlob(oid, 1000)).toString();
      expect(await text(change?.from?.oid)).toBe('{"x":1}');
      expect(await text(change?.to?.oid)).toBe('{"x":2}');
    });

    test('a renamed file is a removal and an addition', async () => {
      expect(paths((await reader.readStep(id(2))).changes)).toEqual([
        '- services/b/config.json',
        '+ services/c/config.json',
      ]);
    });

    test('a merge of several branches counts against its first parent only', async () => {
      const { commit, changes } = await reader.readStep(id(6));
      expect(commit.parents).toEqual([id(3), id(4), id(5)]);
      expect(paths(changes)).toEqual(['+ services/d/config.json']);
    });

    test('a file in the place of a folder removes what was below it', async () => {
      expect(paths((await reader.readStep(id(7))).changes)).toEqual([
        '+ services/d',
        '- services/d/config.json',
      ]);
    });

    test('a commit that changes nothing has no changes', async () => {
      expect((await reader.readStep(id(8))).changes).toEqual([]);
    });

    test('links, submodules and odd names are data', async () => {
      const changes = new Map(
        (await reader.readStep(id(9))).changes.map((change) => [change.path, change.to]),
      );
      expect([...changes.keys()]).toEqual(['__proto__x', 'link', 'module', 'services/ä b/config.json']);
      expect(changes.get('link')?.mode).toBe('120000');
      expect(changes.get('module')).toEqual({ mode: '160000', oid: '1'.repeat(40) });
      expect(Buffer.from(await reader.readBlob(changes.get('link')?.oid ?? '', 100)).toString()).toBe(
        '/etc/passwd',
      );
    });

    test('all files of a commit come in order of their bytes, with their modes', async () => {
      const files = await reader.listFiles(id(9));
      expect(files.map((file) => `${file.mode} ${file.path}`)).toEqual([
        '100644 __proto__x',
        '100644 headwater.json',
        '120000 link',
        '160000 module',
        '100755 run.sh',
        '100644 services/a/config.json',
        '100644 services/c/config.json',
        '100644 services/d',
        '100644 services/ä b/config.json',
      ]);
    });

    test('single files are found by their paths, whatever else the tree holds', async () => {
      const all = new Map(
        (await reader.listFiles(id(9))).map(({ path, mode, oid }) => [path, { mode, oid }]),
      );
      const asked = [
        'services/a/config.json',
        'services/ä b/config.json',
        'services/d',
        'run.sh',
        'link',
        'module',
      ];
      const absent = [
        'nothing',
        'services',
        'services/d/config.json',
        'services/a',
        'run.sh/',
        '',
        '/headwater.json',
      ];
      const found = await reader.findFiles(id(9), [...asked, ...absent, '__proto__']);
      expect([...found.keys()].sort()).toEqual([...asked].sort());
      for (const [path, file] of found) expect(file).toEqual(all.get(path));
      // At this commit the folder was still there.
      expect([...(await reader.findFiles(id(6), asked)).keys()].sort()).toEqual([
        'run.sh',
        'services/a/config.json',
      ]);
      await expect(reader.findFiles('1'.repeat(40), asked)).rejects.toMatchObject({
        code: 'HW_OBJECT_MISSING',
      });
    });

    test('a file above the limit is refused, one of exactly that size is not', async () => {
      const oid = (await reader.listFiles(id(0)))[1]?.oid ?? '';
      expect((await reader.readBlob(oid, 7)).length).toBe(7);
      await expect(reader.readBlob(oid, 6)).rejects.toMatchObject({ code: 'HW_FILE_TOO_LARGE' });
    });

    test('commits that are far apart are compared as wholes', async () => {
      expect(paths(await reader.diff(id(0), id(3)))).toEqual([
        '+ run.sh',
        '~ services/a/config.json',
        '- services/b/config.json',
        '+ services/c/config.json',
      ]);
      expect(paths(await reader.diff(null, id(10)))).toEqual(['+ other']);
      expect(await reader.diff(id(3), id(3))).toEqual([]);
      expect(paths(await reader.diff(id(10), id(0)))).toHaveLength(4);
    });

    test('ancestry names every commit once, parents first, with all parents', async () => {
      const all = await collect(reader.ancestry(id(11), []));
      expect(all.map((commit) => commit.id).sort()).toEqual([...ids].sort());
      const seen = new Set<CommitId>();
      for (const commit of all) {
        for (const parent of commit.parents) expect(seen).toContain(parent);
        seen.add(commit.id);
      }
      expect(all.at(-1)).toEqual({ id: id(11), parents: [id(9), id(10)] });
    });

    test('ancestry leaves out what is reachable from known commits', async () => {
      const after = async (tip: number, known: readonly CommitId[]) =>
        (await collect(reader.ancestry(id(tip), known))).map((commit) => ids.indexOf(commit.id));
      expect(await after(9, [id(7)])).toEqual([8, 9]);
      expect(await after(7, [id(7)])).toEqual([]);
      expect(await after(3, [id(9)])).toEqual([]);
      // A branch that left before the known commit and comes in after it: 4 and 5 are new to 3, 1 and 0 are not.
      expect((await after(6, [id(3)])).sort()).toEqual([4, 5, 6]);
      // 4 lies between the two known commits.
      expect(await after(6, [id(5), id(3)])).toEqual([6]);
      expect((await after(11, [id(9)])).sort()).toEqual([10, 11]);
      expect(await after(2, [id(1), 'f'.repeat(40)])).toEqual([2]);
    });

    test('the first-parent line is the steps of the line, newest first', async () => {
      const steps = await collect(reader.firstParentLog(id(11)));
      const line = [11, 9, 8, 7, 6, 3, 2, 1, 0];
      expect(steps.map((step) => ids.indexOf(step.commit.id))).toEqual(line);
      for (const [i, index] of line.entries()) expect(steps[i]).toEqual(await reader.readStep(id(index)));
    });

    test('the line of some files at the root has the commits that changed them, and nothing else of them', async () => {
      const steps = await collect(reader.firstParentLog(id(11), ['run.sh', 'other', 'nothing.json']));
      expect(steps.map(({ commit, changes }) => [ids.indexOf(commit.id), paths(changes)])).toEqual([
        [11, ['+ other']],
        [3, ['+ run.sh']],
      ]);
      const whole = await collect(reader.firstParentLog(id(11)));
      for (const { commit, changes } of steps) {
        const step = whole.find((one) => one.commit.id === commit.id);
        expect(step?.commit).toEqual(commit);
        expect(step?.changes).toEqual(expect.arrayContaining([...changes]));
      }
      expect(await collect(reader.firstParentLog(id(11), ['nothing.json']))).toEqual([]);
      const root = await collect(reader.firstParentLog(id(11), ['headwater.json']));
      expect(root.map(({ commit }) => commit)).toEqual([await reader.readCommit(id(0))]);
    });

    test('a raw commit is what the parsed one was read from', async () => {
      for (const commit of ids) {
        const raw = Buffer.from(await reader.readRawCommit(commit));
        expect(parseCommit(commit, raw)).toEqual(await reader.readCommit(commit));
        expect(raw.toString()).toMatch(
          /^tree [0-9a-f]+\n(parent [0-9a-f]+\n)*author [^\n]+\ncommitter [^\n]+\n\n/,
        );
      }
    });

    test('a reader may stop in the middle of the line', async () => {
      for await (const step of reader.firstParentLog(id(11))) {
        expect(step.commit.id).toBe(id(11));
        break;
      }
      for await (const commit of reader.ancestry(id(11), [])) {
        expect(commit.parents).toEqual([]);
        break;
      }
      expect((await reader.readCommit(id(0))).id).toBe(id(0));
    });
  });
}
