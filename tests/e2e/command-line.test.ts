/** The commands that look at a running system, against a real one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProcess, startProcess } from '../support/process.ts';
import { headwaterBin, root, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let connection: string;
beforeAll(async () => {
  stack = await startStack();
  connection = await stack.enroll('stt-worker');
});
afterAll(() => stack[Symbol.asyncDispose]());

const edit = (value: number) =>
  stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: value }));

test('enroll writes an identity that age itself opens, and commits its recipient', async () => {
  const keygen = await runProcess('age-keygen', ['-y', connection.replace('connection.json', 'identity')]);
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  const recipients = await readFile(join(stack.clone, 'services/stt-worker/recipients.dev.txt'), 'utf8');
  expect(recipients).toContain(keygen.stdout.trim());
  expect(await stack.git('log', '-1', '--format=%s')).toContain('stt-worker');
});

test('watch follows verified config, for people and as one JSON line per state', async () => {
  const env = { XDG_STATE_HOME: join(stack.folder, 'watch') };
  const watch = (...extra: string[]) =>
    startProcess(
      process.execPath,
      [headwaterBin, 'watch', 'stt-worker', '--env', 'dev', '--connection', connection, ...extra],
      { env },
    );
  await using forPeople = watch();
  await using forPrograms = watch('--json');
  await forPeople.waitFor(/#\d+ · [0-9a-f]{7}/);
  const first = JSON.parse(await forPrograms.waitFor(/"state":"live"/)) as {
    config: { vad_threshold: number };
  };
  expect(first.config.vad_threshold).toBe(0.5);
  await edit(0.55);
  expect(await forPeople.waitFor(/vad_threshold/)).toMatch(
    /0\.5 → 0\.55 .*#\d+ · [0-9a-f]{7} .*signature ok/,
  );
  const change = JSON.parse(await forPrograms.waitFor(/"to":0\.55/)) as { changes: unknown };
  expect(change.changes).toEqual([{ path: '/vad_threshold', from: 0.5, to: 0.55 }]);
  await forPeople.kill('SIGINT');
  expect(await forPeople.ended).toBe(0);
});

test('get prints the resolved config, one value of it, or why there is none', async () => {
  const get = (...args: string[]) => stack.headwater('get', ...args, '--env', 'dev', '--data', stack.data);
  expect(JSON.parse((await get('stt-worker', '--json')).stdout)).toMatchObject({
    config: { whisper_model: 'base.en' },
  });
  expect((await get('stt-worker', 'whisper_model')).stdout.trim()).toMatch(/^"?base\.en"?$/);
  const typo = await get('stt-wroker');
  expect(typo.code).toBe(1);
  expect(typo.stderr).toContain('Did you mean "stt-worker"?');
});

test('doctor is content with a live service, and names what is wrong with another', async () => {
  await using service = stack.start(`${root}examples/stt-worker/service.mjs`, {
    env: { HEADWATER_CONNECTION: connection },
  });
  await service.waitFor(/started from/);
  const doctor = (...args: string[]) =>
    runProcess(process.execPath, [headwaterBin, 'doctor', ...args, '--data', stack.data], {
      env: { XDG_STATE_HOME: join(stack.folder, 'state') },
    });
  const good = await doctor('stt-worker', '--connection', connection);
  expect(good.stdout + good.stderr).toMatch(/broker/i);
  expect(good.code, good.stdout).toBe(0);
  await stack.land('services/stt-worker/config.dev.json', () => ({ vad_threshold: 9 }));
  await stack.daemon.waitFor(/commit is held/);
  const held = await doctor('stt-worker', '--connection', connection);
  expect(held.code).toBe(1);
  expect(held.stdout).toContain('services/stt-worker/config.dev.json');
  const status = await stack.headwater('status', '--data', stack.data);
  expect(status.code).toBe(1);
  expect(status.stdout).toContain('git revert');
});

test('verify says who signed a stored copy, and refuses a changed one', async () => {
  const copy = join(stack.data, 'lkg/prod/camera.lkg');
  const good = await stack.headwater('verify', copy, '--data', stack.data);
  expect(good.code).toBe(0);
  expect(good.stdout).toContain('tars/prod/camera');
  const bytes = await readFile(copy);
  const at = bytes.indexOf('"config":{') + 12;
  bytes[at] = (bytes[at] as number) ^ 1;
  const changed = join(stack.folder, 'changed.lkg');
  await writeFile(changed, bytes);
  const bad = await stack.headwater('verify', changed, '--data', stack.data);
  expect(bad.code).toBe(1);
  expect(bad.stdout + bad.stderr).toMatch(/signature|HW_/);
});

test('validate finds in a clone what the daemon would hold, with no daemon and no network', async () => {
  const validate = await stack.headwater('validate', '--repo', stack.clone, '--json');
  expect(validate.code).toBe(1);
  expect(validate.stdout).toContain('"/vad_threshold"');
});

test('every command explains itself, and a typo gets a suggestion', async () => {
  const help = await stack.headwater('--help');
  const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1] as string);
  expect(commands).toEqual(
    expect.arrayContaining([
      'serve',
      'init',
      'service',
      'enroll',
      'validate',
      'get',
      'watch',
      'verify',
      'typegen',
      'status',
      'keys',
      'import',
      'doctor',
    ]),
  );
  for (const command of commands) {
    const page = await stack.headwater(command, '--help');
    expect(page.code, command).toBe(0);
    expect(page.stdout).toContain('Usage: headwater');
  }
  const typo = await stack.headwater('stauts');
  expect(typo.code).toBe(2);
  expect(typo.stderr).toContain('status');
});
