import { describe, expect, test } from 'vitest';
import { fakeDaemon, loginToken, tokenOf } from '../testing/fake-http-daemon.ts';

const own = { host: '127.0.0.1:7070', origin: 'http://127.0.0.1:7070', 'sec-fetch-site': 'same-origin' };

type App = ReturnType<typeof fakeDaemon>['app'];

const login = (app: App, payload: object, headers: Record<string, string> = own) =>
  app.inject({ method: 'POST', url: '/api/v1/session', headers, payload });

async function cookieOf(app: App, payload: object): Promise<string> {
  const answer = await login(app, payload);
  expect(answer.statusCode).toBe(201);
  return String(answer.headers['set-cookie']).split(';')[0] as string;
}

const me = (app: App, headers: Record<string, string>) =>
  app.inject({ url: '/api/v1/me', headers: { host: own.host, ...headers } });

describe('a browser session', () => {
  test('is opened with a token, may what the token may, and is a cookie that only this host gets', async () => {
    const { app, token } = fakeDaemon();
    const answer = await login(app, { token: token('viewer') });
    expect(answer.json()).toEqual({ name: 'aaaaaaaaaaa2', role: 'viewer' });
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(
      /^__Host-headwater=[\w-]{43}; Max-Age=60; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect((await me(app, { cookie: cookie.split(';')[0] as string })).json()).toMatchObject({
      role: 'viewer',
    });
  });

  test('ends with its token', async () => {
    const { app, token, revoke } = fakeDaemon();
    const cookie = await cookieOf(app, { token: token('admin') });
    revoke('admin');
    expect((await me(app, { cookie })).statusCode).toBe(401);
  });

  test('ends with the logout, and the cookie is worth nothing afterwards', async () => {
    const { app, token } = fakeDaemon();
    const cookie = await cookieOf(app, { token: token('admin') });
    const out = await app.inject({ method: 'DELETE', url: '/api/v1/session', headers: { ...own, cookie } });
    expect(out.statusCode).toBe(204);
    expect(String(out.headers['set-cookie'])).toContain('Max-Age=0');
    expect((await me(app, { cookie })).statusCode).toBe(401);
  });

  test('comes from a login link once', async () => {
    const { app } = fakeDaemon();
    const cookie = await cookieOf(app, { login: loginToken });
    expect((await me(app, { cookie })).json()).toMatchObject({ role: 'admin' });
    const again = await login(app, { login: loginToken });
    expect(again.statusCode).toBe(401);
    expect(again.json().hint).toContain('headwater login-link');
  });

  test('is not for services, and a login link is no token', async () => {
    const { app, token } = fakeDaemon();
    expect((await login(app, { token: token('service') })).statusCode).toBe(401);
    expect((await me(app, { authorization: `Bearer ${loginToken}` })).statusCode).toBe(401);
  });
});

describe('pages of somebody else', () => {
  test.each([
    ['another origin', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a sandboxed page', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['another port of this host', { origin: 'http://127.0.0.1:9999', 'sec-fetch-site': 'same-site' }],
    ['the other scheme', { origin: 'https://127.0.0.1:7070' }],
    ['a cross-site read', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling domain', { 'sec-fetch-site': 'same-site' }],
  ])('%s cannot use the session', async (_, headers) => {
    const { app, token } = fakeDaemon();
    const cookie = await cookieOf(app, { token: token('admin') });
    const answer = await me(app, { cookie, ...headers });
    expect(answer.statusCode).toBe(403);
    expect(answer.json().code).toBe('HW_FOREIGN_PAGE');
  });

  test('a change without any origin is refused; a read from the address bar is fine', async () => {
    const { app, token } = fakeDaemon();
    const cookie = await cookieOf(app, { token: token('admin') });
    const blind = await app.inject({
      method: 'DELETE',
      url: '/api/v1/session',
      headers: { host: own.host, cookie },
    });
    expect(blind.json().code).toBe('HW_FOREIGN_PAGE');
    expect((await me(app, { cookie, 'sec-fetch-site': 'none' })).statusCode).toBe(200);
  });

  test('nobody logs a victim in: a login needs the own page too', async () => {
    const { app, token } = fakeDaemon();
    const foreign = { host: own.host, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await login(app, { token: token('viewer') }, foreign)).json().code).toBe('HW_FOREIGN_PAGE');
  });
});

test('without TLS browsers log in on loopback only', async () => {
  const { app, token } = fakeDaemon(['config.example']);
  const headers = {
    host: 'config.example',
    origin: 'http://config.example',
    'sec-fetch-site': 'same-origin',
  };
  const answer = await login(app, { token: token('admin') }, headers);
  expect(answer.json()).toMatchObject({ status: 403, code: 'HW_SESSION_INSECURE' });
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('guessing is slowed down, and a token never shows in an answer or a log', async () => {
  const { app, log } = fakeDaemon();
  const wrong = tokenOf('zzzzzzzzzzzz');
  for (let i = 0; i < 10; i++) expect((await login(app, { token: wrong })).statusCode).toBe(401);
  const slowed = await login(app, { token: wrong });
  expect(slowed.statusCode).toBe(429);
  expect(Number(slowed.headers['retry-after'])).toBeGreaterThan(0);
  expect(slowed.body + log.join('')).not.toContain(wrong);
});

test.each([[{}], [{ token: 1 }], [{ token: 'a', login: 'b' }], ['text']])(
  'a body like %j is refused',
  async (body) => {
    const { app } = fakeDaemon();
    expect((await login(app, body as object)).statusCode).toBeGreaterThanOrEqual(400);
  },
);
