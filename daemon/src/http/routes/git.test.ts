/** Clone and push over HTTP by real git: who may, what a refusal reads like, and what is left of a caller that went away. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type PushScene, type PushSceneOptions, startPushScene } from '../../testing/push-scene.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const schema = JSON.stringify({ type: 'object', properties: { level: { type: 'integer', maximum: 10 } } });
const config = 'services/a/config.json';
const files = {
  'headwater.json': JSON.stringify({ headwater: 1, deployment: 'tars', environments: ['dev', 'prod'] }),
  'schemas/a.schema.json': schema,
  'schemas/b.schema.json': schema,
  [config]: '{"level":1}\n',
  'services/b/config.json': '{"level":1}\n',
};
const start = (options: Partial<PushSceneOptions> = {}) => startPushScene({ files, ...options });

const loggedPush = (scene: PushScene, message: string) =>
  scene.log.map((line) => JSON.parse(line)).find(({ msg }) => msg === message);

test('clone, edit, push: the token is the password, and the log says who it was', async () => {
  await using scene = await start();
  const token = scene.token({ name: 'Ada', role: 'editor' });
  expect(await scene.git(scene.folder, 'clone', '-q', scene.url(token), 'over-http')).toEqual({
    ok: true,
    text: '',
  });
  const clone = await scene.clone('clone', scene.url(token));
  const from = await scene.tip();
  const to = await clone.commit({ [config]: '{"level":2}\n' });
  expect(await clone.push()).toMatchObject({ ok: true });
  expect(await scene.tip()).toBe(to);
  expect(loggedPush(scene, 'push allowed')).toMatchObject({
    name: 'Ada',
    tokenId: 'token0000000',
    requestId: expect.any(String),
    ref: 'refs/heads/main',
    from,
    to,
  });
  expect(scene.allowed[0]?.pusher?.token.name).toBe('Ada');
  expect(scene.log.join('')).not.toContain('SSSS');
  const [fresh] = [await scene.git(join(scene.folder, 'over-http'), 'pull', '-q')];
  expect(fresh).toEqual({ ok: true, text: '' });
  expect(await readFile(join(scene.folder, 'over-http', config), 'utf8')).toBe('{"level":2}\n');
});

test('a refused push shows the reason and the request under which the log has it', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":20}\n' });
  const pushed = await clone.push();
  expect(pushed.ok).toBe(false);
  expect(pushed.text).toContain('remote:     expected a whole number of at most 10, got 20');
  const { requestId, codes } = loggedPush(scene, 'push refused');
  expect(codes).toEqual(['HW_CONFIG_INVALID']);
  expect(pushed.text).toContain(`(request ${requestId})`);
});

test('no token, a wrong one, and one of the wrong role are told what is missing', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone');
  await clone.commit({ [config]: '{"level":2}\n' });
  const push = (password?: string) => clone.push(scene.url(password), 'HEAD:main');
  const before = await scene.tip();
  expect((await push()).text).toContain('could not read Username');
  const wrong = `hw_nobodynobody_${'S'.repeat(43)}`;
  for (const password of [wrong, 'guess']) {
    const { ok, text } = await push(password);
    expect(ok).toBe(false);
    expect(text).toContain('remote: headwater: this token is unknown, revoked or expired');
    expect(text).toContain('Authentication failed');
  }
  const viewer = await push(scene.token({ role: 'viewer' }));
  expect(viewer.text).toContain('remote: headwater: this token has the role viewer and may not push');
  const service = await push(scene.token({ role: 'service', env: 'dev', service: 'a' }));
  expect(service.text).toContain("headwater: this token's role may not do that");
  expect(await scene.tip()).toBe(before);
  expect(scene.allowed).toEqual([]);
});

test('a viewer of everything clones; a token for a part does not, and pushes what it reaches', async () => {
  await using scene = await start();
  const clone = (name: string, password: string) =>
    scene.git(scene.folder, 'clone', '-q', scene.url(password), name);
  expect(await clone('viewer', scene.token({ role: 'viewer' }))).toMatchObject({ ok: true });
  const part = scene.token({ role: 'editor', env: 'dev' });
  expect((await clone('part', part)).text).toContain('remote: headwater: this token is limited to a part');

  const own = await scene.clone('own', scene.url(part));
  await own.commit({ 'services/a/config.dev.json': '{"level":2}\n' });
  expect(await own.push()).toMatchObject({ ok: true });
  await scene.follow();
  await own.commit({ [config]: '{"level":3}\n' });
  const refused = await own.push();
  expect(refused.ok).toBe(false);
  expect(refused.text).toContain('remote:   a in prod');
  expect(refused.text).toContain('HW_FORBIDDEN');
  // Through the file system nobody asks who it is.
  expect(await own.push(scene.repo, 'HEAD:main')).toMatchObject({ ok: true });
});

test('whoever pushes through the file system cannot claim to be somebody', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone');
  await clone.commit({ [config]: '{"level":2}\n' });
  process.env.HEADWATER_PUSH = 'guessed';
  try {
    const child = spawn('git', ['push', '-q', scene.repo, 'HEAD:main'], { cwd: clone.path });
    expect(await text(child.stderr)).toContain('the request that this push belongs to has ended');
  } finally {
    delete process.env.HEADWATER_PUSH;
  }
});

async function ask(scene: PushScene, path: string, init: RequestInit & { token?: string } = {}) {
  const url = `${scene.url()}${path}`;
  const token = init.token ?? scene.token();
  const authorization = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
  return fetch(url, { ...init, headers: { authorization, ...init.headers } });
}

test('only the smart protocol is spoken: no other path of the repository is there', async () => {
  await using scene = await start();
  for (const path of [
    '/HEAD',
    '/config',
    '/objects/info/packs',
    '/info/refs/',
    '/../config.git/HEAD',
    '/hooks/pre-receive',
    '',
  ])
    expect([path, (await ask(scene, path)).status]).toEqual([path, 404]);
  for (const query of [
    '',
    '?service=git-upload-archive',
    '?service=git-upload-pack&service=git-receive-pack',
  ])
    expect([query, (await ask(scene, `/info/refs${query}`)).status]).toEqual([query, 403]);
  expect((await ask(scene, '/git-upload-pack')).status).toBe(404);
  expect((await ask(scene, '/info/refs?service=git-upload-pack', { method: 'POST' })).status).toBe(404);
  const anonymous = await fetch(`${scene.url()}/info/refs?service=git-upload-pack`);
  expect(anonymous.status).toBe(401);
  expect(anonymous.headers.get('www-authenticate')).toBe('Basic realm="headwater", charset="UTF-8"');
  expect(anonymous.headers.get('content-type')).toContain('text/plain');
});

test('a list of refs carries the security headers, in the version of the protocol that was asked for', async () => {
  await using scene = await start();
  const answer = await ask(scene, '/info/refs?service=git-upload-pack', {
    headers: { 'git-protocol': 'version=2' },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/x-git-upload-pack-advertisement');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await answer.text()).toContain('version 2');
  const odd = await ask(scene, '/info/refs?service=git-upload-pack', {
    headers: { 'git-protocol': 'version=2;$(id)' },
  });
  expect(await odd.text()).not.toContain('version 2');
});

const wants = '0014command=ls-refs\n0014agent=git/2.39.50000';

test('a body may be compressed or chunked', async () => {
  await using scene = await start();
  const send = (body: BodyInit, headers: Record<string, string> = {}) =>
    ask(scene, '/git-upload-pack', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: {
        'content-type': 'application/x-git-upload-pack-request',
        'git-protocol': 'version=2',
        ...headers,
      },
    } as RequestInit);
  expect(await (await send(wants)).text()).toContain('refs/heads/main');
  expect(await (await send(gzipSync(wants), { 'content-encoding': 'gzip' })).text()).toContain(
    'refs/heads/main',
  );
  const chunks = async function* () {
    for (const letter of wants) yield Buffer.from(letter);
  };
  expect(await (await send(chunks() as unknown as BodyInit)).text()).toContain('refs/heads/main');
});

test('a push of megabytes comes in, whether its length is known beforehand or not', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone', scene.url(scene.token()));
  for (const buffer of ['1m', '64m']) {
    await clone.git('config', 'http.postBuffer', buffer);
    await clone.commit({ 'docs/picture.bin': randomBytes(5 << 20) });
    expect([buffer, await clone.push()]).toMatchObject([buffer, { ok: true }]);
    await scene.follow();
  }
});

test('a push whose caller goes away is not taken in', async () => {
  await using scene = await start();
  const before = await scene.tip();
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":2}\n' });
  let asked = () => {};
  const judging = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  scene.beforeJudging = async () => {
    asked();
    await held;
  };
  const child = spawn('git', ['push', '-q', 'origin', 'HEAD:main'], { cwd: clone.path, detached: true });
  await judging;
  process.kill(-(child.pid as number), 'SIGKILL');
  while (!scene.log.some((line) => line.includes('git over HTTP ended') && line.includes('git-receive-pack')))
    await new Promise((resolve) => setImmediate(resolve));
  release();
  // Judged only now, and allowed: nobody is left to take it in.
  while (scene.allowed.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(await scene.tip()).toBe(before);
  expect(await clone.push()).toMatchObject({ ok: true });
});

test('a caller that never reads holds up nobody, and is let go when it leaves', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone');
  // Large enough to fill every buffer on the way.
  await clone.commit({ 'docs/film.bin': Buffer.alloc(12 << 20, await readFile(process.execPath)) });
  await clone.push();
  await scene.follow();
  const stalled = scene.token();
  const { host, pathname } = new URL(scene.url());
  const [hostname, port] = host.split(':');
  const tip = await scene.tip();
  const body = `0011command=fetch0001000fno-progress0032want ${tip}\n0009done\n0000`;
  const call = request({
    hostname,
    port,
    method: 'POST',
    path: `${pathname}/git-upload-pack`,
    headers: {
      authorization: `Basic ${Buffer.from(`x:${stalled}`).toString('base64')}`,
      'content-type': 'application/x-git-upload-pack-request',
      'git-protocol': 'version=2',
    },
  });
  call.end(body);
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve) =>
    call.once('response', resolve),
  );
  expect(answer.statusCode).toBe(200);
  answer.pause();
  expect(await scene.git(scene.folder, 'clone', '-q', scene.url(stalled), 'beside')).toMatchObject({
    ok: true,
  });
  const gone = new Promise((resolve) => call.once('close', resolve));
  call.destroy();
  await gone;
});

test('while the gate is closed, pushes over HTTP are refused before anything is sent', async () => {
  await using scene = await start();
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":2}\n' });
  await scene.stopGate();
  const { ok, text } = await clone.push();
  expect(ok).toBe(false);
  expect(text).toContain('remote: headwater: this daemon is starting or stopping and takes no pushes');
});

test('where no named pipe can be made the daemon goes on, refuses pushes and says why', async () => {
  await using scene = await start({
    prepare: async (repo) => void (await mkdir(join(repo, '../gate/ask/full'), { recursive: true })),
  });
  expect(scene.problems.list()).toMatchObject([{ code: 'HW_GATE_CLOSED' }]);
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":2}\n' });
  expect((await clone.push()).text).toContain('remote: headwater: the gate cannot be opened');
  expect((await clone.push(scene.repo, 'HEAD:main')).text).toContain('headwater: this push was refused');
});

test("somebody else's hook in the hosted repository is left alone, and said", async () => {
  const hook = '#!/bin/sh\nexit 0\n';
  await using scene = await start({
    prepare: (repo) => writeFile(join(repo, 'hooks/pre-receive'), hook, { mode: 0o755 }),
  });
  expect(await readFile(join(scene.repo, 'hooks/pre-receive'), 'utf8')).toBe(hook);
  expect(scene.problems.list()).toMatchObject([{ code: 'HW_GATE_FOREIGN_HOOK' }]);
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":2}\n' });
  expect((await clone.push()).text).toContain('remote: headwater: another hook stands at');
});

test('a repository that is only followed is served, and takes pushes once its owner put the gate there', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'hw-followed-'));
  onTestFinished(() => rm(outside, { recursive: true, force: true }));
  const repo = join(outside, 'config.git');
  await using scene = await start({ serve: { repo } });
  expect(await readdir(join(repo, 'hooks'))).toEqual([]);
  const clone = await scene.clone('clone', scene.url(scene.token()));
  await clone.commit({ [config]: '{"level":2}\n' });
  const refused = await clone.push();
  const command = /(ln -s \S+ \S+)/.exec(refused.text)?.[1] ?? '';
  expect(refused.text).toContain('this daemon only follows the repository');
  await new Promise((resolve) => spawn('sh', ['-c', command]).once('close', resolve));
  expect(await clone.push()).toMatchObject({ ok: true });
  await scene.follow();
  await clone.commit({ [config]: '{"level":20}\n' });
  expect((await clone.push(repo, 'HEAD:main')).text).toContain('headwater: this push was refused');
});
