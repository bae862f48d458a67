// Question: where does the time between "ref visible" and "applied" go? A run of its own, because looking costs time too.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { msBetween, pause } from './support/clock.mjs';
import {
  configPath,
  configText,
  makeRepository,
  openWriter,
  serviceName,
  startDaemon,
} from './support/headwater.mjs';
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const changes = 200;
const warmUps = 80;

export const title = 'stages of one change';

/** Where a stage ends, in order; it begins where the one before ends. */
const ends = [
  ['noticed: the ref is read', 'daemon', 'engine'],
  ['commit and folders read', 'daemon', 'commit read'],
  ['index, resolve, judge', 'daemon', 'publish'],
  ['snapshot and diff signed', 'daemon', 'signed', 2],
  ['through the embedded broker', 'daemon', 'socket write'],
  ['across the socket', 'client', 'bytes'],
  ['MQTT parsed, header read', 'client', 'verify'],
  ['signature verified', 'client', 'verified'],
  ['payload parsed, patched, digest, swap', 'client', 'applied'],
];

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const repository = await makeRepository(folder, 50);
  const trace = (name) => fileURLToPath(new URL(`./children/trace-${name}.mjs`, import.meta.url));
  const daemon = await startDaemon(folder, repository, {
    nodeArgs: ['--import', trace('daemon')],
    ipc: true,
  });
  const service = serviceName(0);
  const { file } = await daemon.enroll(service);
  const writer = await openWriter(repository);
  const settings = { connection: file, cacheDir: join(folder, 'cache'), crypto: 'node' };
  const client = startChild('follow', settings, { execArgv: ['--import', trace('client')] });
  /** @type {{ side: string, name: string, at: string }[]} */
  let marks = [];
  const note = (side) => (message) => {
    if (message.type === 'marks') marks.push(...message.marks.map(([name, at]) => ({ side, name, at })));
  };
  daemon.child.on('message', note('daemon'));
  client.child.on('message', note('client'));
  await client.next('ready');
  const stages = ends.map(() => []);
  const total = [];
  for (let i = -warmUps; i < changes; i++) {
    if (i === 0) progress(`${changes} changes`);
    marks = [];
    const change = { [configPath(service)]: configText(1_000 + i) };
    const { at, commit } = writer.commit(change, { durable: false });
    let applied = await client.next('applied');
    while (applied.commit !== commit) applied = await client.next('applied');
    await pause(); // the marks come a moment later
    marks.push({ side: 'client', name: 'applied', at: applied.at });
    if (i < 0) continue;
    const times = ends.map(([, side, name, count = 1]) => timeOf(marks, at, side, name, count));
    // A change that shared its moment with a statement or a poll has marks of both; it is left out.
    if (times.some((time, k) => time === null || (k > 0 && time < times[k - 1]))) continue;
    for (const [k, list] of stages.entries()) list.push(times[k] - (times[k - 1] ?? 0));
    total.push(times.at(-1));
  }
  await client.stop();
  await daemon.stop();
  return {
    total: summarize(total),
    stages: ends.map(([name], k) => ({ name, ...summarize(stages[k]) })),
  };
}

function timeOf(marks, from, side, name, count) {
  const found = marks.filter(
    (mark) => mark.side === side && mark.name === name && msBetween(from, mark.at) > 0,
  );
  return found.length < count ? null : msBetween(from, found[count - 1].at);
}
