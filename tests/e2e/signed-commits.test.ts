/** docs/signed-commits.md, as it stands, and a repository that requires signatures: what the daemon commits, what is pushed, and what gets past the gate. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProcess } from '../support/process.ts';
import { transcript } from '../support/readme.ts';
import { startStack } from '../support/stack.ts';

const page = 'docs/signed-commits.md';

const config = 'services/stt-worker/config.json';

test('only signed commits are published; what got past the gate waits until somebody vouches for it', async () => {
  await using stack = await startStack();
  const type = async (name: string) => {
    const script = await transcript(page, name);
    const env = { HOME: stack.folder, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
    return runProcess('bash', ['-euo', 'pipefail', '-c', script], { cwd: stack.clone, env });
  };

  const shown = await stack.headwater('keys', 'show', '--data', stack.data, '--json');
  const { allowedSigner } = JSON.parse(shown.stdout) as { allowedSigner: string };
  const signers = await readFile(join(stack.clone, 'allowed_signers'), 'utf8');
  expect(signers).toContain(`${allowedSigner}\n`);
  // The daemon signed what it made itself: the first commit.
  await stack.git('config', 'gpg.ssh.allowedSignersFile', join(stack.clone, 'allowed_signers'));
  expect(await stack.git('log', '--format=%G? %GS %cn')).toBe('G headwater@localhost Headwater');
  await mkdir(join(stack.folder, '.ssh'), { mode: 0o700 });
  for (const step of ['sign', 'require']) expect(await type(step)).toMatchObject({ code: 0, stdout: '' });
  expect((await type('look')).stdout.trim()).toBe(await transcript(page, 'seen'));

  await stack.git('config', 'commit.gpgsign', 'false');
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
