/** Pushes through the file system to a hosted repository: what comes in, what does not, and what the pusher reads. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { config, first, serviceSchema, services, startPushing } from '../testing/push-files.ts';
import { startPushScene } from '../testing/push-scene.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

test('a good change comes in', async () => {
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing(services(3, (i) => (i === 0 ? 70 : 1)));
  await using _ = scene;
  await clone.commit({ 'services/s1/config.json': config(2) });
  expect(await clone.push()).toMatchObject({ ok: true });
  await scene.follow();
  await clone.commit({ [first]: config(3), 'services/s2/config.json': config(2) });
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('several commits count as what they make together', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await clone.commit({ [first]: config(70) }, 'A slip');
  expect(await clone.push()).toMatchObject({ ok: false });
  await clone.commit({ [first]: config(7) }, 'Mend it');
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('many problems are cut after twenty, and what files say cannot steer a terminal', async () => {
  const { scene, clone } = await startPushing(services(25));
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
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await clone.commit({ 'schemas/nobody.schema.json': serviceSchema });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(true);
  expect(pushed.text).toContain('headwater: taken, with a warning:');
  expect(pushed.text).toContain('HW_SCHEMA_ORPHAN');
});

test('many services vanish only when a pushed commit says so', async () => {
  const { scene, clone } = await startPushing(services(6));
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
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
  await using _ = scene;
  const before = await scene.tip();
  await clone.commit({ [first]: config(2) });
  const pushed = await clone.push('origin', 'HEAD:main', 'HEAD:refs/headwater/mine');
  expect(pushed.ok).toBe(false);
  expect(await scene.tip()).toBe(before);
});

test('two pushes at once: one comes in, the other is told to pull, and nothing is lost', async () => {
  const { scene, clone } = await startPushing();
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
  const { scene, clone } = await startPushing();
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

test('settings of the pusher that keep hooks elsewhere do not lead around the gate', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await writeFile(join(scene.folder, '.gitconfig'), '[core]\n\thooksPath = /nowhere\n');
  await clone.commit({ [first]: config(70) });
  expect((await clone.push()).text).toContain('headwater: this push was refused');
});

test('a hosted repository that is told to take its hooks from elsewhere has no gate, and says so', async () => {
  await using scene = await startPushScene({
    files: services(1),
    prepare: async (repo) => {
      const config = join(repo, 'config');
      await writeFile(config, `${await readFile(config, 'utf8')}[core]\n\thooksPath = /nowhere\n`);
    },
  });
  expect(scene.problems.list()).toMatchObject([{ code: 'HW_GATE_FOREIGN_HOOK' }]);
});

test('the gate answers for its own repository and for objects in it alone', async () => {
  const { scene, clone } = await startPushing();
  await using _ = scene;
  await scene.git(scene.folder, 'clone', '-q', '--bare', scene.repo, 'other.git');
  const other = join(scene.folder, 'other.git');
  await symlink(join(scene.gateDir, 'pre-receive'), join(other, 'hooks/pre-receive'));
  await clone.commit({ [first]: config(2) });
  const elsewhere = await clone.push(other, 'HEAD:main');
  expect(elsewhere.ok).toBe(false);
  expect(elsewhere.text).toContain('the daemon follows another repository than');

  const hook = spawn(join(scene.gateDir, 'pre-receive'), {
    cwd: scene.repo,
    env: { PATH: process.env.PATH, GIT_QUARANTINE_PATH: join(other, 'objects/incoming-x') },
  });
  hook.stdin.end(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/x\n`);
  expect(await text(hook.stderr)).toContain('is no folder of pushed objects of this repository');
});
