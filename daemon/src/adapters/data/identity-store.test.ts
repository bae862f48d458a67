import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { type IdentityStore, openIdentityStore, readRecipient } from './identity-store.ts';
import { openKeyStore } from './key-store.ts';

let folder: DataFolder;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'hw-identities-'));
  folder = await openDataFolder(join(root, 'data'), { exclusive: true });
  await openKeyStore(folder, nodeCrypto);
});
afterEach(async () => {
  await folder.release();
  await rm(join(folder.path, '..'), { recursive: true, force: true });
});

const open = () => openIdentityStore(folder);
const keysOf = (store: IdentityStore, env: string | null) =>
  store.identitiesFor(env).map(({ recipient }) => recipient);
const file = (name: string) => join(folder.keysDir, name);
const failure = () =>
  open().then(
    () => null,
    (error) => error,
  );

test('the first start makes an identity, readable by its owner alone; later starts use it', async () => {
  const first = await open();
  expect(first.recipient).toMatch(/^age1[a-z0-9]{58}$/);
  const text = await readFile(file('secrets.identity'), 'utf8');
  expect(text).toContain(`# public key: ${first.recipient}\nAGE-SECRET-KEY-1`);
  expect((await stat(file('secrets.identity'))).mode & 0o777).toBe(0o600);
  expect(await readRecipient(folder)).toBe(first.recipient);
  const second = await open();
  expect(second.recipient).toBe(first.recipient);
  expect(await readFile(file('secrets.identity'), 'utf8')).toBe(text);
});

test('an identity of one environment opens the files of that environment, and no other', async () => {
  const prod = await generateX25519Identity();
  const { recipient } = await open();
  await writeFile(file('secrets.prod.identity'), `${prod}\n`, { mode: 0o600 });
  await writeFile(file('secrets.NOT-A-NAME.identity'), 'whatever', { mode: 0o600 });
  const store = await open();
  expect(keysOf(store, 'prod')).toEqual([await identityToRecipient(prod)]);
  expect(keysOf(store, 'dev')).toEqual([recipient]);
  expect(keysOf(store, null)).toEqual([recipient]);
  expect([...store.recipientsByEnv]).toEqual([['prod', await identityToRecipient(prod)]]);
});

test('an older identity in the same file still opens, the first one is shown', async () => {
  const { recipient } = await open();
  const before = await readFile(file('secrets.identity'), 'utf8');
  const next = await generateX25519Identity();
  await writeFile(file('secrets.identity'), `${next}\n# before:\n${before}`);
  const store = await open();
  expect(store.recipient).toBe(await identityToRecipient(next));
  expect(await readRecipient(folder)).toBe(store.recipient);
  expect(keysOf(store, null)).toEqual([store.recipient, recipient]);
});

test('a lost identity stops the start and is never replaced', async () => {
  await open();
  await rm(file('secrets.identity'));
  expect(await failure()).toMatchObject({
    code: 'HW_KEY_FILE',
    message: expect.stringContaining('secrets.identity is missing'),
  });
  expect(await readdir(folder.keysDir)).not.toContain('secrets.identity');
});

test('a crash between the two files leaves an identity that counts', async () => {
  const { recipient } = await open();
  await rm(file('secrets.recipient'));
  expect((await open()).recipient).toBe(recipient);
  expect(await readRecipient(folder)).toBe(recipient);
});

const zeros = 'AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQZV3S5A';
test.each([
  ['empty', '# nothing\n', 'holds no identity that can be used'],
  ['short', 'AGE-SECRET-KEY-1QQQQ\n', 'line 1 of the identity file is not an age identity'],
  ['of another sort', `age1${'q'.repeat(58)}\n`, 'line 1 of the identity file is not an age identity'],
  ['a placeholder', `${zeros}\n`, 'holds a placeholder'],
  ['too large', `# ${'x'.repeat(5000)}\n`, 'expected 4096 at most'],
])('a file that is %s stops the start without showing its content', async (_, text, reason) => {
  await open();
  await writeFile(file('secrets.identity'), text);
  const error = await failure();
  expect(error).toMatchObject({ code: 'HW_KEY_FILE', message: expect.stringContaining(reason) });
  expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain('QQQQ');
});

test('a mistyped identity stops the start', async () => {
  await open();
  const good = await generateX25519Identity();
  const bad = `${good.slice(0, -1)}${good.endsWith('Q') ? 'P' : 'Q'}`;
  await writeFile(file('secrets.identity'), bad);
  const error = await failure();
  expect(error.message).toContain('line 1 of the identity file is not an age identity');
  expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain(bad.slice(20, 40));
});

test('a file that others may read, or a link, stops the start', async () => {
  await open();
  await chmod(file('secrets.identity'), 0o640);
  expect(await failure()).toMatchObject({
    message: expect.stringContaining('open to other users'),
    hint: expect.stringContaining('*.identity'),
  });
  await rm(file('secrets.identity'));
  await symlink('/dev/null', file('secrets.identity'));
  expect((await failure()).message).toContain('symbolic link');
});
