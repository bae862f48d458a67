/** Pushes through the file system to a hosted repository, judged by the gate: what comes in, what does not, and what the pusher reads. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Clone, type PushScene, startPushScene } from '../testing/push-scene.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const settings = (environments: readonly unknown[]) =>
  `${JSON.stringify({ headwater: 1, deployment: 'tars', environments }, null, 2)}\n`;
const schema = JSON.stringify({
  type: 'object',
  properties: { level: { type: 'integer', maximum: 10 }, note: { type: 'string', maxLength: 20 } },
});
const config = (level: number) => `{\n  "level": ${level}\n}\n`;

/** Services `s0`, `s1`, …: each a schema and a config file. */
function services(count: number, level: (i: number) => number = () => 1): Record<string, string> {
  const files: Record<string, string> = { 'headwater.json': settings(['dev', 'prod']) };
  for (let i = 0; i < count; i++) {
    files[`schemas/s${i}.schema.json`] = schema;
    files[`services/s${i}/config.json`] = config(level(i));
  }
  return files;
}

const first = 'services/s0/config.json';

async function start(
  files: Record<string, string> = services(2),
): Promise<{ scene: PushScene; clone: Clone }> {
  const scene = await startPushScene({ files });
  return { scene, clone: await scene.clone('clone') };
}

test('a good change comes in', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const commit = await clone.commit({ [first]: config(2) });
  const pushed = await clone.push();
  expect(pushed).toMatchObject({ ok: true });
  expect(pushed.text).not.toContain('remote:');
  expect(await scene.tip()).toBe(commit);
  expect(scene.allowed).toEqual([
    { pusher: null, updates: [{ ref: 'refs/heads/main', from: expect.any(String), to: commit }] },
  ]);
});

test('an error is refused, with file, line, pointer, environments, reason and remedy', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const before = await scene.tip();
  await clone.commit({ [first]: config(70) });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(false);
  const lines = pushed.text.split('\n').map((line) => line.trimEnd());
  expect(lines.slice(0, 6)).toEqual([
    'remote: headwater: this push was refused. Nothing has changed.',
    'remote:',
    'remote:   services/s0/config.json:2  /level  (dev, prod)',
    'remote:     expected a whole number of at most 10, got 70',
    'remote:     → Set a value within these bounds.  [HW_CONFIG_INVALID]',
    'remote:',
  ]);
  expect(await scene.tip()).toBe(before);
});

test('a neighbour that is broken already does not stand in the way, of a fix least of all', async () => {
  const { scene, clone } = await start(services(3, (i) => (i === 0 ? 70 : 1)));
  await using _ = scene;
  await clone.commit({ 'services/s1/config.json': config(2) });
  expect(await clone.push()).toMatchObject({ ok: true });
  await scene.follow();
  await clone.commit({ [first]: config(3), 'services/s2/config.json': config(2) });
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('several commits count as what they make together', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  await clone.commit({ [first]: config(70) }, 'A slip');
  expect(await clone.push()).toMatchObject({ ok: false });
  await clone.commit({ [first]: config(7) }, 'Mend it');
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('many problems are cut after twenty, and what files say cannot steer a terminal', async () => {
  const { scene, clone } = await start(services(25));
  await using _ = scene;
  const note = '{"note":"\u202e\u001b[31mred, and far too long to be a note at all"}';
  const bad = Array.from({ length: 25 }, (_, i) => [`services/s${i}/config.json`, note] as const);
  await clone.commit(Object.fromEntries(bad));
  const { text } = await clone.push();
  expect(text.match(/HW_/g)).toHaveLength(20);
  expect(text).toContain('and 5 more; `headwater validate` lists those in files.');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('what is odd but no error comes in with a warning', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  await clone.commit({ 'schemas/nobody.schema.json': schema });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(true);
  expect(pushed.text).toContain('headwater: taken, with a warning:');
  expect(pushed.text).toContain('HW_SCHEMA_ORPHAN');
});

test('many services vanish only when a pushed commit says so', async () => {
  const { scene, clone } = await start(services(6));
  await using _ = scene;
  const gone = [0, 1, 2, 3].flatMap((i) => [`services/s${i}/config.json`, `schemas/s${i}.schema.json`]);
  await clone.commit(Object.fromEntries(gone.map((path) => [path, null])), 'Take them out');
  const refused = await clone.push();
  expect(refused.ok).toBe(false);
  expect(refused.text).toContain('4 of 6 services disappear');
  expect(refused.text).toContain('Headwater-Allow-Removal: 4');
  await clone.git('commit', '-q', '--amend', '-m', 'Take them out\n\nHeadwater-Allow-Removal: 4');
  await clone.commit({ 'README.md': 'fewer' }, 'Say so');
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('the followed branch is not taken back, not deleted and not made a side line', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const start1 = await scene.tip();
  await clone.commit({ [first]: config(2) });
  await clone.push();
  await scene.follow();
  const tip = await scene.tip();

  const rewind = await clone.push('--force', 'origin', `${start1}:main`);
  expect(rewind.ok).toBe(false);
  expect(rewind.text).toContain(`would take commits off main: ${tip.slice(0, 7)}`);
  expect(rewind.text).toContain('git pull --rebase origin main');
  await clone.git('checkout', '-q', '--orphan', 'other');
  await clone.commit({ [first]: config(3) });
  expect((await clone.push('--force', 'origin', 'HEAD:main')).text).toContain('HW_NOT_FAST_FORWARD');

  const removal = await clone.push('origin', ':main');
  expect(removal.ok).toBe(false);
  expect(removal.text).toContain('cannot be deleted');

  await clone.git('checkout', '-q', '-B', 'mine', start1);
  await clone.commit({ 'services/s1/config.json': config(4) }, 'Mine');
  await clone.git('merge', '-q', '--no-ff', '-m', 'Merge main into mine', tip);
  const merged = await clone.push();
  expect(merged.ok).toBe(false);
  expect(merged.text).toContain('side line');
  expect(merged.text).toContain('git pull --rebase origin main');
  // The way on that it names does lead on.
  await clone.git('pull', '-q', '--rebase', 'origin', 'main');
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('a merge of another line into the followed one comes in, and so does a long history', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  await clone.git('checkout', '-q', '-b', 'mine');
  await clone.commit({ 'services/s1/config.json': config(4) }, 'Mine');
  await clone.git('checkout', '-q', 'main');
  await clone.git('merge', '-q', '--no-ff', '-m', 'Merge mine', 'mine');
  expect(await clone.push()).toMatchObject({ ok: true });
  await scene.follow();
  // More than git unpacks into files of their own: these arrive in a pack.
  for (let i = 0; i < 60; i++) await clone.git('commit', '-q', '--allow-empty', '-m', `step ${i}`);
  await clone.commit({ [first]: config(5), 'docs/notes.md': randomBytes(3000).toString('hex') });
  for (let i = 0; i < 60; i++) await clone.git('commit', '-q', '--allow-empty', '-m', `more ${i}`);
  expect(await clone.push()).toMatchObject({ ok: true });
  await clone.commit({ [first]: config(50) });
  expect(await clone.push()).toMatchObject({ ok: false });
});

test('a branch that something else rewrote is led back by a push, and not carried on', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const start1 = await scene.tip();
  const followed = await clone.commit({ [first]: config(2) });
  await clone.push();
  await scene.follow();
  await scene.git(scene.repo, 'update-ref', 'refs/heads/main', start1);
  await clone.git('checkout', '-q', '-B', 'mine', start1);
  await clone.commit({ [first]: config(3) });
  const carried = await clone.push();
  expect(carried.ok).toBe(false);
  expect(carried.text).toContain('HW_HISTORY_REWRITTEN');
  expect(carried.text).toContain(`git push --force origin ${followed.slice(0, 7)}:main`);
  expect(await clone.push('--force', 'origin', `${followed}:main`)).toMatchObject({ ok: true });
  expect(await scene.tip()).toBe(followed);
});

test('proposals, other branches and tags come in whatever they configure; refs of Headwater and unknown ones do not', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  await clone.commit({ [first]: config(70) });
  for (const ref of ['refs/heads/proposals/louder', 'refs/heads/mine', 'refs/tags/v1', 'refs/notes/commits'])
    expect([ref, await clone.push('origin', `HEAD:${ref}`)]).toMatchObject([ref, { ok: true }]);
  await clone.git('commit', '-q', '--amend', '-m', 'Reworded');
  expect(await clone.push('--force', 'origin', 'HEAD:refs/heads/proposals/louder')).toMatchObject({
    ok: true,
  });
  expect(await clone.push('origin', ':refs/heads/mine')).toMatchObject({ ok: true });
  for (const ref of ['refs/headwater/epochs', 'refs/replace/x', 'refs/heads/MAIN']) {
    const pushed = await clone.push('origin', `HEAD:${ref}`);
    expect([ref, pushed.ok]).toEqual([ref, false]);
    expect(pushed.text).toContain(`remote:   ${ref}`);
    expect(pushed.text).toContain('HW_REF_FORBIDDEN');
  }
});

test('one ref that may not be moved refuses all of the push', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const before = await scene.tip();
  await clone.commit({ [first]: config(2) });
  const pushed = await clone.push('origin', 'HEAD:main', 'HEAD:refs/headwater/mine');
  expect(pushed.ok).toBe(false);
  expect(await scene.tip()).toBe(before);
});

const token = `hw_abcdefghij12_${'A1'.repeat(21)}Z`;
const ageKey = `AGE-SECRET-KEY-1${'QQQQ'.repeat(14)}`;

test.each([
  ['a token', token, 'the Headwater token hw_abcdefghij12_…'],
  ['an age key', `# mine\n${ageKey}\n`, 'a secret key of age'],
  ['an age key in UTF-16', Buffer.from(ageKey, 'utf16le'), 'a secret key of age'],
] as const)('%s is refused on any branch, and never repeated', async (_, content, words) => {
  const { scene, clone } = await start();
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
  const { scene, clone } = await start();
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
  const { scene, clone } = await start();
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
  const { scene, clone } = await start();
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
  const { scene, clone } = await start();
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
  const { scene, clone } = await start();
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

test('two pushes at once: one comes in, the other is told to pull, and nothing is lost', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  const other = await scene.clone('other');
  const mine = await clone.commit({ [first]: config(2) });
  const theirs = await other.commit({ 'services/s1/config.json': config(3) });
  // Both are judged before either is taken in.
  let judged = 0;
  let release = () => {};
  const both = new Promise<void>((resolve) => {
    release = resolve;
  });
  scene.beforeJudging = async () => {
    judged += 1;
    if (judged === 1) setImmediate(() => release());
    await both;
  };
  const results = await Promise.all([clone.push(), other.push()]);
  expect(results.map(({ ok }) => ok).sort()).toEqual([false, true]);
  expect([mine, theirs]).toContain(await scene.tip());
  const [late, lateCommit] = results[0]?.ok ? [other, theirs] : [clone, mine];
  await scene.follow();
  await late.git('pull', '-q', '--rebase', 'origin', 'main');
  expect(await late.push()).toMatchObject({ ok: true });
  expect(lateCommit).not.toBe(await scene.tip());
});

test('what goes wrong while judging refuses the push and shows nothing of it', async () => {
  const { scene, clone } = await start();
  await using _ = scene;
  scene.beforeJudging = async () => {
    throw new Error('cannot open /etc/headwater/root.key');
  };
  await clone.commit({ [first]: config(2) });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(false);
  expect(pushed.text).toContain('HW_INTERNAL');
  expect(pushed.text).not.toContain('root.key');
  expect(scene.log.join('')).toContain('root.key');
});
