// A running service that reads one setting many times, and opens one message many times.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connect } from '@headwater/client';
import { applyPatch, digestOf, openKeys, openMessage } from '@headwater/schemas/protocol';
import { nobleCrypto } from '@headwater/schemas/protocol/noble';
import { nodeCrypto } from '@headwater/schemas/protocol/node';

const { connection, cacheDir, message } = JSON.parse(process.argv[2]);
const client = await connect({ connection, cacheDir, stateDir: cacheDir, log: () => {} });
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const perRound = 20_000_000;

function readMany(count) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += client.config.vad_threshold;
  return sum;
}

const nsPerRead = [];
readMany(perRound);
collect();
const heapBefore = process.memoryUsage().heapUsed;
for (let round = 0; round < 10; round++) {
  const at = process.hrtime.bigint();
  readMany(perRound);
  nsPerRead.push(Number(process.hrtime.bigint() - at) / perRound);
}
const bytesPerRead = (process.memoryUsage().heapUsed - heapBefore) / (10 * perRound);

const { keys, trust, deployment, env, service } = JSON.parse(readFileSync(connection, 'utf8'));
const bytes = Buffer.from(message, 'base64');
const target = { deployment, env, service };
const handling = {};
for (const [name, crypto, count] of [
  ['native', nodeCrypto, 2_000],
  ['noble', nobleCrypto, 300],
]) {
  const keyring = openKeys(Buffer.from(keys), { roots: trust, deployment, version: 0 }, crypto);
  const samples = [];
  for (let i = -count / 2; i < count; i++) {
    const at = process.hrtime.bigint();
    const { payload } = openMessage(bytes, ['diff'], target, keyring, crypto);
    const config = applyPatch(client.config, payload.ops);
    digestOf(config, crypto);
    if (i >= 0) samples.push(Number(process.hrtime.bigint() - at) / 1e3);
  }
  handling[name] = samples;
}
process.send({ type: 'measured', nsPerRead, bytesPerRead, handling });
process.on('SIGTERM', () => client.close().then(() => process.exit(0)));
process.on('disconnect', () => process.exit(0));
