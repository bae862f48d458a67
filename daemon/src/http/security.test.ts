import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { fakeDaemon, tokenOf } from '../testing/fake-http-daemon.ts';
import type { Access } from './auth.ts';

const open: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

/** Every route Fastify answers, read from the tree it prints: four characters of indent per level. */
async function routesOf(app: FastifyInstance): Promise<{ method: string; url: string }[]> {
  await app.ready();
  const found: { method: string; url: string }[] = [];
  const path: string[] = [];
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^(.*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line);
    if (match === null) continue;
    const [, indent = '', segment = '', methods] = match;
    path.splice(indent.length / 4, path.length, segment);
    for (const method of methods?.split(', ') ?? []) found.push({ method, url: path.join('') });
  }
  return found;
}

const fill = (url: string) => `${url.replace(/:\w+/g, 'stt')}?env=dev`;

/** What answers without a token, and how it answers a request that brings nothing. Everything else must refuse. */
const openRoutes: Readonly<Record<string, number>> = {
  'GET /health': 200,
  'HEAD /health': 200,
  'GET /health/ready': 200,
  'HEAD /health/ready': 200,
  'POST /api/v1/session': 403, // it looks at the page that asks first
  'POST /api/v1/webhooks/:provider': 404, // signed; of this name there is none
  'GET *': 503, // the web editor, which is not built here
  'HEAD *': 503,
};

test('every route refuses a missing, wrong and misspelt token unless it is written down as open', async () => {
  const { app, advance } = fakeDaemon();
  const routes = await routesOf(app);
  const names = routes.map(({ method, url }) => `${method} ${url}`);
  expect(names).toEqual(expect.arrayContaining([...Object.keys(openRoutes), 'GET /api/v1/me']));
  for (const { method, url } of routes) {
    for (const authorization of [
      undefined,
      `Bearer ${tokenOf('zzzzzzzzzzzz')}`,
      'Bearer',
      'Basic YTpi',
      tokenOf('aaaaaaaaaaa1'),
    ]) {
      advance(60_001);
      const answer = await app.inject({
        method: method as 'GET',
        url: fill(url),
        headers: authorization === undefined ? {} : { authorization },
      });
      const expected = openRoutes[`${method} ${url}`] ?? 401;
      expect([method, url, authorization, answer.statusCode]).toEqual([method, url, authorization, expected]);
      if (expected === 401) expect(answer.headers['www-authenticate']).toMatch(/Bearer|Basic/);
    }
  }
});

test('a route that does not state its access cannot be registered', async () => {
  const { app } = fakeDaemon();
  expect(() => app.get('/forgotten', async () => 'open to all')).toThrow('does not state who may call it');
  expect(() => app.post('/unsigned', { config: { access: 'signature' } }, async () => '')).toThrow(
    'does not verify them',
  );
  expect(() => app.get('/typo', { config: { access: 'viewers' as Access } }, async () => '')).toThrow();
});

test('headers that claim an identity, an address or a method change nothing', async () => {
  const { app } = fakeDaemon();
  const claims = {
    'user-agent': 'headwater-daemon',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-user': 'admin',
    'x-http-method-override': 'GET',
    'x-original-url': '/health',
    cookie: `token=${tokenOf('aaaaaaaaaaa1')}`,
  };
  const answer = await app.inject({ url: '/api/v1/me', headers: claims });
  expect(answer.statusCode).toBe(401);
  const query = await app.inject({ url: `/api/v1/me?token=${tokenOf('aaaaaaaaaaa1')}` });
  expect(query.statusCode).toBe(401);
});

test('names that try to leave their place are answered 4xx', async () => {
  const { app, token } = fakeDaemon();
  const headers = { authorization: `Bearer ${token('admin')}` };
  for (const name of [
    '..',
    '..%2f..%2fetc',
    '%252e%252e',
    '..%5c',
    'stt%00',
    '%zz',
    'STT',
    'constructor',
    '__proto__',
    'a'.repeat(500),
  ]) {
    const answer = await app.inject({ url: `/api/v1/services/${name}?env=dev`, headers });
    expect([name, answer.statusCode >= 400 && answer.statusCode < 500]).toEqual([name, true]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers['x-request-id']).toBeTruthy();
  }
  for (const env of ['..%2fprod', '__proto__', 'constructor', 'dev%00']) {
    const answer = await app.inject({ url: `/api/v1/services/stt?env=${env}`, headers });
    expect([env, answer.statusCode]).toEqual([env, 404]);
  }
});

test('requests under a strange host name are misdirected, loopback names, addresses and ours are not', async () => {
  const { app } = fakeDaemon(['config.example']);
  const status = async (host: string) => (await app.inject({ url: '/health', headers: { host } })).statusCode;
  for (const host of [
    'localhost:7070',
    '127.0.0.1:7070',
    '[::1]:7070',
    'app.localhost',
    '192.0.2.7',
    'CONFIG.example:443',
    'config.example.',
  ]) {
    expect([host, await status(host)]).toEqual([host, 200]);
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'config.example.evil',
    'a@localhost',
  ]) {
    expect([host, await status(host)]).toEqual([host, 421]);
  }
});

test('every answer carries the security headers and forbids caching, errors too', async () => {
  const { app, token } = fakeDaemon();
  const answers = [
    await app.inject({ url: '/health' }),
    await app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${token('viewer')}` } }),
    await app.inject({ url: '/api/v1/me' }),
    await app.inject({ url: '/nowhere' }),
    await app.inject({ url: '/%zz' }),
    await app.inject({ url: '/health', headers: { host: 'evil.example' } }),
  ];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
});

test('a harmless request id comes back, any other is replaced', async () => {
  const { app } = fakeDaemon();
  const echo = async (id: string, url: string) =>
    (await app.inject({ url, headers: { 'x-request-id': id } })).headers['x-request-id'];
  for (const url of ['/health', '/nowhere', '/api/v1/me', '/%zz']) {
    expect([url, await echo('my-id_1.2', url)]).toEqual([url, 'my-id_1.2']);
    for (const bad of ['', 'a b', 'x'.repeat(65), 'a/b', '{"json":1}'])
      expect(await echo(bad, url)).toMatch(/^[\w.-]{1,64}$/);
    expect(await echo('a b', url)).not.toBe('a b');
  }
});

test('bodies are strict JSON of at most 1 MiB, whatever their type claims', async () => {
  const { app } = fakeDaemon();
  app.post('/echo', { config: { access: 'open' } }, async (request) => ({ body: request.body }));
  const send = async (payload: string, type = 'application/json') => {
    const answer = await app.inject({
      method: 'POST',
      url: '/echo',
      payload,
      headers: { 'content-type': type },
    });
    return [answer.statusCode, answer.json().code];
  };
  expect(await send('{"a":1}')).toEqual([200, undefined]);
  expect(await send('{"a":1,"a":2}')).toEqual([422, 'HW_JSON_DUPLICATE_KEY']);
  expect(await send('{"__proto__":{"x":1}}')).toEqual([422, 'HW_JSON_FORBIDDEN_KEY']);
  expect(await send('['.repeat(200_000))).toEqual([422, 'HW_JSON_SYNTAX']);
  expect(await send(`${'['.repeat(200)}${']'.repeat(200)}`)).toEqual([422, 'HW_JSON_DEPTH']);
  expect(await send(JSON.stringify('x'.repeat(1024 * 1024)))).toEqual([413, 'HW_REQUEST_TOO_LARGE']);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    expect([type, ...(await send('{"a":1}', type))]).toEqual([type, 415, 'HW_MEDIA_TYPE']);
  }
});

/** Sends raw bytes and reads until the server closes. */
async function rawRequest(app: FastifyInstance, lines: readonly string[]): Promise<string> {
  if (!app.server.listening) {
    await app.listen({ host: '127.0.0.1', port: 0 });
    open.push(app);
  }
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  const socket = connect(address.port, '127.0.0.1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return text(socket);
}

test('what is no HTTP, or names a host in its target, gets a problem and a closed socket', async () => {
  const { app } = fakeDaemon();
  const headers = ['Host: localhost', 'Connection: close'];
  const garbage = await rawRequest(app, ['HELLO']);
  const absolute = await rawRequest(app, ['GET http://evil.example/health HTTP/1.1', ...headers]);
  const huge = await rawRequest(app, ['GET /health HTTP/1.1', ...headers, `X-Big: ${'x'.repeat(32 * 1024)}`]);
  for (const answer of [garbage, absolute, huge]) {
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(answer.toLowerCase()).toContain('x-request-id:');
    expect(answer).toContain('HW_REQUEST_INVALID');
  }
  expect(await rawRequest(app, ['GET /health HTTP/1.1', ...headers])).toMatch(/^HTTP\/1\.1 200 /);
});
