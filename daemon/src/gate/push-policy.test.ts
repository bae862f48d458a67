/** Pushes to a branch whose policy asks for something: approvals, signatures. */
import { expect, test, vi } from 'vitest';
import { type Clone, type PushScene, startPushScene } from '../testing/push-scene.ts';
import { makeSshKey } from '../testing/ssh-keys.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const environments = ['dev', 'prod', { name: 'robot', extends: 'prod' }];
const settings = (policy: object) =>
  `${JSON.stringify({ headwater: 1, deployment: 'tars', environments, ...policy }, null, 2)}\n`;
const files = {
  'headwater.json': settings({}),
  'schemas/a.schema.json': JSON.stringify({ type: 'object', properties: { level: { type: 'integer' } } }),
  'services/a/config.json': '{"level":1}\n',
};
const prod = 'services/a/config.prod.json';

async function start(more: Readonly<Record<string, string>>): Promise<{ scene: PushScene; clone: Clone }> {
  const scene = await startPushScene({ files: { ...files, ...more } });
  return { scene, clone: await scene.clone('clone') };
}

test('a push does not change a protected environment, nor one that extends it, nor the policy; it is shown how to propose', async () => {
  const { scene, clone } = await start({ 'headwater.json': settings({ protected: ['prod'] }) });
  await using _ = scene;
  await clone.commit({ 'services/a/config.dev.json': '{"level":2}\n', 'README.md': 'free' });
  expect(await clone.push()).toMatchObject({ ok: true });
  await scene.follow();
  for (const change of [
    { 'services/a/config.json': '{"level":2}\n' },
    { [prod]: '{"level":2}\n' },
    { 'services/a/config.robot.json': '{"level":2}\n' },
    { 'headwater.json': settings({}) },
    { '.sops.yaml': 'creation_rules: []\n' },
  ]) {
    await clone.commit(change);
    const pushed = await clone.push();
    expect([change, pushed.ok]).toEqual([change, false]);
    expect(pushed.text).toContain('HW_PROTECTED');
    expect(pushed.text).toContain('git push origin HEAD:refs/heads/proposals/<name>');
    expect(await clone.push('--force', 'origin', 'HEAD:refs/heads/proposals/mine')).toMatchObject({
      ok: true,
    });
    await clone.git('reset', '-q', '--hard', 'origin/main');
  }
});

test('what got past the gate without approval may be taken back by a push, and by nothing else', async () => {
  const { scene, clone } = await start({ 'headwater.json': settings({ protected: ['prod'] }) });
  await using _ = scene;
  const sneaked = await clone.commit({ [prod]: '{"level":9}\n' });
  await clone.push('origin', 'HEAD:refs/heads/aside');
  await scene.git(scene.repo, 'update-ref', 'refs/heads/main', sneaked);
  await scene.follow();
  await clone.commit({ [prod]: '{"level":8}\n' });
  expect((await clone.push()).text).toContain('HW_PROTECTED');
  await clone.git('reset', '-q', '--hard', sneaked);
  await clone.git('revert', '--no-edit', sneaked);
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('where signatures are required the newest pushed commit must have one that counts; where they are wished for it is told', async () => {
  const keyFolder = await startPushScene({ files });
  await using _keys = keyFolder;
  const key = makeSshKey(keyFolder.folder, 'key', 'ed25519');
  const signers = { allowed_signers: `ann@example.org ${key.publicKey}\n` };
  const sign = async (clone: Clone) => {
    await clone.git('config', 'gpg.format', 'ssh');
    await clone.git('config', 'user.signingkey', `${key.path}.pub`);
    await clone.git('commit', '-q', '--amend', '--no-edit', '-S');
  };

  const strict = await start({ 'headwater.json': settings({ signedCommits: 'require' }), ...signers });
  await using _strict = strict.scene;
  const commit = await strict.clone.commit({ [prod]: '{"level":2}\n' });
  const refused = await strict.clone.push();
  expect(refused.ok).toBe(false);
  expect(refused.text).toContain(`commit ${commit.slice(0, 7)}`);
  expect(refused.text).toContain('HW_COMMIT_UNSIGNED');
  await sign(strict.clone);
  expect(await strict.clone.push()).toMatchObject({ ok: true });

  const lenient = await start({ 'headwater.json': settings({ signedCommits: 'warn' }), ...signers });
  await using _lenient = lenient.scene;
  await lenient.clone.commit({ [prod]: '{"level":2}\n' });
  const warned = await lenient.clone.push();
  expect(warned.ok).toBe(true);
  expect(warned.text).toContain('headwater: taken, with a warning:');
  expect(warned.text).toContain('HW_COMMIT_UNSIGNED');
});
