import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommitId, ObjectReader, Remote } from '../ports.ts';
import type { BuildHistory } from './git-history.ts';

export interface RemoteHarness {
  readonly remote: Remote;
  /** The repository at the host, worked on directly. */
  readonly host: {
    readonly build: BuildHistory;
    /** Moves or deletes a ref without asking, as a force push would. */
    setRef(ref: string, id: CommitId | null): void;
    read(ref: string): CommitId | null;
  };
  /** The local repository, which mirrors it. */
  readonly reader: ObjectReader;
  /** Makes a commit in the local repository alone. Moves no ref. */
  commit(parent: CommitId | null, files: Readonly<Record<string, string>>): Promise<CommitId>;
  close(): Promise<void>;
}

const main = 'refs/heads/main';

/** What every remote does; `open` gives one of an empty repository. */
export function remoteContract(
  name: string,
  open: () => Promise<RemoteHarness>,
  options: { readonly canPush: boolean } = { canPush: true },
): void {
  describe(`remote: ${name}`, () => {
    let harness: RemoteHarness;
    let remote: Remote;
    let ids: readonly CommitId[];
    const id = (index: number) => ids[index] ?? 'none';
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'fine',
        (error) => error.code,
      );

    beforeAll(async () => {
      harness = await open();
      remote = harness.remote;
      expect([...(await remote.tips([main]))]).toEqual([]);
      ids = await harness.host.build([
        { parents: [], set: { 'services/a/config.json': '{"n":0}', 'headwater.json': '{}' } },
        { parents: [0], set: { 'services/a/config.json': '{"n":1}' } },
        { parents: [1], set: { 'services/b/config.json': '{"n":2}' } },
        { parents: [1], set: { 'services/c/config.json': '{"n":3}' } },
        { parents: [], set: { 'epochs.json': '{}' } },
      ]);
    });
    afterAll(() => harness.close());

    test('tips are told by full name and by folder, and nothing else is', async () => {
      harness.host.setRef(main, id(1));
      harness.host.setRef('refs/heads/mainline', id(0));
      harness.host.setRef('refs/heads/x/refs/heads/main', id(0));
      harness.host.setRef('refs/heads/proposals/a1', id(2));
      harness.host.setRef('refs/headwater/epochs', id(4));
      expect([...(await remote.tips([main]))]).toEqual([[main, id(1)]]);
      expect([...(await remote.tips(['refs/heads/none', 'refs/tags/*']))]).toEqual([]);
      const all = await remote.tips([main, 'refs/heads/proposals/*', 'refs/headwater/*']);
      expect(Object.fromEntries(all)).toEqual({
        [main]: id(1),
        'refs/heads/proposals/a1': id(2),
        'refs/headwater/epochs': id(4),
      });
    });

    test('what the tips name can be read after a fetch, whole', async () => {
      const tips = await remote.tips([main, 'refs/heads/proposals/*', 'refs/headwater/*']);
      const phases: string[] = [];
      await remote.fetch(tips, ({ phase }) => phases.push(phase));
      for (const commit of [id(0), id(1), id(2), id(4)]) {
        expect((await harness.reader.readCommit(commit)).id).toBe(commit);
        for (const file of await harness.reader.listFiles(commit))
          expect((await harness.reader.readBlob(file.oid, 1000)).length).toBeGreaterThan(0);
      }
      // Again, with nothing new.
      await remote.fetch(tips);
    });

    test('a branch that was moved back or away is told as it is, and fetched', async () => {
      harness.host.setRef(main, id(0));
      expect((await remote.tips([main])).get(main)).toBe(id(0));
      harness.host.setRef(main, id(3));
      const tips = await remote.tips([main]);
      await remote.fetch(tips);
      expect((await harness.reader.readCommit(id(3))).parents).toEqual([id(1)]);
      harness.host.setRef(main, null);
      expect((await remote.tips([main])).size).toBe(0);
    });

    test('a tip that is gone from the host is told as missing', async () => {
      const [lost = ''] = await harness.host.build([{ parents: [], set: { lost: 'lost' } }]);
      harness.host.setRef('refs/heads/lost', null);
      const fetched = remote.fetch(new Map([['refs/heads/lost', lost]]));
      expect(await codeOf(fetched)).toBe('HW_OBJECT_MISSING');
      harness.host.setRef('refs/heads/lost', id(0));
      expect(await codeOf(remote.fetch(new Map([['refs/heads/lost', 'f'.repeat(40)]])))).toBe(
        'HW_OBJECT_MISSING',
      );
    });

    test('names that could be options or leave the git folder are refused', async () => {
      for (const ref of ['--upload-pack=x', 'main', 'refs/heads/../x', 'refs/heads/a b']) {
        expect(await codeOf(remote.fetch(new Map([[ref, id(0)]])))).toBe('HW_NAME_INVALID');
        expect((await remote.tips([ref])).size).toBe(0);
      }
    });

    if (!options.canPush) {
      test('it cannot push, and says so', async () => {
        harness.host.setRef(main, id(1));
        expect(await remote.takesPushes()).toBe(false);
        expect(await codeOf(remote.push(main, id(1), id(2)))).toBe('HW_REPO_UNSUPPORTED');
        expect(harness.host.read(main)).toBe(id(1));
      });
      return;
    }

    test('a push moves the ref from the commit it is at, and only from there', async () => {
      harness.host.setRef(main, id(1));
      await remote.fetch(await remote.tips([main]));
      expect(await remote.takesPushes()).toBe(true);
      const mine = await harness.commit(id(1), { 'services/a/config.json': '{"n":10}' });
      await remote.push(main, id(1), mine);
      expect(harness.host.read(main)).toBe(mine);
      const late = await harness.commit(id(1), { 'services/a/config.json': '{"n":11}' });
      expect(await codeOf(remote.push(main, id(1), late))).toBe('HW_REF_MOVED');
      expect(await codeOf(remote.push(main, null, late))).toBe('HW_REF_MOVED');
      expect(await codeOf(remote.push('refs/heads/absent', id(1), late))).toBe('HW_REF_MOVED');
      expect(harness.host.read(main)).toBe(mine);
      expect(harness.host.read('refs/heads/absent')).toBeNull();
    });

    test('a ref is created only where there is none', async () => {
      await remote.push('refs/headwater/proposals/p1', null, id(1));
      expect(harness.host.read('refs/headwater/proposals/p1')).toBe(id(1));
      expect(await codeOf(remote.push('refs/headwater/proposals/p1', null, id(0)))).toBe('HW_REF_MOVED');
    });

    test('of two pushes at once exactly one wins', async () => {
      harness.host.setRef('refs/heads/race', id(1));
      const both = await Promise.all(
        [20, 21].map((n) => harness.commit(id(1), { 'services/a/config.json': `{"n":${n}}` })),
      );
      const codes = await Promise.all(
        both.map((next) => codeOf(remote.push('refs/heads/race', id(1), next))),
      );
      expect([...codes].sort()).toEqual(['HW_REF_MOVED', 'fine']);
      expect(harness.host.read('refs/heads/race')).toBe(both[codes.indexOf('fine')]);
    });
  });
}
