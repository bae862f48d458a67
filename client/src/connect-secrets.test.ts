/** Secrets of a service from end to end: real age bundles, a real broker, real files. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isObject, type JsonObject, parseReceipt, recipientIdOf, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ServiceSchema } from './options.ts';
import { type Bench, type Client, newBench, next, topics } from './test-support/clients.ts';
import { makeTestIdentity, sealFor, type TestIdentity } from './test-support/sealed-bundles.ts';
import { startTestBroker, type TestBroker } from './test-support/test-broker.ts';
import type { DocumentExtras } from './testing/message-maker.ts';

const nobody = 'mqtt://127.0.0.1:1';
const schema: ServiceSchema<JsonObject> = {
  service: 'stt-worker',
  digest: `sha256:${'d'.repeat(64)}`,
  document: {
    type: 'object',
    required: ['pin'],
    properties: {
      level: { type: 'integer', maximum: 100 },
      key: { type: 'string', minLength: 8, 'x-hw': { secret: true, env: 'KEY' } },
      pin: { type: 'string', 'x-hw': { secret: true } },
    },
  },
  defaults: {},
};

let own: TestIdentity;
beforeEach(async () => {
  own = await makeTestIdentity();
  vi.spyOn(Math, 'random').mockReturnValue(0.02);
});
afterEach(() => vi.restoreAllMocks());

const identityPath = (bench: Bench) => join(bench.folder, 'stt-worker.identity');
function writeIdentity(bench: Bench, ...identities: readonly TestIdentity[]): string {
  const text = identities.map(({ identity }) => `${identity}\n`).join('');
  writeFileSync(identityPath(bench), text, { mode: 0o600 });
  return identityPath(bench);
}
async function publish(
  bench: Bench,
  broker: TestBroker,
  seq: number,
  config: JsonObject,
  secrets: DocumentExtras['secrets'],
): Promise<void> {
  const { maker } = bench;
  const snapshot = maker.snapshot(maker.epoch(seq), config, secrets === undefined ? {} : { secrets });
  await broker.publish(topics.keys, maker.keys());
  await broker.publish(topics.snapshot, snapshot);
  await broker.publish(topics.diff, snapshot, { retain: false });
  await bench.publishStatement(broker, seq);
}
/** A receipt that `accepts` says yes to, as the daemon reads it. */
const receiptOn = async (broker: TestBroker, accepts: (text: string) => boolean) =>
  parseReceipt(utf8(await broker.nextOn(topics.receipt, accepts)));
const idOf = ({ recipient }: TestIdentity) => recipientIdOf(recipient, nodeCrypto);

test('a service reads its secrets from the broker, then alone from its cached copy', async () => {
  await using bench = await newBench();
  const identityFile = writeIdentity(bench, own);
  const values = { '/key': 'a secret key', '/db/password': 'p' };
  {
    await using broker = await startTestBroker();
    await publish(bench, broker, 1, { level: 1 }, await sealFor([own], 1, values));
    const client = await bench.connect(broker.url, { identityFile });
    expect(client.config).toMatchObject({ level: 1, key: 'a secret key', db: { password: 'p' } });
    await client.close();
  }
  const alone = await bench.connect(nobody, { identityFile });
  expect([alone.state, alone.reason]).toEqual(['lkg', null]);
  expect(alone.config).toMatchObject({ level: 1, key: 'a secret key', db: { password: 'p' } });
  expect(alone.secret('/key')).toMatchObject({ isAvailable: true, source: 'lkg' });
});

test('a service without its identity runs on the config, says so, and has its secrets once the file is there', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  await publish(bench, broker, 1, { level: 1 }, await sealFor([own], 1, { '/key': 'a secret key' }));
  const receipt = receiptOn(broker, (text) => text.includes('secrets-unavailable'));
  const client = await bench.connect(broker.url, { identityFile: identityPath(bench) });
  expect(client.config.level).toBe(1);
  expect(await next(client, 'warning')).toMatchObject({
    code: 'HW_SECRET_UNAVAILABLE',
    message: expect.stringContaining('there is no such file'),
  });
  expect(await receipt).toMatchObject({ reason: 'secrets-unavailable', secrets: { recipient: null } });
  writeIdentity(bench, own);
  const healed = receiptOn(broker, (text) => text.includes(idOf(own)));
  await bench.publishStatement(broker, 1);
  expect(await healed).toMatchObject({ state: 'live', secrets: { recipient: idOf(own) } });
  expect(client.config.key).toBe('a secret key');
});

test('in a rotation the receipt names the new key only when the copy on disk needs the old one no more', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  const fresh = await makeTestIdentity();
  const identityFile = writeIdentity(bench, own);
  await publish(bench, broker, 1, { level: 1 }, await sealFor([own], 1, { '/key': 'a secret key' }));
  const before = receiptOn(broker, (text) => text.includes(idOf(own)));
  const client = await bench.connect(broker.url, { identityFile });
  await before;

  writeIdentity(bench, fresh, own);
  const renewed = receiptOn(broker, (text) => text.includes(idOf(fresh)));
  await publish(bench, broker, 2, { level: 1 }, await sealFor([own, fresh], 2, { '/key': 'a secret key' }));
  expect(await renewed).toMatchObject({ epoch: { seq: 2 }, secrets: { recipient: idOf(fresh) } });
  writeIdentity(bench, fresh);
  await client.close();
  const alone = await bench.connect(nobody, { identityFile });
  expect(alone.config.key).toBe('a secret key');
});

test('a rotation that did not reach the disk is not reported', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  const fresh = await makeTestIdentity();
  const identityFile = writeIdentity(bench, fresh, own);
  await publish(bench, broker, 1, { level: 1 }, await sealFor([own], 1, { '/key': 'a secret key' }));
  const written = receiptOn(broker, (text) => text.includes(idOf(own)));
  const client = await bench.connect(broker.url, { identityFile });
  await written;
  const copy = join(bench.folder, 'tars', 'prod', 'stt-worker.lkg');
  rmSync(copy);
  mkdirSync(join(copy, 'in the way'), { recursive: true });
  const receipt = receiptOn(broker, (text) => text.includes('"seq":2'));
  await publish(bench, broker, 2, { level: 2 }, await sealFor([fresh], 2, { '/key': 'another key' }));
  expect(await receipt).toMatchObject({ epoch: { seq: 2 }, secrets: { recipient: idOf(own) } });
  expect(client.config.key).toBe('another key');
});

test('a bundle that was moved here is refused and counted; config and secrets stay', async () => {
  await using broker = await startTestBroker();
  await using bench = await newBench();
  const identityFile = writeIdentity(bench, own);
  await publish(bench, broker, 1, { level: 1 }, await sealFor([own], 1, { '/key': 'a secret key' }));
  const client = await bench.connect(broker.url, { identityFile });
  const refused = next(client, 'refused');
  const foreign = await sealFor([own], 2, { '/key': 'of the camera' }, { service: 'camera' });
  await publish(bench, broker, 2, { level: 2 }, foreign);
  expect(await refused).toMatchObject({ code: 'HW_SECRETS_FOREIGN', epoch: { seq: 2 } });
  expect(client.config).toMatchObject({ level: 1, key: 'a secret key' });
  expect(client.counters.refused.HW_SECRETS_FOREIGN).toBeGreaterThanOrEqual(1);
});

describe('a planted value', () => {
  const canary = 'canary-5d3f9a';
  /** Everything that left the process or could be looked at. */
  const seen: string[] = [];
  const look = (value: unknown) => {
    seen.push(inspect(value, { depth: 12, showHidden: true, maxStringLength: null }));
    seen.push(inspect(value, { depth: 12, showHidden: true, customInspect: false, maxStringLength: null }));
    if (isObject(value)) seen.push(JSON.stringify(value) ?? '');
  };
  const watch = (client: Client) => {
    for (const name of ['change', 'state', 'refused', 'warning', 'applied'] as const) client.on(name, look);
  };
  const filesBelow = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.identity'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));

  test('is never in a log, an error, an event, a receipt, a file, or on the terminal, on any path', async () => {
    seen.length = 0;
    const terminal = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
    const consoles = (['log', 'warn', 'error', 'info', 'debug'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    );
    await using broker = await startTestBroker();
    await using bench = await newBench();
    broker.aedes.on('publish', (packet, from) => from && seen.push(packet.payload.toString()));
    const identityFile = writeIdentity(bench, own);
    const seal = (n: number, to = [own], inner = {}) =>
      sealFor(to, n, { '/key': `${canary}-${n}`, '/pin': `${canary}-pin` }, inner);
    const steps: DocumentExtras['secrets'][] = [
      await seal(1),
      await seal(2),
      { ...(await seal(3)), sealed: `${(await seal(3)).sealed?.slice(0, 400)}` },
      await seal(4, [await makeTestIdentity()]),
      await seal(5, [own], { env: 'dev' }),
      await seal(6, [own], { values: { '/key': canary, key: canary } }),
      await sealFor([own], 7, { '/key': canary.slice(0, 7) }),
      await sealFor([own], 8, { '/key': `${canary}-8` }),
      null,
      await seal(10),
    ];
    await publish(bench, broker, 1, { level: 1 }, steps[0]);
    // Without a log of its own it writes to the console.
    const options = { identityFile, schema, log: undefined };
    const clients = [
      await bench.connect(broker.url, { ...options, instance: 'one' }),
      await bench.connect(broker.url, { ...options, instance: 'two', environment: { KEY: `${canary}-env` } }),
      await bench.connect(broker.url, {
        ...options,
        instance: 'three',
        log: (...line: unknown[]) => look(line),
      }),
    ];
    for (const client of clients) watch(client);
    expect(clients.map(({ config }) => config.key)).toEqual([`${canary}-1`, `${canary}-env`, `${canary}-1`]);
    for (const [index, secrets] of steps.entries()) {
      if (index === 0) continue;
      const seq = index + 1;
      const arrived = Promise.all(
        clients.map(
          (client) =>
            new Promise<void>((resolve) => {
              client.on('applied', ({ epoch }) => epoch.seq === seq && resolve());
              client.on('refused', ({ epoch }) => epoch?.seq === seq && resolve());
            }),
        ),
      );
      await publish(bench, broker, seq, { level: seq }, secrets);
      await arrived;
      for (const client of clients) {
        look(client);
        for (const pointer of ['/key', '/pin', '/level', '/none']) {
          look(client.explain(pointer));
          look(client.secret(pointer));
          try {
            client.config[pointer.slice(1)];
          } catch (error) {
            look(error);
            look((error as Error).stack);
          }
        }
        look(client.counters);
      }
      seen.push(...filesBelow(bench.folder));
    }
    expect(clients.map(({ config }) => config.key)).toEqual([
      `${canary}-10`,
      `${canary}-env`,
      `${canary}-10`,
    ]);
    for (const client of clients) await client.close();
    const alone = await bench.connect(nobody, { ...options, identityFile: undefined });
    watch(alone);
    look(await next(alone, 'warning'));
    for (const spy of [...terminal, ...consoles])
      seen.push(...spy.mock.calls.map((call) => inspect(call, { maxStringLength: null, depth: 12 })));
    seen.push(...filesBelow(bench.folder));

    const told = seen.join('\n');
    for (const code of [
      'HW_SECRET_UNAVAILABLE',
      'HW_SECRETS_FOREIGN',
      'HW_CONFIG_REJECTED',
      'HW_SECRET_MISSING',
    ])
      expect(told).toContain(code);
    expect(told).toContain('[secret]');
    expect(told).toContain('BEGIN AGE ENCRYPTED FILE');
    expect(seen.filter((text) => text.includes('canary'))).toEqual([]);
    expect(seen.filter((text) => text.includes(own.identity))).toEqual([]);
  });
});
