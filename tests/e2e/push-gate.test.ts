/** docs/git.md, as it stands: clone over HTTP, a push that is refused, the mended one, and what a service gets of it. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProcess } from '../support/process.ts';
import { transcript } from '../support/readme.ts';
import { root, type Stack, startStack } from '../support/stack.ts';

const page = 'docs/git.md';
const address = 'http://127.0.0.1:7070';

/** Runs what the page says, at this daemon's address; whoever is asked for a password types the admin token. */
async function type(stack: Stack, name: string, cwd: string): Promise<{ code: number | null; text: string }> {
  const askpass = join(stack.folder, 'askpass');
  await writeFile(askpass, `#!/bin/sh\ncat '${stack.ready.adminTokenFile}'\n`);
  await chmod(askpass, 0o700);
  const script = (await transcript(page, name)).replaceAll(address, stack.ready.http);
  const env = { GIT_ASKPASS: askpass, HOME: stack.folder, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
  const done = await runProcess('bash', ['-euo', 'pipefail', '-c', script], { cwd, env });
  return { code: done.code, text: plain(done.stderr, stack) };
}

/** What differs from run to run looks as on the page; git fills its lines up with blanks. */
function plain(text: string, stack: Stack): string {
  return text
    .replaceAll(stack.ready.http, address)
    .replaceAll(stack.data, 'DIR')
    .replace(/request [0-9a-f]{18}/, 'request 0af1f25c7d1e4b6a93')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}

test('clone over HTTP, push: the bad value is refused as the page shows, the good one reaches the service', async () => {
  await using stack = await startStack();
  expect(stack.ready.gitHttp).toBe(`${stack.ready.http}/git/config.git`);
  const connection = await stack.enroll('stt-worker');
  const service = stack.start(`${root}examples/stt-worker/service.mjs`, {
    env: { HEADWATER_CONNECTION: connection },
  });
  await service.waitFor(/started from live config/);

  const refused = await type(stack, 'push', stack.folder);
  expect(refused.code).not.toBe(0);
  const shown = await transcript(page, 'refused');
  expect(refused.text).toBe(shown);
  expect(await readFile(`${root}README.md`, 'utf8')).toContain(shown.split('\n').slice(0, 5).join('\n'));
  const line = await stack.daemon.waitFor(/push refused/);
  expect(line).toContain('HW_CONFIG_INVALID');
  expect(line).toContain('refs/heads/main');

  expect(await type(stack, 'mended', join(stack.folder, 'my-config'))).toEqual({ code: 0, text: '' });
  expect(await service.waitFor(/vad_threshold .*→/)).toContain('0.5 → 0.62');
  expect(service.lines.join('\n')).not.toMatch(/→ 7\b/);
  expect(await stack.daemon.waitFor(/push allowed/)).toContain('refs/heads/main');
  const token = /hw_[a-z0-9]{12}_[A-Za-z0-9]{43}/;
  expect([...stack.daemon.lines.filter((one) => !one.startsWith('{"ready"'))].join('\n')).not.toMatch(token);
});

test('while the daemon is down pushes are refused as the page shows; when it is back they come in', async () => {
  await using stack = await startStack();
  const config = 'services/stt-worker/config.json';
  await stack.daemon.kill('SIGKILL');
  const edit = (value: number) => stack.edit(config, (old) => ({ ...old, vad_threshold: value }));
  const closed = await edit(0.3).catch((error: Error) => plain(error.message, stack));
  expect(closed).toContain(await transcript(page, 'closed'));
  await stack.restart();
  const tip = await edit(0.4);
  await stack.daemon.waitFor(new RegExp(`epoch is live.*${tip.slice(0, 7)}`));
});
