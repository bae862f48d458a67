import { existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyIdOf, openKeys, toHex } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import {
  endSigningGrace,
  exportRootKey,
  revokeSigningKey,
  rotateHmacKey,
  rotateSigningKey,
} from './key-changes.ts';
import { type KeyStore, openKeyStore } from './key-store.ts';

let root: string;
let folder: DataFolder;
let store: KeyStore;
let first: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-key-changes-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
  store = await openKeyStore(folder, nodeCrypto);
  await store.keysMessage('tars', new Date('2026-11-21T10:00:00Z'));
  first = toHex(store.signing.publicKey);
});
afterEach(async () => {
  await folder.release();
  await rm(root, { recursive: true, force: true });
});

const now = Date.parse('2026-11-21T12:00:00Z');
const deps = (more: object = {}) => ({ folder, crypto: nodeCrypto, now, ...more });
const key = (name: string) => join(folder.keysDir, name);
const keyId = (hex: string) => keyIdOf(Buffer.from(hex, 'hex'), nodeCrypto);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error) => error,
  );
const signers = () =>
  store.keyring?.payload.signers.map(({ key: one, notAfter, revoked }) => ({ one, notAfter, revoked }));

describe('a rotation', () => {
  test('makes a new signing key beside the old one, in a list that the root signed', async () => {
    const before = store.keyring?.envelope as Uint8Array;
    const change = await rotateSigningKey(deps(), 3_600_000);
    expect(change).toMatchObject({ version: 2, cosigning: first, revoked: [] });
    expect(toHex(store.signing.publicKey)).toBe(first);
    expect(await store.reload()).toBe(true);
    expect(store.signingKeys.map(({ publicKey }) => toHex(publicKey))).toEqual([change.signing, first]);
    expect(store.grace).toEqual({ until: '2026-11-21T13:00:00.000Z', version: 2 });
    expect(signers()).toEqual([
      { one: change.signing, notAfter: undefined, revoked: undefined },
      { one: first, notAfter: '2026-11-21T13:00:00.000Z', revoked: undefined },
    ]);
    // Whoever held the list before takes the new one.
    const trust = {
      roots: store.roots,
      deployment: 'tars',
      version: openKeys(before, { roots: store.roots, deployment: 'tars', version: 0 }, nodeCrypto).version,
    };
    expect(openKeys(store.keyring?.envelope as Uint8Array, trust, nodeCrypto).version).toBe(2);
    for (const name of readdirSync(folder.keysDir)) expect(statSync(key(name)).mode & 0o077, name).toBe(0);
    expect(await store.reload()).toBe(false);
  });

  test('ends: the old key signs no more, and is gone', async () => {
    const change = await rotateSigningKey(deps(), 3_600_000);
    expect(await endSigningGrace(folder)).toBe(true);
    await store.reload();
    expect(store.signingKeys.map(({ publicKey }) => toHex(publicKey))).toEqual([change.signing]);
    expect([store.grace, existsSync(key('signing.old.key')), existsSync(key('grace.json'))]).toEqual([
      null,
      false,
      false,
    ]);
    expect(await endSigningGrace(folder)).toBe(false);
  });

  test('without a grace period leaves one key, and once more takes the place of the running one', async () => {
    await rotateSigningKey(deps(), 3_600_000);
    const second = await rotateSigningKey(deps(), 3_600_000);
    await store.reload();
    expect(store.signingKeys.map(({ publicKey }) => toHex(publicKey))).toEqual([
      second.signing,
      second.cosigning,
    ]);
    expect(second.cosigning).not.toBe(first);
    await rotateSigningKey(deps(), 0);
    await store.reload();
    expect(store.signingKeys).toHaveLength(1);
    expect(store.keyring?.version).toBe(4);
  });

  test('that a crash interrupted is either not begun or finished by the next start', async () => {
    const envelope = await readFile(key('keys.envelope'));
    const signing = await readFile(key('signing.key'));
    const change = await rotateSigningKey(deps(), 3_600_000);
    // Before the new list was in force.
    await copyFile(key('signing.key'), key('signing.new.key'));
    await writeFile(key('signing.key'), signing);
    const inForce = await readFile(key('keys.envelope'));
    await writeFile(key('keys.envelope'), envelope);
    const notBegun = await openKeyStore(folder, nodeCrypto);
    expect(notBegun.signingKeys.map(({ publicKey }) => toHex(publicKey))).toEqual([first]);
    expect(existsSync(key('signing.new.key'))).toBe(false);
    // After it was, before the key file took its place.
    await writeFile(key('keys.envelope'), inForce);
    await rotateSigningKey(deps(), 3_600_000);
    const next = await readFile(key('signing.key'));
    await writeFile(key('signing.new.key'), next, { mode: 0o600 });
    await writeFile(key('signing.key'), await readFile(key('signing.old.key')));
    const finished = await openKeyStore(folder, nodeCrypto);
    expect(finished.signingKeys).toHaveLength(2);
    expect(toHex(finished.signing.publicKey)).not.toBe(first);
    expect(change.version).toBe(2);
  });
});

describe('a revocation', () => {
  test('of the key that signs puts a new one in its place, and nothing signs with the old one', async () => {
    const change = await revokeSigningKey(deps(), keyId(first));
    expect(change).toMatchObject({ version: 2, cosigning: null, revoked: [first] });
    await store.reload();
    expect(store.signingKeys.map(({ publicKey }) => toHex(publicKey))).toEqual([change.signing]);
    expect(store.signers).toEqual([change.signing]);
    expect(signers()?.[1]).toMatchObject({ one: first, revoked: '2026-11-21T12:00:00.000Z' });
    expect(await failure(revokeSigningKey(deps(), first))).toMatchObject({ code: 'HW_USAGE' });
  });

  test('of the key before it ends the grace period, and the current one stays', async () => {
    const rotated = await rotateSigningKey(deps(), 3_600_000);
    const change = await revokeSigningKey(deps(), first);
    expect(change).toMatchObject({ signing: rotated.signing, cosigning: null, revoked: [first] });
    await store.reload();
    expect([store.signingKeys.length, toHex(store.signing.publicKey)]).toEqual([1, rotated.signing]);
    expect(existsSync(key('signing.old.key'))).toBe(false);
  });

  test('of a key that is long gone leaves the others as they are', async () => {
    await rotateSigningKey(deps(), 0);
    const rotated = await rotateSigningKey(deps(), 3_600_000);
    const change = await revokeSigningKey(deps(), keyId(first));
    expect(change).toMatchObject({ signing: rotated.signing, cosigning: rotated.cosigning });
    await store.reload();
    expect(store.signingKeys).toHaveLength(2);
  });
});

describe('the root key', () => {
  test('goes offline, is wiped here, and is needed from its file afterwards', async () => {
    const out = join(root, 'root.key');
    expect(await exportRootKey(deps(), out)).toBe(store.roots[0]);
    expect(existsSync(key('root.key'))).toBe(false);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(await failure(rotateSigningKey(deps(), 0))).toMatchObject({
      code: 'HW_KEY_FILE',
      hint: expect.stringContaining('--root-key FILE'),
    });
    expect(await rotateSigningKey(deps({ rootKeyFile: out }), 0)).toMatchObject({ version: 2 });
    await store.reload();
    expect(store.keyring?.version).toBe(2);
    expect(await failure(exportRootKey(deps(), join(root, 'again')))).toMatchObject({ code: 'HW_KEY_FILE' });
  });

  test('is never written over something, and stays where it is then', async () => {
    const out = join(root, 'taken');
    await writeFile(out, 'mine');
    expect(await failure(exportRootKey(deps(), out))).toMatchObject({ code: 'HW_UNSAFE_OUTPUT' });
    expect(await readFile(out, 'utf8')).toBe('mine');
    expect(existsSync(key('root.key'))).toBe(true);
  });

  test('of another deployment, or open to others, signs nothing', async () => {
    const other = join(root, 'other.key');
    await writeFile(other, `${'ab'.repeat(31)}cd\n`, { mode: 0o600 });
    expect(await failure(rotateSigningKey(deps({ rootKeyFile: other }), 0))).toMatchObject({
      message: expect.stringContaining('not a root'),
    });
    await chmod(key('root.key'), 0o644);
    expect(await failure(rotateSigningKey(deps(), 0))).toMatchObject({ code: 'HW_KEY_FILE' });
    await chmod(key('root.key'), 0o600);
    await store.reload();
    expect(store.keyring?.version).toBe(1);
  });
});

test('the key of the seals changes alone', async () => {
  const before = Buffer.from(store.hmac).toString('hex');
  await rotateHmacKey(folder);
  expect(await store.reload()).toBe(true);
  expect(Buffer.from(store.hmac).toString('hex')).not.toBe(before);
  expect([store.keyring?.version, toHex(store.signing.publicKey)]).toEqual([1, first]);
});

test('an older list is not taken over, nor is one that is damaged', async () => {
  const old = await readFile(key('keys.envelope'));
  await rotateSigningKey(deps(), 0);
  await store.reload();
  const current = toHex(store.signing.publicKey);
  await writeFile(key('keys.envelope'), old);
  expect(await failure(store.reload())).toMatchObject({
    code: expect.stringMatching(/HW_ROLLBACK|HW_KEY_FILE/),
  });
  await writeFile(key('keys.envelope'), 'HW1 nonsense\n{}');
  expect(await failure(store.reload())).toMatchObject({ code: 'HW_KEY_FILE' });
  expect([toHex(store.signing.publicKey), store.keyring?.version]).toEqual([current, 2]);
});
