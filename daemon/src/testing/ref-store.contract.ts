import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommitId, RefStore } from '../ports.ts';
import type { BuildHistory } from './git-history.ts';

export interface RefStoreHarness {
  readonly refs: RefStore;
  readonly build: BuildHistory;
  close(): Promise<void>;
}

/** What every ref store does; `open` gives one of an empty repository whose HEAD points to refs/heads/main. */
export function refStoreContract(name: string, open: () => Promise<RefStoreHarness>): void {
  describe(`ref store: ${name}`, () => {
    let harness: RefStoreHarness;
    let refs: RefStore;
    let ids: readonly CommitId[];
    const id = (index: number) => ids[index] ?? 'none';

    beforeAll(async () => {
      harness = await open();
      refs = harness.refs;
      ids = await harness.build(
        Array.from({ length: 30 }, (_, i) => ({ parents: i === 0 ? [] : [i - 1], set: { file: String(i) } })),
      );
    });
    afterAll(() => harness.close());

    test('HEAD names the branch, which need not exist', async () => {
      expect(await refs.head()).toBe('refs/heads/main');
      expect(await refs.read('HEAD')).toBeNull();
      expect(await refs.read('refs/heads/main')).toBeNull();
    });

    test('a ref is created only where there is none', async () => {
      await refs.compareAndSwap('refs/heads/team/one', null, id(0));
      expect(await refs.read('refs/heads/team/one')).toBe(id(0));
      const again = refs.compareAndSwap('refs/heads/team/one', null, id(1));
      await expect(again).rejects.toMatchObject({ code: 'HW_REF_MOVED', details: { actual: id(0) } });
    });

    test('a ref moves only from the commit it is at', async () => {
      await refs.compareAndSwap('refs/heads/move', null, id(0));
      await refs.compareAndSwap('refs/heads/move', id(0), id(1));
      const stale = refs.compareAndSwap('refs/heads/move', id(0), id(2));
      await expect(stale).rejects.toMatchObject({ code: 'HW_REF_MOVED', details: { actual: id(1) } });
      const absent = refs.compareAndSwap('refs/heads/nowhere', id(0), id(2));
      await expect(absent).rejects.toMatchObject({ code: 'HW_REF_MOVED', details: { actual: null } });
      expect(await refs.read('refs/heads/move')).toBe(id(1));
    });

    test('moving HEAD moves the branch it points to', async () => {
      await refs.compareAndSwap('HEAD', null, id(3));
      expect(await refs.read('refs/heads/main')).toBe(id(3));
      expect(await refs.head()).toBe('refs/heads/main');
    });

    test('of many moves from one commit exactly one wins', async () => {
      await refs.compareAndSwap('refs/heads/race', null, id(0));
      const outcomes = await Promise.allSettled(
        ids.slice(1).map((next) => refs.compareAndSwap('refs/heads/race', id(0), next)),
      );
      const won = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [id(i + 1)] : []));
      expect(won).toEqual([await refs.read('refs/heads/race')]);
    });

    test('one branch cannot be a folder of another', async () => {
      await refs.compareAndSwap('refs/heads/dir/leaf', null, id(0));
      for (const clash of ['refs/heads/dir', 'refs/heads/dir/leaf/deeper']) {
        await expect(refs.compareAndSwap(clash, null, id(1))).rejects.toMatchObject({
          code: 'HW_NAME_INVALID',
        });
      }
      expect(await refs.read('refs/heads/dir/leaf')).toBe(id(0));
      expect(await refs.read('refs/heads/dir')).toBeNull();
    });

    test('names that could leave the git folder or are not full names are refused', async () => {
      const names = [
        'main',
        '../HEAD',
        'refs/heads/../../config',
        'refs/heads/a..b',
        'refs/heads/.hidden',
        'refs/heads/x.lock',
        'refs/heads//x',
        'refs/heads/x/',
        'refs/heads/a b',
        'refs/heads/a\nb',
        'refs/heads/a\\b',
        '--upload-pack=x',
        '',
      ];
      for (const name of names) {
        await expect(refs.read(name), name).rejects.toMatchObject({ code: 'HW_NAME_INVALID' });
        await expect(refs.compareAndSwap(name, null, id(0)), name).rejects.toMatchObject({
          code: 'HW_NAME_INVALID',
        });
      }
      expect(await refs.read('refs/heads/__proto__')).toBeNull();
    });
  });
}
