import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  digestOf,
  type Keyring,
  openKeys,
  type SigningKey,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../log.ts';
import type { PublishedService } from '../publishing/plan.ts';
import { createLkgStore, type LkgStore } from './lkg-store.ts';

const root = signingKeyOf(new Uint8Array(32).fill(1), nodeCrypto);
const signing = signingKeyOf(new Uint8Array(32).fill(2), nodeCrypto);
const epoch = { era: 1, seq: 3, commit: 'a'.repeat(40) };
const issuedAt = '2026-06-01T00:00:00Z';
const head = { v: 1, deployment: 'tars', env: 'dev', service: 'a', epoch, issuedAt };
const config = { value: 1 };
const schemaDigest = `sha256:${'1'.repeat(64)}`;

const sign = (kind: 'snapshot' | 'tombstone' | 'schema', extra: object, key: SigningKey = signing) =>
  signEnvelope(kind, utf8(JSON.stringify({ ...head, kind, ...extra })), [key], nodeCrypto);

const snapshot: PublishedService = {
  kind: 'snapshot',
  epoch,
  envelope: sign('snapshot', {
    schema: schemaDigest,
    digest: digestOf(config, nodeCrypto),
    config,
    secrets: null,
  }),
  digest: digestOf(config, nodeCrypto),
  schema: schemaDigest,
  secrets: null,
  config,
  schemaEnvelope: sign('schema', { digest: schemaDigest, document: {} }),
};

function keyring(): Keyring {
  const signers = [{ key: toHex(signing.publicKey), notBefore: '2026-01-01T00:00:00Z' }];
  const payload = {
    v: 1,
    kind: 'keys',
    deployment: 'tars',
    version: 1,
    issuedAt,
    roots: [toHex(root.publicKey)],
    signers,
  };
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots: payload.roots, deployment: 'tars', version: 0 }, nodeCrypto);
}

let folder: string;
let store: LkgStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-lkg-'));
  const log = createLog({ stream: { write: () => undefined }, level: 'silent' });
  store = createLkgStore({
    folder,
    deployment: 'tars',
    keyring: keyring(),
    hmacKey: new Uint8Array(32).fill(7),
    crypto: nodeCrypto,
    log,
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a snapshot with its schema, and a tombstone, come back as they were written', async () => {
  const tombstone: PublishedService = { kind: 'tombstone', epoch, envelope: sign('tombstone', {}) };
  await store.write('dev', 'a', snapshot);
  expect(await store.environments()).toEqual(['dev']);
  const read = (await store.readAll('dev')).get('a');
  expect(read?.config).toEqual(config);
  expect(toHex(read?.envelope as Uint8Array)).toBe(toHex(snapshot.envelope));
  expect(toHex(read?.schemaEnvelope as Uint8Array)).toBe(toHex(snapshot.schemaEnvelope as Uint8Array));
  await store.write('dev', 'a', tombstone);
  expect((await store.readAll('dev')).get('a')?.kind).toBe('tombstone');
  expect((await stat(join(folder, 'dev', 'a.lkg'))).mode & 0o777).toBe(0o600);
});

test('a copy cut short, changed, of another service or of an unknown signer goes to quarantine', async () => {
  await store.write('dev', 'a', snapshot);
  const whole = await readFile(join(folder, 'dev', 'a.lkg'));
  const changed = Buffer.from(whole);
  changed[whole.indexOf('"value":1') + 8] = 0x32;
  const stranger: PublishedService = {
    ...snapshot,
    envelope: sign(
      'snapshot',
      { config, secrets: null, schema: schemaDigest, digest: snapshot.digest },
      root,
    ),
  };
  for (const [name, bytes] of [
    ['a', whole.subarray(0, 300)],
    ['a', changed],
    ['b', whole],
  ] as const) {
    await writeFile(join(folder, 'dev', `${name}.lkg`), bytes);
    expect((await store.readAll('dev')).has(name)).toBe(false);
    const refused = (await readdir(join(folder, 'dev', 'quarantine'))).sort();
    expect(refused.at(-1)).toMatch(new RegExp(`\\.${name}\\.lkg$`));
  }
  await store.write('dev', 'c', stranger);
  expect((await store.readAll('dev')).has('c')).toBe(false);
});

test('five refused copies are kept, the newest', async () => {
  await store.write('dev', 'a', snapshot);
  for (let i = 0; i < 8; i++) await writeFile(join(folder, 'dev', `s${i}.lkg`), 'damaged');
  expect([...(await store.readAll('dev')).keys()]).toEqual(['a']);
  expect(await readdir(join(folder, 'dev', 'quarantine'))).toHaveLength(5);
});

test('what the disk does not give is left out and left alone', async () => {
  await store.write('dev', 'a', snapshot);
  await mkdir(join(folder, 'dev', 'b.lkg'));
  await writeFile(join(folder, 'prod'), 'a file where a folder belongs');
  expect(await store.environments()).toEqual(['dev', 'prod']);
  expect([...(await store.readAll('dev')).keys()]).toEqual(['a']);
  expect((await store.readAll('prod')).size).toBe(0);
  await expect(store.write('prod', 'a', snapshot)).rejects.toMatchObject({ code: 'HW_STORAGE_FAILED' });
  expect(await readdir(join(folder, 'dev'))).toContain('b.lkg');
});
