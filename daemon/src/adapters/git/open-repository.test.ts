import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { parseGitConfig } from './git-config.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

test('a bare repository has no work tree', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  expect(repo).toMatchObject({ gitDir: made.path, commonDir: made.path, workTree: null, bare: true });
  expect(repo.capabilities.nativeGit).toMatch(/^\d+\.\d+/);
});

test('a work tree is opened by its folder and by its .git', async () => {
  using made = makeTestRepository({ bare: false });
  const gitDir = join(made.path, '.git');
  for (const path of [made.path, gitDir]) {
    expect(await openRepository(path)).toMatchObject({ gitDir, workTree: made.path, bare: false });
  }
});

test('a linked work tree has its own HEAD and shares branches and objects', async () => {
  using made = makeTestRepository({ bare: false });
  const [tip = ''] = await made.build([{ parents: [], set: { a: '1' } }]);
  made.git('update-ref', 'refs/heads/side', tip);
  const linked = join(made.folder, 'linked');
  made.git('worktree', 'add', '-q', linked, 'side');
  for (const path of [linked, join(linked, '.git'), join(made.path, '.git/worktrees/linked')]) {
    const repo = await openRepository(path, { useNativeGit: false });
    expect(repo).toMatchObject({ commonDir: join(made.path, '.git'), workTree: linked, bare: false });
    const refs = createRefStore(repo);
    expect(await refs.head()).toBe('refs/heads/side');
    expect(await refs.read('HEAD')).toBe(tip);
    const reader = await createObjectReader(repo);
    expect((await reader.listFiles(tip)).map((file) => file.path)).toEqual(['a']);
    await reader.close();
  }
});

test('a path that does not exist and a folder that is no repository are told apart', async () => {
  using made = makeTestRepository();
  await expect(openRepository(join(made.folder, 'none'))).rejects.toMatchObject({
    code: 'HW_REPO_NOT_FOUND',
  });
  mkdirSync(join(made.folder, 'plain'));
  writeFileSync(join(made.folder, 'plain', 'file.txt'), 'text');
  const notOne = { code: 'HW_REPO_NOT_A_REPOSITORY', hint: expect.stringContaining('headwater init') };
  await expect(openRepository(join(made.folder, 'plain'))).rejects.toMatchObject(notOne);
  await expect(openRepository(join(made.folder, 'plain', 'file.txt'))).rejects.toMatchObject(notOne);
});

test('a folder inside a work tree is not the work tree', async () => {
  using made = makeTestRepository({ bare: false });
  mkdirSync(join(made.path, 'services'));
  await expect(openRepository(join(made.path, 'services'))).rejects.toMatchObject({
    code: 'HW_REPO_NOT_A_REPOSITORY',
  });
});

test('a SHA-256 repository needs native git, and works with it', async () => {
  using made = makeTestRepository({ objectFormat: 'sha256' });
  await expect(openRepository(made.path, { useNativeGit: false })).rejects.toMatchObject({
    code: 'HW_REPO_UNSUPPORTED',
  });
  const repo = await openRepository(made.path);
  const [first = '', second = ''] = await made.build([
    { parents: [], set: { 'services/a/config.json': '1' } },
    { parents: [0], set: { 'services/a/config.json': '2' } },
  ]);
  const reader = await createObjectReader(repo);
  await createRefStore(repo).compareAndSwap('refs/heads/main', null, second);
  expect(made.git('rev-parse', 'main')).toBe(second);
  expect((await reader.readStep(second)).changes).toMatchObject([{ path: 'services/a/config.json' }]);
  made.git('gc', '-q');
  const packed = await createObjectReader(repo);
  expect((await packed.readStep(first)).commit.id).toHaveLength(64);
  await Promise.all([reader.close(), packed.close()]);
});

test('what cannot be read is refused with a way out', async () => {
  using made = makeTestRepository();
  made.git('config', 'extensions.refStorage', 'reftable');
  await expect(openRepository(made.path)).rejects.toMatchObject({
    code: 'HW_REPO_UNSUPPORTED',
    hint: expect.stringContaining('refs migrate'),
  });
  made.git('config', '--unset', 'extensions.refStorage');
  writeFileSync(join(made.path, 'objects/info/alternates'), '/elsewhere\n');
  await expect(openRepository(made.path, { useNativeGit: false })).rejects.toMatchObject({
    code: 'HW_REPO_UNSUPPORTED',
  });
});

test("settings of the repository cannot make a reader start a program, nor do the caller's GIT variables reach it", async () => {
  using made = makeTestRepository();
  const [tip = ''] = await made.build([{ parents: [], set: { a: '1' } }]);
  made.git('repack', '-a', '-d', '-q');
  const evidence = join(made.folder, 'ran');
  for (const key of [
    'core.fsmonitor',
    'core.sshCommand',
    'diff.external',
    'core.pager',
    'uploadpack.packObjectsHook',
  ]) {
    made.git('config', key, `touch ${evidence}`);
  }
  process.env.GIT_DIR = '/nonexistent';
  process.env.GIT_EXTERNAL_DIFF = `touch ${evidence}`;
  try {
    const reader = await createObjectReader(await openRepository(made.path));
    for await (const step of reader.firstParentLog(tip)) expect(step.changes).toHaveLength(1);
    expect(await reader.listFiles(tip)).toHaveLength(1);
    await reader.close();
  } finally {
    delete process.env.GIT_DIR;
    delete process.env.GIT_EXTERNAL_DIFF;
  }
  expect(() => readFileSync(evidence)).toThrow('ENOENT');
});

test('a replacement ref does not put one object in the place of another', async () => {
  using made = makeTestRepository();
  const [tip = '', other = ''] = await made.build([
    { parents: [], set: { a: 'right' } },
    { parents: [], set: { a: 'wrong', b: 'more' } },
  ]);
  const trees = made.git('rev-parse', `${tip}^{tree}`, `${other}^{tree}`).split('\n');
  made.git('replace', tip, other);
  made.git('replace', ...trees);
  made.git('repack', '-a', '-d', '-q');
  const reader = await createObjectReader(await openRepository(made.path));
  expect(await reader.listFiles(tip)).toHaveLength(1);
  const [change] = (await reader.readStep(tip)).changes;
  expect(Buffer.from(await reader.readBlob(change?.to?.oid ?? '', 100)).toString()).toBe('right');
  for await (const step of reader.firstParentLog(tip)) expect(step.changes).toHaveLength(1);
  await reader.close();
});

test('a repository that may not be read is an error with its path, not a crash', async () => {
  using made = makeTestRepository();
  const loop = join(made.folder, 'loop');
  symlinkSync(loop, loop);
  await expect(openRepository(loop)).rejects.toMatchObject({
    code: 'HW_REPO_NOT_FOUND',
    message: expect.stringContaining(loop),
  });
});

test('git settings are read the way git reads them', () => {
  const text =
    '[core]\n\tbare = false # no\n[Core]\nBare\n[extensions]\n objectFormat="sha256" ; x\n[remote "a b"]\n url = x\n';
  const settings = parseGitConfig(text);
  expect(settings.get('core.bare')).toBe('true');
  expect(settings.get('extensions.objectformat')).toBe('sha256');
  expect(settings.get('remote.a b.url')).toBe('x');
});
