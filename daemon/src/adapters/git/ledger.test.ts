import { expect, onTestFinished, test, vi } from 'vitest';
import { ledgerRef } from '../../ledger/ledger-refs.ts';
import { ledgerContract } from '../../testing/ledger.contract.ts';
import { testSeal } from '../../testing/ledger-seal.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { systemClock } from '../system-clock.ts';
import { createCommitWriter } from './commit-writer.ts';
import { createGitLedger } from './ledger.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

async function open(made: TestRepository, seal = testSeal(), deployment = 'tars') {
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const refs = createRefStore(repo);
  const writer = createCommitWriter(repo, reader, refs);
  const ledger = createGitLedger({
    reader,
    refs,
    writer,
    seal,
    deployment,
    clock: systemClock,
  });
  return { ledger, close: () => reader.close() };
}

async function scene() {
  const made = makeTestRepository();
  const { ledger, close } = await open(made);
  onTestFinished(async () => {
    await close();
    made[Symbol.dispose]();
  });
  const [commit = ''] = await made.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  for (const ref of made.git('for-each-ref', '--format=%(refname)', 'refs/build').split('\n'))
    made.git('update-ref', '-d', ref);
  const published = new Map([['dev', { seq: 1, commit }]]);
  return {
    made,
    ledger,
    commit,
    record: { deployment: 'tars', era: 1, start: { seq: 1, commit }, published },
  };
}

ledgerContract('git', async () => {
  const made = makeTestRepository();
  const [one, two] = [await open(made), await open(made)];
  const [commit = ''] = await made.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  return {
    ledger: one.ledger,
    other: two.ledger,
    commit,
    async close() {
      await Promise.all([one.close(), two.close()]);
      made[Symbol.dispose]();
    },
  };
});

test('git keeps published commits that no branch names any more, and finds nothing wrong', async () => {
  const { made, ledger, commit, record } = await scene();
  const first = await ledger.append(record, null);
  await ledger.append(
    { ...record, published: new Map([['dev', { seq: 2, commit: 'ab'.repeat(20) }]]) },
    first.id,
  );
  made.git('gc', '--quiet', '--prune=now');
  expect(made.git('cat-file', '-t', commit)).toBe('commit');
  expect(made.git('fsck', '--strict')).toBe('');
  expect(made.git('show', `${ledgerRef}:epochs.json`)).toContain('"era": 1');
  expect(made.git('log', '-1', '--format=%s', ledgerRef)).toBe(`Era 1 since #1 · ${commit.slice(0, 7)}`);
});

test('what others put on the ref is refused, whatever it is, and can be written over', async () => {
  const { made, ledger, record } = await scene();
  const first = await ledger.append(record, null);
  const text = made.git('show', `${ledgerRef}:epochs.json`);
  const message = made.git('log', '-1', '--format=%B', ledgerRef);
  const commitOf = (files: Readonly<Record<string, string>>, body = message) => {
    const entries = Object.entries(files).map(
      ([name, content]) =>
        `100644 blob ${made.gitWithInput(content, 'hash-object', '-w', '--stdin')}\t${name}\n`,
    );
    const tree = made.gitWithInput(entries.join(''), 'mktree');
    return made.gitWithInput(body, 'commit-tree', tree, '-p', first.id as string);
  };
  const cases: readonly (readonly [string, string])[] = [
    [commitOf({ 'epochs.json': `${text.replace('"era": 1', '"era": 9')}\n` }), 'HW_LEDGER_FOREIGN'],
    [commitOf({ 'epochs.json': `${text}\n` }, 'no seal'), 'HW_LEDGER_FOREIGN'],
    [commitOf({ 'epochs.json': `${text}\n`, 'more.json': '{}' }), 'HW_LEDGER_INVALID'],
    [commitOf({ 'other.json': `${text}\n` }), 'HW_LEDGER_INVALID'],
    [record.start.commit, 'HW_LEDGER_INVALID'],
  ];
  for (const [id, code] of cases) {
    made.git('update-ref', ledgerRef, id);
    await expect(ledger.read()).rejects.toMatchObject({ code, details: { id } });
    expect((await ledger.append(record, id)).record).toEqual(record);
    expect((await ledger.read())?.record).toEqual(record);
  }
});

test('a stranger with keys of his own, or of another deployment, is not believed', async () => {
  const { made, ledger, record } = await scene();
  const stranger = await open(made, testSeal(9));
  const other = await open(made, testSeal(), 'other');
  await stranger.ledger.append({ ...record, era: 7 }, null);
  await expect(ledger.read()).rejects.toMatchObject({ code: 'HW_LEDGER_FOREIGN' });
  made.git('update-ref', '-d', ledgerRef);
  await other.ledger.append({ ...record, deployment: 'other' }, null);
  await expect(ledger.read()).rejects.toMatchObject({ code: 'HW_LEDGER_FOREIGN' });
  await Promise.all([stranger.close(), other.close()]);
});
