/** What no push may bring, on any ref: secrets, links, files and trees out of all proportion. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { config, first, startPushing } from '../testing/push-files.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const token = `hw_abcdefghij12_${'A1'.repeat(21)}Z`;
const ageKey = `AGE-SECRET-KEY-1${'QQQQ'.repeat(14)}`;

test.each([
  ['a token', token, 'the Headwater token hw_abcdefghij12_…'],
  ['an age key', `# mine\n${ageKey}\n`, 'a secret key of age'],
  ['an age key in UTF-16', Buffer.from(ageKey, 'utf16le'), 'a secret key of age'],
] as const)('%s is refused on any branch, and never repeated', async (_, content, words) => {
  const { scene, clone } = await startPushing();
  await using _scene = scene;
  const commit = await clone.commit({ 'notes/key.txt': content });
  await clone.commit({ 'notes/key.txt': null }, 'Take it out again');
  for (const ref of ['main', 'refs/heads/proposals/x', 'refs/heads/mine', 'refs/tags/v1']) {
    const pushed = await clone.push('origin', `HEAD:${ref}`);
    expect([ref, pushed.ok]).toEqual([ref, false]);
    expect(pushed.text).toContain(`notes/key.txt (commit ${commit.slice(0, 7)})`);
    expect(pushed.text).toContain(words);
    expect(pushed.text).not.toContain('A1A1');
    expect(pushed.text).not.toContain('QQQQ');
  }
  expect(scene.log.join('')).not.toMatch(/A1A1|QQQQ/);
});

test('a secret in a message and one deep in a pack are found too', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await clone.commit({ [first]: config(2) }, `Use ${token}`);
  expect((await clone.push()).text).toContain('the message of commit');
  await clone.git('reset', '-q', '--hard', 'origin/main');
  const many = Array.from({ length: 150 }, (_, i) => [`notes/n${i}.md`, `note ${i}`] as const);
  await clone.commit({ ...Object.fromEntries(many), 'notes/n77.md': `x ${token}` });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(false);
  expect(pushed.text).toContain('notes/n77.md');
});

test('links and submodules are refused wherever they lie', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await mkdir(join(clone.path, 'docs'));
  await symlink('/etc/passwd', join(clone.path, 'docs/link'));
  await rm(join(clone.path, first));
  await symlink('/etc/passwd', join(clone.path, first));
  await clone.commit({});
  await clone.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},docs/module`);
  await clone.git('commit', '-q', '-m', 'Add a submodule');
  const { ok, text } = await clone.push();
  expect(ok).toBe(false);
  for (const path of ['docs/link', 'docs/module', first]) expect(text).toContain(`remote:   ${path}`);
  expect(text.match(/HW_FILE_MODE/g)).toHaveLength(3);
});

test.each([
  ['of sixty megabytes', 60, false, 'refs/heads/main'],
  ['that unpacks to two hundred megabytes', 200, true, 'refs/heads/proposals/film'],
])('a file %s is refused before it is looked at, on any branch', async (_, megabytes, isZero, ref) => {
  const { scene, clone } = await startPushing();
  await using _scene = scene;
  if (!isZero) await clone.git('config', 'core.compression', '0');
  const block = isZero ? Buffer.alloc(1 << 20) : randomBytes(1 << 20);
  const content = Buffer.alloc(megabytes << 20);
  for (let i = 0; i < megabytes; i++) block.copy(content, i << 20);
  await clone.commit({ 'docs/film.bin': content });
  const before = process.memoryUsage().rss;
  const pushed = await clone.push('origin', `HEAD:${ref}`);
  expect(pushed.ok).toBe(false);
  expect(pushed.text).toMatch(/docs\/film\.bin .*\n.*16 MiB at most/);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
});

test('trees that no honest git writes are refused by git itself', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  const blob = (await clone.git('hash-object', '-w', 'headwater.json')).text.trim();
  for (const name of ['..', '.git', '.GIT']) {
    await writeFile(
      join(scene.folder, 'tree'),
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')]),
    );
    const tree = await clone.git(
      'hash-object',
      '-w',
      '-t',
      'tree',
      '--literally',
      join(scene.folder, 'tree'),
    );
    const commit = await clone.git('commit-tree', tree.text.trim(), '-p', 'HEAD', '-m', 'odd');
    const pushed = await clone.push('origin', `${commit.text.trim()}:refs/heads/odd`);
    expect([name, pushed.ok]).toEqual([name, false]);
  }
});

test('a tree that names itself many times over is refused before it fills the memory', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  let entry = { mode: '100644', oid: (await clone.git('hash-object', '-w', 'headwater.json')).text.trim() };
  for (let depth = 0; depth < 8; depth++) {
    const items = Array.from({ length: 10 }, (_, i) =>
      Buffer.concat([Buffer.from(`${entry.mode} d${i}\0`), Buffer.from(entry.oid, 'hex')]),
    );
    await writeFile(join(scene.folder, 'tree'), Buffer.concat(items));
    const tree = await clone.git('hash-object', '-w', '-t', 'tree', join(scene.folder, 'tree'));
    entry = { mode: '40000', oid: tree.text.trim() };
  }
  const commit = await clone.git('commit-tree', entry.oid, '-p', 'HEAD', '-m', 'bomb');
  const pushed = await clone.push('origin', `${commit.text.trim()}:main`);
  expect(pushed.ok).toBe(false);
  expect(pushed.text).toContain('HW_FILE_TOO_LARGE');
});
