/** A secret from a commit to the program that reads it: live, after a restart without a daemon, and shown to nobody. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secretsFile } from '../../daemon/src/testing/secrets-file.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { headwaterBin, root, type Stack, startStack } from '../support/stack.ts';

const file = 'services/llm-worker/secrets.dev.json';
const first = 'sk-canary-first-81c2';
const second = 'sk-canary-second-5e07';
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

let stack: Stack;
let connection: string;
let daemon: { readonly recipient: string };
beforeAll(async () => {
  stack = await startStack();
  connection = await stack.enroll('llm-worker');
  await stack.git('pull', '-q', 'origin', 'main');
  daemon = JSON.parse((await stack.headwater('keys', 'show', '--data', stack.data, '--json')).stdout);
  await setSecret(first);
});
afterAll(() => stack[Symbol.asyncDispose]());

async function setSecret(value: string): Promise<void> {
  const bytes = await secretsFile({ openai_api_key: value }, daemon);
  await stack.push({ [file]: Buffer.from(bytes).toString() }, 'Set the key');
}

const startReader = () =>
  stack.start(join(root, 'tests/support/secret-reader.mjs'), { env: { HEADWATER_CONNECTION: connection } });
/** A command on a machine that is not the service's: its copies lie elsewhere. */
const asService = (command: string, ...args: string[]) =>
  [
    process.execPath,
    [headwaterBin, command, 'llm-worker', ...args, '--env', 'dev', '--connection', connection],
    { env: { XDG_STATE_HOME: join(stack.folder, 'elsewhere') } },
  ] as const;

test('a service reads its secret, its next one, and after a restart the last one without a daemon', async () => {
  const reader = startReader();
  await reader.waitFor(new RegExp(`key ${hash(first)}`));
  await setSecret(second);
  const changed = await reader.waitFor(new RegExp(`^change live key ${hash(second)}`));
  expect(changed).toContain('"openai_api_key":"[secret]"');
  await reader.kill('SIGTERM');

  await stack.daemon.kill('SIGTERM');
  const alone = startReader();
  expect(await alone.waitFor(/^start/)).toMatch(new RegExp(`^start lkg key ${hash(second)}`));
  await alone.kill('SIGTERM');
  await stack.restart();
  for (const lines of [reader.lines, alone.lines]) expect(lines.join('\n')).not.toContain('canary');
});

test('without its identity it runs on its config, and says what is missing', async () => {
  const identity = connection.replace('connection.json', 'identity');
  await rename(identity, `${identity}.away`);
  const reader = startReader();
  expect(await reader.waitFor(/^start/)).toContain('key HW_SECRET_UNAVAILABLE identity-file');
  expect(reader.lines.join('\n')).toContain('there is no such file');
  await rename(`${identity}.away`, identity);
  await reader.kill('SIGTERM');
});

test('the command line shows that a secret is there, and never what it is', async () => {
  const one = await runProcess(...asService('get', 'openai_api_key'));
  expect([one.code, one.stdout]).toEqual([0, '[secret]\n']);
  const all = await runProcess(...asService('get', '--json'));
  expect(JSON.parse(all.stdout).config).toMatchObject({ openai_api_key: '[secret]' });
  const asked = await stack.headwater(
    'get',
    'llm-worker',
    'openai_api_key',
    '--env',
    'dev',
    '--data',
    stack.data,
  );
  expect([asked.code, asked.stdout]).toEqual([0, '[secret]\n']);

  await using watch = startProcess(...asService('watch'));
  await watch.waitFor(/live/);
  await setSecret(first);
  expect(await watch.waitFor(/openai_api_key/)).toMatch(
    /openai_api_key {2}\[secret\] → \[secret\] .*signature ok/,
  );
  const copy = join(stack.folder, 'elsewhere/headwater/tars/dev/llm-worker.lkg');
  const verified = await stack.headwater('verify', copy, '--connection', connection);
  expect(verified.stdout).toMatch(/secrets\s+sealed for age1\w{58}; revision [0-9a-f]{12}/);
  const texts = [one, all, asked, verified].map(({ stdout, stderr }) => stdout + stderr);
  expect([...texts, ...watch.lines].join('\n')).not.toContain('canary');
});

test('what the service keeps on disk is sealed', async () => {
  const folder = join(stack.folder, 'state');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toContain('llm-worker.lkg');
  for (const { parentPath, name } of files)
    expect((await readFile(join(parentPath, name))).includes('canary'), name).toBe(false);
});
