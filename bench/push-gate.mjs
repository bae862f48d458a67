// Question: what does the gate add to a push, through the file system and over HTTP? The peer is the same push into the same kind of
// repository, with the same settings and no hook.
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { msBetween, now, pause } from './support/clock.mjs';
import { configPath, configText, makeRepository, serviceName, startDaemon } from './support/headwater.mjs';
import { run, startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const pushes = 60;
const warmUp = 5;

export const title = 'git push with and without the gate';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const gated = await makeRepository(folder, 50);
  const plain = join(folder, 'plain.git');
  await run('git', ['clone', '-q', '--bare', gated, plain]);
  const daemon = await startDaemon(folder, gated);
  symlinkSync(join(daemon.data, 'gate/pre-receive'), join(gated, 'hooks/pre-receive'));
  await sameSettings(gated, plain);
  const password = readFileSync(daemon.ready.adminTokenFile, 'utf8').trim();
  const other = startChild('git-http', { repository: plain, password });
  const { port } = await other.next('ready');
  const ours = new URL(daemon.ready.gitHttp);
  const targets = {
    file: { gated, plain },
    http: {
      gated: `http://x:${password}@${ours.host}${ours.pathname}`,
      plain: `http://x:${password}@127.0.0.1:${port}`,
    },
  };

  const clone = join(folder, 'clone');
  await run('git', ['clone', '-q', gated, clone]);
  const git = (...args) =>
    run('git', ['-C', clone, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', ...args]);
  const samples = { file: { gated: [], plain: [] }, http: { gated: [], plain: [] } };
  let value = 10;
  for (let i = -warmUp; i < pushes; i++) {
    if (i % 20 === 0) progress(`push ${i} of ${pushes}`);
    for (const way of ['file', 'http']) {
      writeFileSync(join(clone, configPath(serviceName(i & 31))), configText(value++));
      await git('commit', '-q', '-a', '-m', 'Change config');
      // Each goes first as often as the other.
      for (const side of i % 2 === 0 ? ['gated', 'plain'] : ['plain', 'gated']) {
        await pause();
        const at = now();
        await git('push', '-q', targets[way][side], 'HEAD:main');
        if (i >= 0) samples[way][side].push(msBetween(at, now()));
      }
    }
  }
  await other.stop();
  await daemon.stop();
  return {
    file: { gated: summarize(samples.file.gated), plain: summarize(samples.file.plain) },
    http: { gated: summarize(samples.http.gated), plain: summarize(samples.http.plain) },
  };
}

/** What the daemon sets in a repository of its own, in both. */
async function sameSettings(gated, plain) {
  const settings = [
    ['core.fsync', 'committed,reference'],
    ['receive.fsckObjects', 'true'],
    ['receive.autogc', 'false'],
    ['gc.auto', '0'],
  ];
  for (const [key, value] of settings) await run('git', ['-C', gated, 'config', key, value]);
  copyFileSync(join(gated, 'config'), join(plain, 'config'));
}
