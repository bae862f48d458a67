// The peers, started as their packages ship them: on free loopback ports, with their data in a temporary folder.
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sleep } from './clock.mjs';
import { openGrpc, putRequest } from './grpc.mjs';
import { run, start } from './processes.mjs';

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/**
 * etcd with its defaults: every put is synced to disk before it is answered.
 * @param {string} folder
 */
export async function startEtcd(folder) {
  const [client, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const etcd = start(program('etcd'), [
    ...['--data-dir', join(folder, 'etcd'), '--name', 'bench'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `bench=${peerUrl}`, '--logger', 'zap', '--log-level', 'error'],
  ]);
  await untilAnswered(etcd, async () => {
    const grpc = openGrpc(url);
    try {
      await grpc.put(putRequest('ready', Buffer.from('1')));
    } finally {
      grpc.close();
    }
  });
  const version = /etcd Version: (\S+)/.exec(await run(program('etcd'), ['--version']))?.[1];
  return { ...etcd, url, version };
}

/** @param {string} folder */
export async function startMosquitto(folder) {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n`,
  );
  const mosquitto = start(program('mosquitto'), ['-c', file]);
  await mosquitto.line(/ running$/);
  const version = /mosquitto version (\S+)/.exec(await mosquitto.line(/mosquitto version/))?.[1];
  return { ...mosquitto, port, version };
}

/** Debian puts servers into /usr/sbin, which is not in everybody's PATH. */
function program(name) {
  for (const folder of [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin']) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this folder
    }
  }
  throw new Error(`${name} is not installed: run sh scripts/setup.sh bench`);
}

async function untilAnswered(server, ask) {
  let isOver = false;
  server.ended.then(() => {
    isOver = true;
  });
  for (const deadline = performance.now() + 15_000; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (isOver || performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
