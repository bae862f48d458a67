import { HeadwaterError } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { fakeDaemon, tipCommit, tokenOf } from '../testing/fake-http-daemon.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('a service is shown with its layers, config and an ETag that names the tip commit', async () => {
  const { app, token } = fakeDaemon();
  const answer = await app.inject({
    url: '/api/v1/services/stt?env=dev',
    headers: bearer(token('viewer')),
  });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    service: 'stt',
    env: 'dev',
    config: { vad_threshold: 0.5 },
    clients: [],
  });
  expect(answer.json()).not.toHaveProperty('tipEpoch');
  expect(answer.headers.etag).toMatch(new RegExp(`^"${tipCommit}\\.[0-9a-f]{16}"$`));
});

test('the ETag ignores who is connected and follows the config', async () => {
  const { app, token, state } = fakeDaemon();
  const etag = async () => {
    const answer = await app.inject({
      url: '/api/v1/services/stt?env=dev',
      headers: bearer(token('viewer')),
    });
    return answer.headers.etag;
  };
  const first = await etag();
  state.clients = 3;
  expect(await etag()).toBe(first);
  state.config = { vad_threshold: 0.6 };
  expect(await etag()).not.toBe(first);
});

test('a caller that holds the current document gets 304 without a body', async () => {
  const { app, token, state } = fakeDaemon();
  const get = (more: Record<string, string>) =>
    app.inject({ url: '/api/v1/services/stt?env=dev', headers: { ...bearer(token('viewer')), ...more } });
  const etag = String((await get({})).headers.etag);
  for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await get({ 'if-none-match': held });
    expect([held, answer.statusCode, answer.body]).toEqual([held, 304, '']);
    expect(answer.headers.etag).toBe(etag);
  }
  state.config = {};
  expect((await get({ 'if-none-match': etag })).statusCode).toBe(200);
});

test('HEAD answers like GET without a body', async () => {
  const { app, token } = fakeDaemon();
  const request = { url: '/api/v1/services/stt?env=dev', headers: bearer(token('viewer')) };
  const get = await app.inject(request);
  const head = await app.inject({ ...request, method: 'HEAD' });
  expect(head.statusCode).toBe(200);
  expect(head.body).toBe('');
  expect(head.headers.etag).toBe(get.headers.etag);
});

test('without an environment the caller is told which it may name', async () => {
  const { app, token } = fakeDaemon();
  const ask = async (url: string, who: 'viewer' | 'devViewer') => {
    const answer = await app.inject({ url, headers: bearer(token(who)) });
    expect(answer.statusCode).toBe(400);
    return answer.json();
  };
  for (const path of [
    '/api/v1/epoch',
    '/api/v1/services',
    '/api/v1/services/stt',
    '/api/v1/epoch?env=',
    '/api/v1/epoch?env=dev&env=prod',
  ]) {
    expect(await ask(path, 'viewer')).toMatchObject({
      code: 'HW_REQUEST_INVALID',
      environments: ['dev', 'prod'],
    });
    expect(await ask(path, 'devViewer')).toMatchObject({ environments: ['dev'] });
  }
});

test('a service token reads its own config and nothing else', async () => {
  const { app, token } = fakeDaemon();
  const status = async (url: string) =>
    (await app.inject({ url, headers: bearer(token('service')) })).statusCode;
  expect(await status('/api/v1/services/stt?env=dev')).toBe(200);
  expect(await status('/api/v1/services/tts?env=dev')).toBe(404);
  expect(await status('/api/v1/services/stt?env=prod')).toBe(404);
  expect(await status('/api/v1/services?env=dev')).toBe(403);
  expect(await status('/api/v1/epoch?env=dev')).toBe(403);
});

test('a service token whose scope is a pattern opens nothing', async () => {
  const { app, token } = fakeDaemon();
  const answer = await app.inject({
    url: '/api/v1/services/stt?env=dev',
    headers: bearer(token('starService')),
  });
  expect(answer.statusCode).toBe(404);
});

test('what a caller may not see looks exactly like what does not exist', async () => {
  const { app, token } = fakeDaemon();
  const ask = async (url: string) => {
    const answer = await app.inject({
      url,
      headers: { ...bearer(token('devViewer')), 'x-request-id': 'same' },
    });
    return [answer.statusCode, answer.body];
  };
  expect(await ask('/api/v1/services/tts?env=dev')).toEqual(await ask('/api/v1/services/nothing?env=dev'));
  expect(await ask('/api/v1/services/stt?env=prod')).toEqual(await ask('/api/v1/services/stt?env=nowhere'));
  expect(await ask('/api/v1/epoch?env=prod')).toEqual(await ask('/api/v1/epoch?env=nowhere'));
});

test('lists show only what the token reaches', async () => {
  const { app, token } = fakeDaemon();
  const headers = bearer(token('devViewer'));
  const services = (await app.inject({ url: '/api/v1/services?env=dev', headers })).json();
  expect(services.services.map((one: { service: string }) => one.service)).toEqual(['stt']);
  const epoch = (await app.inject({ url: '/api/v1/epoch?env=dev', headers })).json();
  expect(epoch.held.map((one: { service: string }) => one.service)).toEqual(['stt']);
  expect(epoch.heldTotal).toBe(2);
});

test('me says who calls and how far the token reaches', async () => {
  const { app, token } = fakeDaemon();
  const answer = await app.inject({ url: '/api/v1/me', headers: bearer(token('service')) });
  expect(answer.json()).toMatchObject({
    role: 'service',
    scope: { env: 'dev', service: 'stt' },
    deployment: 'tars',
    environments: ['dev'],
  });
  expect(answer.body).not.toContain('SSSS');
});

test('health is open and names no environment, service or branch', async () => {
  const { app, state } = fakeDaemon();
  state.health = {
    ...state.health,
    ok: false,
    problems: [{ code: 'HW_HISTORY_REWRITTEN', message: 'branch secret-branch moved', hint: '' }],
  };
  const answer = await app.inject({ url: '/health' });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    ok: false,
    problems: ['HW_HISTORY_REWRITTEN'],
    environments: { ok: 1 },
  });
  for (const name of ['dev', 'main', 'secret-branch', 'daemon-1', tipCommit])
    expect(answer.body).not.toContain(`${name}`);
});

test('a daemon without its broker is healthy to ask but not ready', async () => {
  const { app, state } = fakeDaemon();
  expect((await app.inject({ url: '/health/ready' })).statusCode).toBe(200);
  state.health = { ...state.health, ok: false, broker: { connected: false, kind: 'outside' } };
  expect((await app.inject({ url: '/health/ready' })).statusCode).toBe(503);
  expect((await app.inject({ url: '/health' })).statusCode).toBe(200);
});

test('an unforeseen error shows nothing but the request id, and the log has the rest', async () => {
  const { app, token, state, log } = fakeDaemon();
  state.failure = new Error('cannot open /etc/headwater/root.key');
  const answer = await app.inject({
    url: '/api/v1/services/stt?env=dev',
    headers: { ...bearer(token('viewer')), 'x-request-id': 'find-me' },
  });
  expect(answer.statusCode).toBe(500);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json()).toMatchObject({ code: 'HW_INTERNAL', requestId: 'find-me' });
  expect(answer.body).not.toContain('root.key');
  const line = log.find((one) => one.includes('root.key'));
  expect(line).toContain('find-me');
});

test('a known error keeps its code, hint and public details only', async () => {
  const { app, token, state } = fakeDaemon();
  state.failure = new HeadwaterError('HW_HISTORY_REWRITTEN', {
    message: 'the branch was rewritten',
    hint: 'Ask an admin.',
    details: { problems: [{ pointer: '/a' }], path: '/somewhere' },
    cause: new Error('inner'),
  });
  const answer = await app.inject({
    url: '/api/v1/services/stt?env=dev',
    headers: bearer(token('viewer')),
  });
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({
    code: 'HW_HISTORY_REWRITTEN',
    hint: 'Ask an admin.',
    problems: [{ pointer: '/a' }],
  });
  expect(answer.body).not.toContain('somewhere');
  expect(answer.body).not.toContain('inner');
});

test('no answer and no log line ever holds a token', async () => {
  const { app, token, log } = fakeDaemon();
  const wrong = tokenOf('zzzzzzzzzzzz');
  const bodies = [];
  for (const value of [token('viewer'), wrong]) {
    for (const url of ['/api/v1/me', `/api/v1/services/${value}?env=dev`, `/${value}`]) {
      bodies.push((await app.inject({ url, headers: bearer(value) })).body);
    }
  }
  expect([...bodies, ...log].join('\n')).not.toContain('SSSS');
});
