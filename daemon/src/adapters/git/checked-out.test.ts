import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { isCheckedOut } from './checked-out.ts';
import { openRepository } from './open-repository.ts';

vi.setConfig({ testTimeout: 60_000 });

const main = 'refs/heads/main';

test('the branch of a work tree is checked out, until another one is', async () => {
  using made = makeTestRepository({ bare: false });
  const repo = await openRepository(made.path);
  expect(await isCheckedOut(repo, main)).toBe(true);
  made.git('commit', '-q', '--allow-empty', '-m', 'first');
  made.git('switch', '-q', '-c', 'other');
  expect(await isCheckedOut(repo, main)).toBe(false);
  expect(await isCheckedOut(repo, 'refs/heads/other')).toBe(true);
  made.git('switch', '-q', '--detach');
  expect(await isCheckedOut(repo, 'refs/heads/other')).toBe(false);
});

test('in a bare repository nothing is, unless a linked work tree has it', async () => {
  using made = makeTestRepository();
  const [first = ''] = await made.build([{ parents: [], set: { a: '1' } }]);
  made.git('update-ref', main, first);
  const repo = await openRepository(made.path);
  expect(await isCheckedOut(repo, main)).toBe(false);
  const linked = join(made.folder, 'linked');
  made.git('worktree', 'add', '-q', linked, 'main');
  expect(await isCheckedOut(repo, main)).toBe(true);
  expect(await isCheckedOut(await openRepository(linked), main)).toBe(true);
  made.git('worktree', 'remove', linked);
  expect(await isCheckedOut(repo, main)).toBe(false);
});
