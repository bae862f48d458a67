import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { createRepository } from './create-repository.ts';

const folder = mkdtempSync(join(tmpdir(), 'headwater-new-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = new Map([
  ['headwater.json', Buffer.from('{"headwater":1}\n')],
  ['services/stt/config.json', Buffer.from('{"vad_threshold":0.5}\n')],
  ['services/stt/config.ä.json', Buffer.from('{}\n')],
]);
const content = { branch: 'main', files, message: 'Start', author: testPerson };
const git = (path: string, ...args: string[]) =>
  execFileSync('git', ['-C', path, ...args], { encoding: 'utf8', stdio: 'pipe' }).trimEnd();

test('a bare repository is whole, can be cloned, and takes pushes but no rewrites', async () => {
  const path = join(folder, 'data/deep/repo.git');
  const commit = await createRepository(path, { ...content, bare: true });
  expect(git(path, 'rev-parse', 'HEAD', 'refs/heads/main').split('\n')).toEqual([commit, commit]);
  expect(git(path, 'fsck', '--strict')).toBe('');
  const clone = join(folder, 'clone');
  execFileSync('git', ['clone', '-q', path, clone]);
  expect(readFileSync(join(clone, 'services/stt/config.json'), 'utf8')).toBe('{"vad_threshold":0.5}\n');
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@e'];
  git(clone, ...identity, 'commit', '-q', '--allow-empty', '-m', 'two');
  git(clone, 'push', '-q', 'origin', 'main');
  expect(git(path, 'rev-parse', 'main~1')).toBe(commit);
  git(clone, 'reset', '-q', '--hard', 'HEAD~1');
  expect(() => git(clone, 'push', '-q', '--force', 'origin', 'main')).toThrow(/non-fast-forward/);
  expect(() => git(clone, 'push', '-q', 'origin', ':main')).toThrow(/deletion prohibited/);
});

test('a repository with a work tree has its files checked out and git finds nothing to do', async () => {
  const path = join(folder, 'work');
  mkdirSync(path);
  const commit = await createRepository(path, { ...content, bare: false, branch: 'trunk' });
  expect(git(path, 'status', '--porcelain', '--branch')).toBe('## trunk');
  expect(git(path, 'rev-parse', 'trunk')).toBe(commit);
  expect(git(path, 'log', '--format=%an|%s')).toBe('Tess Tér|Start');
  expect(readFileSync(join(path, 'headwater.json'), 'utf8')).toBe('{"headwater":1}\n');
  expect(git(path, 'fsck', '--strict')).toBe('');
});

test('git reads the config that it was given', async () => {
  const path = join(folder, 'configured');
  const driver = `node '/a "b"\\c/x.js' merge-driver %O # ; %P`;
  const config = new Map([
    ['merge.headwater.name', 'by key'],
    ['merge.headwater.driver', driver],
    ['pull.rebase', 'true'],
  ]);
  await createRepository(path, { ...content, bare: false, config });
  for (const [key, value] of config) expect(git(path, 'config', key)).toBe(value);
  expect(readFileSync(join(path, '.git/config'), 'utf8').match(/merge "headwater"/g)).toHaveLength(1);
});

test('nothing that is already there is touched, and a failure leaves nothing', async () => {
  const path = join(folder, 'occupied');
  mkdirSync(path);
  writeFileSync(join(path, 'precious'), 'x');
  await expect(createRepository(path, { ...content, bare: false })).rejects.toMatchObject({
    code: 'HW_UNSAFE_OUTPUT',
  });
  await expect(createRepository(join(path, 'precious'), { ...content, bare: true })).rejects.toMatchObject({
    code: 'HW_UNSAFE_OUTPUT',
  });
  await expect(
    createRepository(join(folder, 'bad'), { ...content, bare: true, branch: 'a..b' }),
  ).rejects.toMatchObject({ code: 'HW_NAME_INVALID' });
  const escaping = new Map([['../evil', Buffer.from('x')]]);
  await expect(
    createRepository(join(folder, 'bad'), { ...content, bare: false, files: escaping }),
  ).rejects.toMatchObject({ code: 'HW_NAME_INVALID' });
  expect(readdirSync(path)).toEqual(['precious']);
  expect(
    readdirSync(folder).filter((name) => name.startsWith('.') || name === 'bad' || name === 'evil'),
  ).toEqual([]);
});
