/** A repository that requires signatures: what the daemon commits, what is pushed, and what gets past the gate. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeSshKey } from '../../daemon/src/testing/ssh-keys.ts';
import { runProcess } from '../support/process.ts';
import { startStack } from '../support/stack.ts';

const config = 'services/stt-worker/config.json';

test('only signed commits are published; what got past the gate waits until somebody vouches for it', async () => {
  await using stack = await startStack();
  const ann = makeSshKey(stack.folder, 'ann', 'ed25519');
  await stack.git('config', 'gpg.format', 'ssh');
  await stack.git('config', 'user.signingkey', `${ann.path}.pub`);
  await stack.git('config', 'gpg.ssh.allowedSignersFile', join(stack.clone, 'allowed_signers'));

  const shown = await stack.headwater('keys', 'show', '--data', stack.data, '--json');
  const { allowedSigner } = JSON.parse(shown.stdout) as { allowedSigner: string };
  const signers = await readFile(join(stack.clone, 'allowed_signers'), 'utf8');
  expect(signers).toContain(`${allowedSigner}\n`);
  // The daemon signed what it made itself: the first commit.
  expect(await stack.git('log', '--format=%G? %GS %cn')).toBe('G headwater@localhost Headwater');
  const settings = JSON.parse(await readFile(join(stack.clone, 'headwater.json'), 'utf8')) as object;
  await stack.push({
    allowed_signers: `${signers}ann@example.org namespaces="git" ${ann.publicKey}\n`,
    'headwater.json': `${JSON.stringify({ ...settings, signedCommits: 'require' }, null, 2)}\n`,
  });

  await expect(stack.push({ 'README.md': 'unsigned' })).rejects.toThrow('HW_COMMIT_UNSIGNED');
  await stack.git('reset', '-q', '--hard', 'origin/main');

  const sneaked = await stack.land(config, (value) => ({ ...value, vad_threshold: 0.61 }));
  expect(await stack.daemon.waitFor(/commit is held/)).toContain('HW_COMMIT_UNSIGNED');
  const held = await stack.headwater('status', '--data', stack.data);
  expect([held.code, held.stdout]).toEqual([
    1,
    expect.stringContaining(`held everything since ${sneaked.slice(0, 7)}`),
  ]);
  await stack.git('commit', '-q', '-S', '--allow-empty', '-m', 'Vouch for the threshold');
  await stack.git('push', '-q', 'origin', 'HEAD:main');
  const vouched = await stack.git('rev-parse', 'HEAD');
  await stack.daemon.waitFor(new RegExp(`nothing is held any more.*${vouched.slice(0, 7)}`));

  const fine = await stack.headwater('status', '--data', stack.data);
  expect([fine.code, fine.stdout]).toEqual([0, expect.not.stringContaining('held')]);
  const checked = await runProcess('git', ['-C', stack.clone, 'fsck', '--strict']);
  expect(checked.code).toBe(0);
});
