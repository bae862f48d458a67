import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseSshSignature } from '../../core/signatures/ssh-signature.ts';
import { openCommitKey, readCommitPublicKey } from './commit-key.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openKeyStore } from './key-store.ts';

let folder: DataFolder;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'hw-commit-key-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
  await openKeyStore(folder, nodeCrypto);
});
afterEach(async () => {
  await folder.release();
  await rm(join(folder.path, '..'), { recursive: true, force: true });
});

const open = () => openCommitKey(folder, nodeCrypto);
const path = (name: string) => join(folder.keysDir, name);

test('the first run makes a private key and its public half; later runs use them', async () => {
  expect(await readCommitPublicKey(folder)).toBeNull();
  const first = await open();
  expect((await stat(path('commit.key'))).mode & 0o777).toBe(0o600);
  expect(first.publicKey).toMatch(/^ssh-ed25519 AAAA\S+$/);
  expect(await readCommitPublicKey(folder)).toBe(first.publicKey);
  const message = Buffer.from('a commit');
  const signature = parseSshSignature((await open()).sign(message));
  expect(signature.namespace).toBe('git');
  expect(signature.fits(message)).toBe(true);
  expect(Buffer.from(signature.keyBlob).toString('base64')).toBe(first.publicKey.split(' ')[1]);
});

test('a key of its own: it is not the one that signs messages', async () => {
  await open();
  const texts = await Promise.all(
    ['commit.key', 'signing.key', 'root.key'].map((name) => readFile(path(name), 'utf8')),
  );
  expect(new Set(texts).size).toBe(3);
});

test('a public half that is lost or of another key is written again', async () => {
  const { publicKey } = await open();
  await rm(path('commit.pub'));
  await open();
  expect(await readCommitPublicKey(folder)).toBe(publicKey);
  await writeFile(path('commit.pub'), 'ssh-ed25519 AAAAother x\n');
  await open();
  expect(await readCommitPublicKey(folder)).toBe(publicKey);
});

test('a damaged key is refused by name', async () => {
  await open();
  await writeFile(path('commit.key'), 'short\n');
  await expect(open()).rejects.toMatchObject({
    code: 'HW_KEY_FILE',
    message: expect.stringContaining('commit.key'),
  });
});
