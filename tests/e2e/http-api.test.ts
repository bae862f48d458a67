/** Everything the API does with config, told with built commands and a running daemon: whatever is changed reaches the service. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProcess } from '../support/process.ts';
import { type Recorder, startRecorder } from '../support/recorder.ts';
import { headwaterBin, type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let recorder: Recorder;
beforeAll(async () => {
  stack = await startStack();
  recorder = await startRecorder(await stack.enroll('stt-worker'));
});
afterAll(async () => {
  await recorder[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
});

/** A request as `curl` would send it, by the first admin. */
async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
  const response = await fetch(`${stack.ready.http}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${headers.token ?? token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

const headwater = async (...args: string[]) => {
  const done = await stack.headwater(...args, '--data', stack.data);
  if (done.code !== 0) throw new Error(`${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout;
};

const applied = (commit: string) =>
  recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === commit);

describe('one setting', () => {
  test('is set, explained and taken back, each live in the service', async () => {
    const set = JSON.parse(
      await headwater('set', 'stt-worker', 'vad_threshold', '0.31', '--env', 'dev', '-m', 'Quiet', '--json'),
    );
    await applied(set.commit);
    const why = await headwater('why', 'stt-worker', 'vad_threshold', '--env', 'dev');
    expect(why).toMatch(
      /^\/vad_threshold of stt-worker in dev is 0\.31 \(from dev\)\n#\d+ · [0-9a-f]{7} {2}.*Quiet\n/,
    );
    const reverted = JSON.parse(await headwater('revert', set.commit, '--json'));
    await applied(reverted.commit);
    const log = await headwater('log', '--service', 'stt-worker', '--limit', '2');
    expect(log.split('\n')[0]).toContain('Revert "Quiet"');
  });

  test('that is saved with a tag is a conflict for whoever saves the same after it', async () => {
    const { headers } = await ask('GET', '/services/stt-worker?env=dev');
    const tagged = { 'if-match': headers.get('etag') ?? '', 'content-type': 'application/merge-patch+json' };
    const save = (value: number) =>
      ask('PATCH', '/services/stt-worker?layer=dev', { vad_speech_pad_ms: value }, tagged);
    expect((await save(210)).status).toBe(201);
    const second = await save(220);
    expect([second.status, second.body.conflicts[0]]).toEqual([
      409,
      expect.objectContaining({ pointer: '/vad_speech_pad_ms', ours: 220, theirs: 210 }),
    ]);
  });
});

test('a preset switches many services in one epoch, and shows before what differs', async () => {
  await headwater('preset', 'save', 'calm', '--env', 'dev', '--title', 'Calm');
  const changed = await ask('POST', '/import', {
    layer: 'dev',
    services: { 'stt-worker': { vad_threshold: 0.44 }, router: { router_wake_window_sec: 9 } },
  });
  expect(changed.status).toBe(201);
  await applied(changed.body.commit);
  const diff = await stack.headwater('preset', 'diff', 'calm', '--env', 'dev', '--data', stack.data);
  expect([diff.code, diff.stdout]).toEqual([1, expect.stringContaining('2 settings differ.')]);
  expect(diff.stdout).toContain(`changed ${changed.body.commit.slice(0, 7)}`);
  const { commit } = JSON.parse(await headwater('preset', 'activate', 'calm', '--env', 'dev', '--json'));
  await applied(commit);
  const { epochs } = (await ask('GET', '/epochs?limit=1')).body;
  expect(epochs[0]).toMatchObject({
    subject: 'Activate preset calm in dev',
    services: ['router', 'stt-worker'],
  });
  expect((await stack.headwater('preset', 'diff', 'calm', '--env', 'dev', '--data', stack.data)).code).toBe(
    0,
  );
});

test('environments are compared, and chosen settings promoted', async () => {
  await headwater('set', 'stt-worker', 'vad_threshold', '0.77', '--env', 'dev');
  const compared = (await ask('GET', '/compare?envs=prod,dev')).body;
  const stt = compared.services.find(({ service }: { service: string }) => service === 'stt-worker');
  expect(stt.settings).toContainEqual(expect.objectContaining({ pointer: '/vad_threshold', to: 0.77 }));
  const settings = [{ service: 'stt-worker', pointer: '/vad_threshold' }];
  const dry = await ask('POST', '/promotions?dryRun=true', { from: 'dev', to: 'prod', settings });
  expect(dry.body.changes[0]).toMatchObject({
    env: 'prod',
    settings: [{ pointer: '/vad_threshold', to: 0.77 }],
  });
  expect((await ask('POST', '/promotions', { from: 'dev', to: 'prod', settings })).status).toBe(201);
  const exported = (await ask('GET', '/export?env=prod&service=stt-worker')).body;
  expect(exported.services['stt-worker'].vad_threshold).toBe(0.77);
  expect(JSON.stringify(exported)).not.toContain('openai_api_key');
});

test('a save is read at once with the epoch that it answered', async () => {
  const { epoch } = JSON.parse(
    await headwater('set', 'stt-worker', 'vad_threshold', '0.5', '--env', 'dev', '--json'),
  );
  const read = await ask('GET', '/services/stt-worker?env=dev', undefined, {
    'headwater-min-epoch': `${epoch.era}.${epoch.seq}`,
  });
  expect([read.status, read.body.config.vad_threshold]).toEqual([200, 0.5]);
});

test('settings are found by name, variable and description; clients by what they run', async () => {
  const { hits } = (await ask('GET', '/search?q=vad_thresh&env=dev')).body;
  expect(hits[0]).toMatchObject({
    service: 'stt-worker',
    pointer: '/vad_threshold',
    score: 0.8,
    values: { dev: 0.5 },
  });
  const connection = join(stack.folder, 'stt-worker.dev.connection.json');
  const args = ['watch', 'stt-worker', '--env', 'dev', '--connection', connection, '--json'];
  const watching = startProcess(process.execPath, [headwaterBin, ...args], {
    env: { XDG_STATE_HOME: join(stack.folder, 'watch') },
  });
  await watching.waitFor(/"state":"live"/);
  // What it printed it says on the broker as well, a moment later.
  await expect
    .poll(async () => (await ask('GET', '/clients?service=stt-worker')).body.clients, { timeout: 10_000 })
    .toMatchObject([{ env: 'dev', service: 'stt-worker', lag: 0, state: 'live' }]);
  expect(await headwater('drift', '--env', 'dev')).toContain('1 connected client');
  await watching.kill('SIGTERM');
});

describe('a service', () => {
  test('is added, gets a setting, is renamed and goes', async () => {
    const added = await ask('POST', '/services', {
      service: 'door-lock',
      group: 'home',
      config: { hold_ms: 300 },
    });
    expect([added.status, added.body.applied.dev]).toEqual([201, { 'door-lock': ['/hold_ms'] }]);
    const setting = { pointer: '/tries', schema: { type: 'integer', maximum: 9 }, value: 3 };
    expect((await ask('POST', '/services/door-lock/settings', setting)).status).toBe(201);
    await headwater('service', 'rename', 'door-lock', 'latch');
    expect((await ask('GET', '/services/latch?env=prod')).body.config).toEqual({ hold_ms: 300, tries: 3 });
    expect((await ask('GET', '/services/door-lock?env=prod')).status).toBe(200);
    await headwater('service', 'remove', 'door-lock');
    expect((await ask('GET', '/services/door-lock?env=prod')).status).toBe(404);
    expect((await ask('POST', '/reverts', { to: added.body.commit, message: 'Back' })).status).toBe(201);
    expect((await ask('GET', '/services/door-lock?env=prod')).body.config).toEqual({ hold_ms: 300 });
    expect((await ask('GET', '/services/latch?env=prod')).status).toBe(404);
  });

  test('with secrets has them under its new name, encrypted anew', async () => {
    const secret = '/services/stt-worker/secrets?env=dev&pointer=/openai_api_key';
    expect((await ask('PUT', secret, { value: 'canary-of-the-api' })).status).toBeLessThan(300);
    const renamed = await ask('POST', '/services/stt-worker/rename', { to: 'ears' });
    expect([renamed.status, renamed.body.code]).toEqual([201, undefined]);
    const { body } = await ask('GET', '/services/ears?env=dev');
    expect(body.config).toEqual((await ask('GET', '/services/stt-worker?env=dev')).body.config);
    expect(body.secrets['/openai_api_key']).toMatchObject({ set: true });
    expect(Object.keys(body.secrets)).toEqual(
      Object.keys((await ask('GET', '/services/stt-worker?env=dev')).body.secrets),
    );
  });
});

test('a token reaches as far as it was made for, and not after it was revoked', async () => {
  const made = await ask('POST', '/tokens', {
    name: 'ci',
    role: 'editor',
    env: 'dev',
    service: 'stt-*',
    expiresInDays: 1,
  });
  expect(made.status).toBe(201);
  const as = { authorization: `Bearer ${made.body.token}` };
  const revert = (layer: string) =>
    ask('POST', '/reverts', { service: 'stt-worker', pointer: '/vad_threshold', layer }, as);
  expect((await revert('prod')).status).toBe(404);
  expect((await revert('dev')).status).toBe(201);
  expect((await ask('GET', '/tokens', undefined, as)).status).toBe(403);
  expect((await ask('DELETE', `/tokens/${made.body.id}`)).status).toBe(200);
  expect((await revert('dev')).status).toBe(401);
});
