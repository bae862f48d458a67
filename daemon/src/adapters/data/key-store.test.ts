import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openKeys,
  parseEnvelope,
  parsePayload,
  signEnvelope,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openKeyStore } from './key-store.ts';

const now = new Date('2026-05-01T12:00:00.000Z');
let folder: DataFolder;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'hw-keys-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
});
afterEach(async () => {
  await folder.release();
  await rm(join(folder.path, '..'), { recursive: true, force: true });
});

const open = () => openKeyStore(folder, nodeCrypto);
const key = (name: string) => join(folder.keysDir, name);
const failure = () =>
  open().then(
    () => null,
    (error) => error,
  );

test('the first run makes three private keys, later runs use them', async () => {
  const first = await open();
  expect(first.created).toBe(true);
  expect((await readdir(folder.keysDir)).sort()).toEqual(['hmac.key', 'root.key', 'signing.key']);
  expect((await stat(folder.keysDir)).mode & 0o777).toBe(0o700);
  const texts = await Promise.all(
    ['root.key', 'signing.key', 'hmac.key'].map(async (name) => {
      expect((await stat(key(name))).mode & 0o777).toBe(0o600);
      return readFile(key(name), 'utf8');
    }),
  );
  expect(new Set(texts).size).toBe(3);
  for (const text of texts) expect(text).toMatch(/^[0-9a-f]{64}\n$/);
  const second = await open();
  expect(second.created).toBe(false);
  expect(second.roots).toEqual(first.roots);
  expect(second.signing.publicKey).toEqual(first.signing.publicKey);
  expect(second.signers).toEqual([toHex(first.signing.publicKey)]);
  expect(Buffer.from(second.hmac).toString('hex')).toBe(texts[2]?.trim());
});

test('the key list is signed by the root, verifies for clients, and stays the same bytes', async () => {
  const store = await open();
  const keyring = await store.keysMessage('tars', now);
  const seen = openKeys(keyring.envelope, { roots: store.roots, deployment: 'tars', version: 0 }, nodeCrypto);
  expect(seen.version).toBe(1);
  expect(seen.payload.signers).toEqual([
    { key: toHex(store.signing.publicKey), notBefore: now.toISOString() },
  ]);
  const later = await (await open()).keysMessage('tars', new Date());
  expect(Buffer.compare(later.envelope, keyring.envelope)).toBe(0);
});

test('keys of one deployment do not serve another', async () => {
  await (await open()).keysMessage('tars', now);
  const again = await open();
  await expect(again.keysMessage('other', now)).rejects.toMatchObject({ code: 'HW_DEPLOYMENT_CHANGED' });
});

test('the root key may be offline once the key list exists', async () => {
  const first = await open();
  await rename(key('root.key'), join(folder.path, '..', 'offline'));
  expect(await failure()).toMatchObject({
    code: 'HW_KEY_FILE',
    message: expect.stringContaining('root.key'),
  });
  await rename(join(folder.path, '..', 'offline'), key('root.key'));
  await (await open()).keysMessage('tars', now);
  await rm(key('root.key'));
  const offline = await open();
  expect(offline.roots).toEqual(first.roots);
  expect((await offline.keysMessage('tars', now)).version).toBe(1);
});

const bad: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['short', 'ab'.repeat(31)],
  ['long', 'ab'.repeat(33)],
  ['no hex', 'xy'.repeat(32)],
  ['zeros', '00'.repeat(32)],
  ['one byte repeated', 'ff'.repeat(32)],
  ['bytes counting up', Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex')],
  ['huge', 'a'.repeat(5000)],
];
test.each(['root.key', 'signing.key', 'hmac.key'])(
  '%s: anything that is no secret key is refused by name',
  async (name) => {
    await open();
    const good = await readFile(key(name), 'utf8');
    for (const [what, text] of bad) {
      await writeFile(key(name), text);
      const error = await failure();
      expect([what, error?.code, error?.message]).toEqual([
        what,
        'HW_KEY_FILE',
        expect.stringContaining(name),
      ]);
      expect(error.hint).toBeTruthy();
      if (text.length > 8) expect(`${error.message} ${error.hint}`).not.toContain(text.slice(0, 16));
    }
    await writeFile(key(name), good);
    for (const mode of [0o640, 0o604, 0o660, 0o644]) {
      await chmod(key(name), mode);
      expect([mode, (await failure())?.message]).toEqual([
        mode,
        expect.stringContaining(`mode ${mode.toString(8)}`),
      ]);
    }
    await chmod(key(name), 0o600);
    await rename(key(name), key('elsewhere'));
    expect(await failure()).toMatchObject({
      code: 'HW_KEY_FILE',
      message: expect.stringContaining('missing'),
    });
    await symlink(key('elsewhere'), key(name));
    expect(await failure()).toMatchObject({
      code: 'HW_KEY_FILE',
      message: expect.stringContaining('symbolic link'),
    });
    await rm(key(name));
    await rename(key('elsewhere'), key(name));
    expect(await failure()).toBeNull();
  },
);

test('one key under two names is refused', async () => {
  await open();
  await writeFile(key('signing.key'), await readFile(key('root.key')));
  expect(await failure()).toMatchObject({ code: 'HW_KEY_FILE' });
});

test('lost keys are never replaced silently while config signed with them is there', async () => {
  await open();
  await rm(folder.keysDir, { recursive: true });
  await writeFile(join(folder.lkgDir, 'x.lkg'), 'x');
  expect(await failure()).toMatchObject({ code: 'HW_KEY_FILE' });
  expect(await readdir(folder.path)).not.toContain('keys');
});

test('a first run that crashed half-way starts over', async () => {
  await mkdir(join(folder.path, '.hw-keys.tmp'));
  await writeFile(join(folder.path, '.hw-keys.tmp', 'root.key'), 'ab'.repeat(10));
  expect((await open()).created).toBe(true);
});

test('a key list that is damaged or of other keys is refused', async () => {
  const store = await open();
  const { envelope } = await store.keysMessage('tars', now);
  const path = key('keys.envelope');
  const tampered = Buffer.from(envelope);
  tampered[tampered.length - 3] = (tampered[tampered.length - 3] as number) ^ 1;
  for (const bytes of [tampered, Buffer.from(''), Buffer.from(envelope).subarray(0, 100)]) {
    await writeFile(path, bytes);
    expect(await failure()).toMatchObject({
      code: 'HW_KEY_FILE',
      message: expect.stringContaining('keys.envelope'),
    });
  }
  await writeFile(path, envelope);
  await writeFile(key('signing.key'), `${'0123456789abcdef'.repeat(4)}\n`);
  expect(await failure()).toMatchObject({
    code: 'HW_KEY_FILE',
    message: expect.stringContaining('signing.key'),
  });
});

test('a revoked signing key no longer signs', async () => {
  const store = await open();
  const { envelope } = await store.keysMessage('tars', now);
  const root = Buffer.from((await readFile(key('root.key'), 'utf8')).trim(), 'hex');
  const payload = parsePayload('keys', parseEnvelope(envelope).payload);
  const signers = payload.signers.map((one) => ({ ...one, revoked: now.toISOString() }));
  const signer = { seed: root, publicKey: nodeCrypto.publicKeyOf(root) };
  const revoked = signEnvelope(
    'keys',
    utf8(JSON.stringify({ ...payload, version: 2, signers })),
    [signer],
    nodeCrypto,
  );
  await writeFile(key('keys.envelope'), revoked);
  expect(await failure()).toMatchObject({ code: 'HW_KEY_FILE', message: expect.stringContaining('revoked') });
});
