/** The README's transcripts, pasted as they stand, in a copy of the checkout beside an empty folder. */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { readmeTranscript } from '../support/readme.ts';
import { root, temporaryFolder } from '../support/stack.ts';

let folder: string;
let checkout: string;
const env = { HEADWATER_HTTP: '127.0.0.1:0', HEADWATER_MQTT: '127.0.0.1:0', HEADWATER_LOG_FORMAT: 'text' };

beforeAll(async () => {
  folder = await temporaryFolder();
  checkout = join(folder, 'headwater');
  await mkdir(checkout);
  // Installed packages are shared: what npm puts there is the subject of other tests.
  for (const name of [
    'Makefile',
    'package.json',
    'package-lock.json',
    '.npmrc',
    'tsconfig.json',
    'tsconfig.base.json',
  ]) {
    await cp(join(root, name), join(checkout, name));
  }
  for (const name of ['scripts', 'schemas', 'client', 'daemon', 'web', 'config-repo', 'examples']) {
    await cp(join(root, name), join(checkout, name), {
      recursive: true,
      filter: (path) => !path.endsWith('/node_modules'),
    });
  }
  // Hard links where the file system allows it; the links to the workspaces are relative and point into the copy.
  const linked = await runProcess('cp', ['-al', join(root, 'node_modules'), checkout]);
  if (linked.code !== 0) await runProcess('cp', ['-a', join(root, 'node_modules'), checkout]);
});
afterAll(async () => {
  // The demo's parts are processes of their own: a test that failed half-way leaves them to this.
  await paste('make stop', checkout).ended;
  await rm(folder, { recursive: true, force: true });
});

/** As typed into a fresh shell; it ends when its last command does. */
function paste(script: string, cwd: string): RunningProcess {
  return startProcess('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: {
      ...env,
      HOME: folder,
      XDG_STATE_HOME: join(folder, 'state'),
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
  });
}

test('change something and watch it arrive', async () => {
  await using demo = paste('exec make start', checkout);
  await demo.waitFor(/started from live config/);
  await using edit = paste(await readmeTranscript('change'), checkout);
  expect(await edit.ended).toBe(0);
  expect(await demo.waitFor(/vad_threshold .*→/)).toMatch(
    /0\.5 → 0\.62 {3}epoch #\d+ · [0-9a-f]{7} {3}signature ok/,
  );

  await using stop = paste('make stop', checkout);
  expect(await stop.ended).toBe(0);
  await demo.ended;
  expect(demo.lines.join('\n')).toContain('The data stays');

  await using again = paste('exec make start', checkout);
  await again.waitFor(/started from last-known-good copy/);
  await again.waitFor(/vad_threshold 0\.62/);
  await using end = paste('make stop', checkout);
  await end.ended;
});

test('a service of your own', async () => {
  const [setUp, use] = [await readmeTranscript('own-1'), await readmeTranscript('own-2')];
  await using daemon = paste(setUp, checkout);
  await daemon.waitFor(/"ready":true/);
  const exported = setUp.split('\n').find((line) => line.startsWith('export')) as string;
  const mine = join(folder, 'my-greeter');
  await using service = paste(`cd ${checkout} && ${exported} && cd ${mine}\n${use}`, folder);
  await service.waitFor(/^Hello$/);
  await using edit = paste(
    `sed -i 's/Hello/Good morning/' services/greeter/config.json && git -c user.name=You -c user.email=you@example.org commit -qam "Say it nicer"`,
    join(mine, 'config'),
  );
  expect(await edit.ended).toBe(0);
  await service.waitFor(/^Good morning$/);
  expect(await readFile(join(mine, 'config/services/greeter/recipients.dev.txt'), 'utf8')).toMatch(/^age1/m);
});
