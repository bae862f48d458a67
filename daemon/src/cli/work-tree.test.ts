import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadwaterError, utf8 } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePlayground, type Playground } from './testing/run-command.ts';
import { commitInWorkTree, refuseUncommitted } from './work-tree.ts';

let play: Playground;
let repo: string;
beforeEach(() => {
  play = makePlayground();
  repo = join(play.folder, 'repo');
  mkdirSync(repo);
  play.git('repo', 'init', '-q', '-b', 'main');
  writeFileSync(join(repo, 'a'), 'a');
  play.git('repo', 'add', '-A');
  play.git('repo', 'commit', '-qm', 'first');
});
afterEach(() => play[Symbol.dispose]());

const reasonOf = async (work: Promise<void>) => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error === null) return null;
  if (!isHeadwaterError(error, 'HW_WORK_TREE')) throw error;
  return error.message;
};

describe('a work tree of somebody', () => {
  test('is refused where a committed link would lead the write elsewhere', async () => {
    writeFileSync(join(play.folder, 'outside'), 'theirs');
    symlinkSync('../outside', join(repo, 'link'));
    play.git('repo', 'add', '-A');
    play.git('repo', 'commit', '-qm', 'link');
    expect(await reasonOf(refuseUncommitted(repo, ['link'], play.context()))).toContain('symbolic link');
    expect(await reasonOf(refuseUncommitted(repo, ['a', 'new/file'], play.context()))).toBeNull();
  });

  test.each(['untracked', 'changed', 'staged', 'ignored'])('is refused where a file is %s', async (state) => {
    writeFileSync(join(repo, '.git/info/exclude'), state === 'ignored' ? 'b\n' : '');
    writeFileSync(join(repo, state === 'changed' ? 'a' : 'b'), 'mine');
    if (state === 'staged') play.git('repo', 'add', 'b');
    expect(await reasonOf(refuseUncommitted(repo, ['a', 'b'], play.context()))).toMatch(
      /^[ab] has uncommitted changes$/,
    );
  });

  test('gets its files back, and its staging area, when the commit is refused in the middle of a merge', async () => {
    play.git('repo', 'switch', '-qc', 'side');
    writeFileSync(join(repo, 'c'), 'c');
    play.git('repo', 'add', '-A');
    play.git('repo', 'commit', '-qm', 'side');
    play.git('repo', 'switch', '-q', 'main');
    play.git('repo', 'merge', '-q', '--no-ff', '--no-commit', 'side');
    const before = play.git('repo', 'status', '--porcelain');
    const edits = [
      { path: 'a', content: utf8('changed') },
      { path: 'new/b', content: utf8('b') },
    ];
    expect(await reasonOf(commitInWorkTree(repo, edits, 'x', play.context()))).toContain('git commit failed');
    expect(readFileSync(join(repo, 'a'), 'utf8')).toBe('a');
    expect(play.git('repo', 'status', '--porcelain')).toBe(before);
  });

  test('takes file names as names, never as patterns or options', async () => {
    writeFileSync(join(repo, 'other'), 'mine');
    await commitInWorkTree(
      repo,
      [
        { path: '*', content: utf8('star') },
        { path: '--all', content: utf8('x') },
      ],
      'odd',
      play.context(),
    );
    expect(play.git('repo', 'show', '--name-only', '--format=').split('\n')).toEqual(['*', '--all']);
    expect(play.git('repo', 'status', '--porcelain')).toBe('?? other');
  });

  test('is found by its folder even inside a git hook, whose variables name another repository', async () => {
    mkdirSync(join(play.folder, 'elsewhere'));
    play.git('elsewhere', 'init', '-q');
    play.env.GIT_DIR = join(play.folder, 'elsewhere/.git');
    play.env.GIT_INDEX_FILE = join(play.folder, 'elsewhere/.git/index');
    await commitInWorkTree(repo, [{ path: 'b', content: utf8('b') }], 'in a hook', play.context());
    delete play.env.GIT_DIR;
    delete play.env.GIT_INDEX_FILE;
    expect(play.git('repo', 'log', '-1', '--format=%s')).toBe('in a hook');
  });
});
