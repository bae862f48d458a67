// Question: a change concerns a thousand instances. How long until the last one has it, and what if one of them does not read?
import { msBetween, sleep } from './support/clock.mjs';
import { subscribeLean } from './support/lean-mqtt.mjs';
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const subscribers = 1_000;
const rounds = 60;
const warmUps = 25;
const bytes = 1_024;
const bigBytes = 50_000;
const username = 'dev/stt-worker';
const prefix = `headwater/bench/dev/services/stt-worker`;

export const title = `publish → the last of ${subscribers} subscribers`;

/** @param {import('./run.mjs').Context} context */
export async function measure({ progress }) {
  progress(`connecting 3 × ${subscribers} subscribers`);
  const sides = {
    embedded: await startSide('embedded'),
    stock: await startSide('stock'),
    stalled: await startSide('embedded'),
  };
  const stalled = await stall(sides.stalled);
  const samples = { embedded: [], stock: [], stalled: [] };
  progress('publishing');
  for (let i = -warmUps; i < rounds; i++) {
    for (const [name, side] of Object.entries(sides)) {
      const ms = await round(side);
      if (i >= 0) samples[name].push(ms);
    }
  }
  if (stalled.destroyed) throw new Error('the subscriber that does not read was cut off too early');
  stalled.destroy();
  for (const { broker, groups } of Object.values(sides)) {
    await Promise.all([broker.stop(), ...groups.map((group) => group.stop())]);
  }
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, summarize(list)]));
}

async function startSide(kind) {
  const broker = startChild('broker', { kind });
  const { port } = await broker.next('ready');
  const count = subscribers / 2;
  const common = { port, count, username, topic: `${prefix}/diff`, bytes };
  const groups = [0, 1].map((i) => startChild('fan-out-subscribers', { ...common, first: i * count }));
  await Promise.all(groups.map((group) => group.next('ready')));
  return { broker, groups, port };
}

/** Milliseconds from the publish call until every subscriber has all of it. */
async function round({ broker, groups }) {
  const all = groups.map((group) => group.next('all'));
  broker.send({ topic: `${prefix}/diff`, bytes });
  const { at } = await broker.next('published');
  const times = (await Promise.all(all)).map((group) => msBetween(at, group.at));
  await sleep(30);
  return Math.max(...times);
}

/** A subscriber with megabytes waiting for it that it never reads, just not enough to be cut off. */
async function stall(side) {
  await connectStalled(side, 'first');
  const limit = await fill(side, Number.POSITIVE_INFINITY);
  const socket = await connectStalled(side, 'second');
  await fill(side, limit - 30); // well below four megabytes, so that the rounds below fit in too
  return socket;
}

async function connectStalled({ port }, name) {
  const topics = [`${prefix}/snapshot`, `${prefix}/diff`];
  const clientId = `dev.stt-worker.stalled-${name}`;
  const socket = await subscribeLean({ port, clientId, username, topics, onBytes: () => {} });
  socket.on('error', () => {}); // it will be cut off
  socket.pause();
  return socket;
}

/** Publishes large messages until the broker cuts the subscriber off, or `most` of them. Returns how many it took. */
async function fill({ broker }, most) {
  for (let sent = 0; sent < most; sent += 1) {
    broker.send({ topic: `${prefix}/snapshot`, bytes: bigBytes });
    const { connections } = await broker.next('published');
    if (connections <= subscribers) return sent;
    if (sent > 2_000) throw new Error('the broker never cut off a subscriber that does not read');
  }
  return most;
}
