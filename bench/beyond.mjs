// Question: what about the rest of the way: a real `git push`, a commit that changes a thousand services, and the daemon's memory?
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { msBetween, now, sleep } from './support/clock.mjs';
import {
  configPath,
  configText,
  makeRepository,
  openWriter,
  residentBytes,
  serviceName,
  startDaemon,
} from './support/headwater.mjs';
import { connectMqtt } from './support/mqtt.mjs';
import { run, startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const pushes = 15;
const services = 1_000;
const bigCommits = 10;

export const title = 'git push → applied; 1,000 services in one commit; memory';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  progress('git push');
  const small = join(folder, 'small');
  const pushed = await measurePushes(small);
  rmSync(small, { recursive: true });
  progress(`a repository of ${services} services`);
  return { ...pushed, ...(await measureBigCommits(join(folder, 'large'), progress)) };
}

async function measurePushes(folder) {
  const repository = await makeRepository(folder, 50);
  const daemon = await startDaemon(folder, repository);
  const service = serviceName(0);
  const { file } = await daemon.enroll(service);
  const clone = join(folder, 'clone');
  await run('git', ['clone', '-q', repository, clone]);
  const git = (...args) =>
    run('git', ['-C', clone, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', ...args]);
  const client = startChild('follow', { connection: file, cacheDir: join(folder, 'cache'), crypto: 'node' });
  await client.next('ready');
  const push = [];
  const alone = [];
  for (let i = 0; i < pushes + 3; i++) {
    writeFileSync(join(clone, configPath(service)), configText(10 + i));
    await git('commit', '-q', '-a', '-m', 'Change config');
    const commit = (await git('rev-parse', 'HEAD')).trim();
    const at = now();
    const pushing = git('push', '-q', 'origin', 'HEAD:main').then(() => now());
    let applied = await client.next('applied');
    while (applied.commit !== commit) applied = await client.next('applied');
    const doneAt = await pushing;
    if (i >= 3) {
      push.push(msBetween(at, applied.at));
      alone.push(msBetween(at, doneAt));
    }
    await sleep(100);
  }
  const memory = residentBytes(daemon.child.pid);
  await client.stop();
  await daemon.stop();
  return { push: summarize(push), pushAlone: summarize(alone), memory50: memory };
}

async function measureBigCommits(folder, progress) {
  const repository = await makeRepository(folder, services);
  const startedAt = now();
  const daemon = await startDaemon(folder, repository);
  const startMs = msBetween(startedAt, now());
  const { connection } = await daemon.enroll(serviceName(0));
  const statements = await followStatements(connection);
  const writer = await openWriter(repository);
  const memoryIdle = residentBytes(daemon.child.pid);
  const all = [];
  for (let i = 0; i < bigCommits; i++) {
    progress(`commit ${i + 1} of ${bigCommits}, ${services} services each`);
    const names = Array.from({ length: services }, (_, k) => [
      configPath(serviceName(k)),
      configText(100 + i),
    ]);
    // Statements are at most two a second; one that had to wait would be measured for its waiting.
    await sleep(1_500);
    const { at, commit } = writer.commit(Object.fromEntries(names), { durable: false });
    all.push(msBetween(at, await statements.of(commit)));
  }
  statements.close();
  const memory = residentBytes(daemon.child.pid);
  await daemon.stop();
  return { thousand: summarize(all), startMs, memoryIdle1000: memoryIdle, memory1000: memory };
}

/** The statement of an epoch goes out when everything of that epoch was published. */
async function followStatements({ broker, token, deployment, env, service }) {
  const client = await connectMqtt(Number(new URL(broker).port), {
    clientId: `${env}.${service}.bench`,
    username: `${env}/${service}`,
    password: token,
  });
  const arrived = new Map();
  let wake = () => {};
  client.on('message', (_topic, payload) => {
    const at = now();
    const { epoch } = JSON.parse(payload.toString('utf8').split('\n').slice(1).join('\n'));
    if (!arrived.has(epoch.commit)) arrived.set(epoch.commit, at);
    wake();
  });
  await client.subscribeAsync(`headwater/${deployment}/${env}/epoch`, { qos: 0 });
  return {
    async of(commit) {
      while (!arrived.has(commit)) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      return arrived.get(commit);
    },
    close: () => client.end(true),
  };
}
