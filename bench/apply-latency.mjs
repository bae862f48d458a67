// Question: a commit becomes visible in the repository. How long until another process runs that config, verified? Beside it, in
// the same minutes and with the same bytes: etcd from put to watch event, and Mosquitto from publish to receipt.
import { join } from 'node:path';
import { captureDiff } from './support/capture.mjs';
import { msBetween, now, pause, sleep } from './support/clock.mjs';
import { openGrpc, putRequest } from './support/grpc.mjs';
import {
  configPath,
  configText,
  makeRepository,
  openWriter,
  serviceName,
  startDaemon,
} from './support/headwater.mjs';
import { connectMqtt } from './support/mqtt.mjs';
import { startEtcd, startMosquitto } from './support/peers.mjs';
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const passes = 6;
const perPass = 60;
const warmUps = 80;

export const title = 'ref visible → applied in another process';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const repository = await makeRepository(folder, 50);
  const daemon = await startDaemon(folder, repository);
  const sides = [];
  const enrolled = [await daemon.enroll(serviceName(0)), await daemon.enroll(serviceName(1))];
  const captured = await captureDiff(enrolled[0].connection);
  const writer = await openWriter(repository);
  const ours = async (name, index, crypto) => {
    const { file } = enrolled[index];
    const client = startChild('follow', {
      connection: file,
      crypto,
      cacheDir: join(folder, `cache-${index}`),
    });
    await client.next('ready');
    return headwaterSide(name, writer, serviceName(index), client);
  };
  sides.push(await ours('native', 0, 'node'));
  sides.push(await ours('noble', 1, 'noble'));

  await sides[0].once(); // its diff message gives the size of the peers' messages
  const message = await captured.message;
  const etcd = await startEtcd(folder);
  sides.push(await grpcSide('etcd', etcd.url, message.length));
  sides.push(await grpcSide('etcd1k', etcd.url, 1024));
  const echo = startChild('echo-grpc', {});
  const { port } = await echo.next('ready');
  sides.push(await grpcSide('grpcFloor', `http://127.0.0.1:${port}`, message.length));
  const mosquitto = await startMosquitto(folder);
  sides.push(await mqttSide('mosquitto', mosquitto.port, message));

  progress('warming up');
  for (const side of sides) await repeat(side, warmUps, []);
  const samples = Object.fromEntries(sides.map((side) => [side.name, []]));
  const durableCommit = [];
  for (let pass = 1; pass <= passes; pass++) {
    progress(`pass ${pass} of ${passes}`);
    for (const side of sides) await repeat(side, perPass, samples[side.name]);
    await repeat({ once: () => sides[0].durably() }, perPass, durableCommit);
  }
  progress('a busy branch');
  const busy = [];
  for (let i = 0; i < 150; i++) {
    busy.push((await sides[0].once()).ms);
    await sleep(2);
  }
  for (const side of sides) await side.close();
  await Promise.all([daemon.stop(), etcd.stop(), echo.stop(), mosquitto.stop()]);
  const summaries = Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [name, summarize(list)]),
  );
  return {
    messageBytes: message.length,
    versions: { etcd: etcd.version, mosquitto: mosquitto.version },
    durableCommit: summarize(durableCommit),
    busy: summarize(busy),
    ...summaries,
  };
}

async function repeat(side, count, samples) {
  for (let i = 0; i < count; i++) {
    samples.push((await side.once()).ms);
    await pause();
  }
}

let value = 1;

function headwaterSide(name, writer, service, client) {
  const change = async (options) => {
    value += 1;
    const written = writer.commit({ [configPath(service)]: configText(value) }, options);
    let applied = await client.next('applied');
    while (applied.commit !== written.commit) applied = await client.next('applied');
    return { ...written, applied };
  };
  return {
    name,
    /** From the moment the branch shows the commit. */
    async once() {
      const { at, applied } = await change({ durable: false });
      return { ms: msBetween(at, applied.at) };
    },
    /** From before the first object is written, with everything synced to disk on the way, as etcd's put is. */
    async durably() {
      const { startedAt, applied } = await change({ durable: true });
      return { ms: msBetween(startedAt, applied.at) };
    },
    close: () => client.stop(),
  };
}

async function grpcSide(name, url, bytes) {
  const key = `services/${name}`;
  const watcher = startChild('watch-etcd', { url, key });
  await watcher.next('ready');
  const grpc = openGrpc(url);
  const payload = Buffer.alloc(bytes, 'x');
  return {
    name,
    async once() {
      payload.writeUInt32BE(++value);
      const at = now();
      const acknowledged = grpc.put(putRequest(key, payload));
      const arrived = await watcher.next('arrived');
      await acknowledged;
      return { ms: msBetween(at, arrived.at) };
    },
    async close() {
      grpc.close();
      await watcher.stop();
    },
  };
}

async function mqttSide(name, port, message) {
  const topic = 'headwater/bench/dev/services/service-0000/diff';
  const subscriber = startChild('subscribe-mqtt', { port, topic });
  await subscriber.next('ready');
  const client = await connectMqtt(port, { clientId: 'publisher' });
  const payload = Buffer.from(message);
  return {
    name,
    async once() {
      payload.writeUInt32BE(++value);
      const at = now();
      const acknowledged = client.publishAsync(topic, payload, { qos: 1 });
      const arrived = await subscriber.next('arrived');
      await acknowledged;
      return { ms: msBetween(at, arrived.at) };
    },
    async close() {
      client.end(true);
      await subscriber.stop();
    },
  };
}
