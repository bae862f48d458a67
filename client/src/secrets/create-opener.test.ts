import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { recipientIdOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { generateHybridIdentity } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { revOf, target } from '../test-support/plain-secrets.ts';
import { makeTestIdentity, sealFor, type TestIdentity } from '../test-support/sealed-bundles.ts';
import { createSecretsOpener } from './create-opener.ts';

const canary = 'canary-71c0';
const isPosix = process.platform !== 'win32';

let folder: string;
let own: TestIdentity;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-opener-'));
  own = await makeTestIdentity();
});
afterEach(() => rmSync(folder, { recursive: true }));

const identityFile = () => join(folder, 'stt-worker.identity');
const write = (...lines: readonly string[]) =>
  writeFileSync(identityFile(), `${lines.join('\n')}\n`, { mode: 0o600 });
const opener = (file: string | null = identityFile()) =>
  createSecretsOpener({ target, identityFile: file, crypto: nodeCrypto });
const sealed = (...to: readonly TestIdentity[]) => sealFor(to, 1, { '/key': canary });
/** Why they did not open. */
const problemOf = async (file?: string | null, secrets = sealed(own)) => {
  const opened = opener(file)(await secrets);
  if (opened.state !== 'unavailable') throw new Error(`it is ${opened.state}`);
  expect(inspect(opened)).not.toMatch(/canary|AGE-SECRET-KEY-1[A-Z0-9]/);
  return opened.problem;
};

test('an opened bundle gives its values to who asks by pointer, and shows them to nobody', async () => {
  write('# public key: of somebody', '', own.identity);
  const opened = opener()(await sealed(own));
  if (opened.state !== 'open') throw new Error(inspect(opened));
  expect(opened.values.get('/key')).toBe(canary);
  expect(opened.recipient).toBe(recipientIdOf(own.recipient, nodeCrypto));
  expect(JSON.stringify(opened) + inspect(opened, { showHidden: true, depth: null })).not.toContain(canary);
});

test('while an identity is rotated either opens, and the report says which', async () => {
  const next = await makeTestIdentity();
  const idOf = (file: readonly string[], secrets: Awaited<ReturnType<typeof sealed>>) => {
    write(...file);
    const opened = opener()(secrets);
    return opened.state === 'open' ? opened.recipient : opened.state;
  };
  const id = ({ recipient }: TestIdentity) => recipientIdOf(recipient, nodeCrypto);
  const [old, both, after] = [await sealed(own), await sealed(own, next), await sealed(next)];
  expect(idOf([own.identity], both)).toBe(id(own));
  expect(idOf([own.identity, next.identity], old)).toBe(id(own));
  expect(idOf([own.identity, next.identity], after)).toBe(id(next));
  expect(idOf([next.identity, own.identity], both)).toBe(id(next));
  expect(idOf([next.identity], old)).toBe('unavailable');
});

test('an identity file that was put right is read at the next opening', async () => {
  const open = opener();
  const secrets = await sealed(own);
  expect(open(secrets).state).toBe('unavailable');
  write(own.identity);
  expect(open(secrets).state).toBe('open');
});

test('a bundle of another place or revision is never opened to anybody', async () => {
  write(own.identity);
  for (const inner of [{ service: 'camera' }, { env: 'dev' }, { deployment: 'case' }, { rev: revOf(2) }]) {
    const secrets = await sealFor([own], 1, { '/key': canary }, inner);
    const error = await Promise.resolve(secrets)
      .then(opener())
      .catch((cause) => cause);
    expect(error).toMatchObject({ code: 'HW_SECRETS_FOREIGN' });
    expect(inspect(error)).not.toContain(canary);
  }
});

describe('what stands in the way is told with what to do:', () => {
  test('no recipient, no identity', async () => {
    expect(await problemOf(null, Promise.resolve({ ...(await sealed(own)), sealed: null }))).toMatchObject({
      reason: 'no-recipient',
      hint: 'Enroll the service: headwater enroll stt-worker --env prod',
    });
    expect(await problemOf(null)).toMatchObject({
      reason: 'no-identity',
      hint: expect.stringContaining('HEADWATER_IDENTITY_FILE'),
    });
  });

  test('another key: both sides are named by their public halves', async () => {
    write(own.identity);
    const others = await Promise.all([1, 2, 3, 4].map(makeTestIdentity));
    const problem = await problemOf(undefined, sealed(...others));
    expect(problem.reason).toBe('other-recipient');
    expect(problem.message).toContain(`and this service has ${own.recipient.slice(0, 16)}…`);
    expect(problem.message).toContain(`sealed for ${others[0]?.recipient.slice(0, 16)}…`);
    expect(problem.message).toContain('and 1 more');
  });

  test('a file that is missing, empty, or holds something else', async () => {
    expect((await problemOf()).message).toContain('there is no such file');
    write('# nothing');
    expect((await problemOf()).message).toContain('it holds no age identity');
    write('# one', own.identity.replace(/.$/, 'x'));
    expect((await problemOf()).message).toContain('line 2 is no age identity');
    write(...Array.from({ length: 17 }, () => own.identity));
    expect((await problemOf()).message).toContain('17 identities, expected 16 at most');
    writeFileSync(identityFile(), 'x'.repeat(70_000));
    expect(await problemOf()).toMatchObject({
      reason: 'identity-file',
      message: expect.stringContaining('no regular file of a sensible size'),
    });
    expect((await problemOf(folder)).reason).toBe('identity-file');
  });

  test.runIf(isPosix)('a file that others may read', async () => {
    write(own.identity);
    chmodSync(identityFile(), 0o640);
    expect(await problemOf()).toMatchObject({
      reason: 'identity-file',
      message: expect.stringContaining('it has mode 0640, so others may read'),
      hint: `Run: chmod 600 ${identityFile()}`,
    });
  });

  test.runIf(isPosix)('but a link to a private file is fine, as secrets are mounted', async () => {
    write(own.identity);
    symlinkSync(identityFile(), join(folder, 'link'));
    expect(opener(join(folder, 'link'))(await sealed(own)).state).toBe('open');
  });

  test('a post-quantum identity is passed over', async () => {
    write(await generateHybridIdentity(), own.identity);
    expect(opener()(await sealed(own)).state).toBe('open');
    write(await generateHybridIdentity());
    expect((await problemOf()).message).toContain('it holds no age identity');
  });

  test('a bundle larger than any', async () => {
    write(own.identity);
    const { sealed: text } = await sealed(own);
    const large = { rev: revOf(1), recipients: [], sealed: `${' '.repeat(330_000)}${text}` };
    expect((await problemOf(undefined, Promise.resolve(large))).reason).toBe('damaged');
    const values = Object.fromEntries([1, 2].map((n) => [`/${n}`, 'x'.repeat(70_000)]));
    expect((await problemOf(undefined, sealFor([own], 1, values))).message).toContain('140000 bytes');
  });
});

const hasAge = spawnSync('age', ['--version']).status === 0;

test.runIf(hasAge)('a bundle of the age command opens with the identity file of age-keygen', () => {
  const path = join(folder, 'keygen');
  execFileSync('age-keygen', ['-o', path], { stdio: 'ignore' });
  chmodSync(path, 0o600);
  const recipient = execFileSync('age-keygen', ['-y', path]).toString().trim();
  const input = JSON.stringify({ ...target, rev: revOf(1), values: { '/key': canary }, pad: '' });
  const text = execFileSync('age', ['-a', '-r', recipient], { input }).toString();
  const opened = opener(path)({ rev: revOf(1), recipients: [recipient], sealed: text });
  expect(opened.state === 'open' && opened.values.get('/key')).toBe(canary);
  expect(opened).toMatchObject({ recipient: recipientIdOf(recipient, nodeCrypto) });
});
