import { expect, test } from 'vitest';
import { fakeDaemon, loginToken, people } from '../testing/fake-http-daemon.ts';
import { refusedRewrite, rewrittenTip } from '../testing/fake-rewrites.ts';

const page = { host: 'localhost', origin: 'http://localhost', 'sec-fetch-site': 'same-origin' };

test('a login and a logout are recorded, without what was logged in with', async () => {
  const { app, state, token } = fakeDaemon();
  const login = await app.inject({
    method: 'POST',
    url: '/api/v1/session',
    headers: { ...page, 'x-request-id': 'r-7' },
    payload: { login: loginToken },
  });
  expect(login.statusCode).toBe(201);
  await app.inject({
    method: 'DELETE',
    url: '/api/v1/session',
    headers: { authorization: `Bearer ${token('admin')}` },
  });
  expect(state.audit.entries).toMatchObject([
    {
      action: 'login',
      actor: { kind: 'token', id: 'aaaaaaaaaaa6' },
      requestId: 'r-7',
      details: { by: 'login' },
    },
    { action: 'logout', actor: { kind: 'token', id: people.admin.id } },
  ]);
  expect(JSON.stringify(state.audit.entries)).not.toContain('LLLL');
});

test('rewritten history is accepted only when that is on record', async () => {
  const { app, state, token } = fakeDaemon();
  state.rewrites.refused = refusedRewrite();
  const accept = () =>
    app.inject({
      method: 'POST',
      url: '/api/v1/epoch/accept-rewrite',
      headers: { authorization: `Bearer ${token('admin')}` },
      payload: { tip: rewrittenTip },
    });
  state.audit.isBroken = true;
  const refused = await accept();
  expect([refused.statusCode, refused.json().code]).toEqual([503, 'HW_AUDIT_FAILED']);
  expect(state.rewrites.refused).not.toBeNull();
  state.audit.isBroken = false;
  expect((await accept()).statusCode).toBe(200);
  expect(state.audit.entries).toMatchObject([{ action: 'accept-rewrite', commit: rewrittenTip }]);
});
