import { expect, test } from 'vitest';
import type { TokenRecord } from '../../access.ts';
import { fakeDaemon, people } from '../../testing/fake-http-daemon.ts';
import type { TokenAdmin } from './tokens.ts';

function scene() {
  const store = new Map<string, TokenRecord>(Object.values(people).map((one) => [one.id, one]));
  const tokenAdmin: TokenAdmin = {
    async create({ name, role, env = '*', service = '*' }) {
      const record = { id: 'cccccccccccc', name, role, env, service, createdAt: '2026-01-01T00:00:00.000Z' };
      store.set(record.id, record);
      return { token: `hw_${record.id}_${'x'.repeat(43)}`, record };
    },
    list: () => [...store.values()],
    async revoke(id) {
      const revoked = { ...(store.get(id) as TokenRecord), revokedAt: '2026-01-02T00:00:00.000Z' };
      store.set(id, revoked);
      return revoked;
    },
  };
  const { app, token } = fakeDaemon([], undefined, { tokenAdmin });
  return async (method: 'GET' | 'POST' | 'DELETE', path: string, who: keyof typeof people, body?: object) => {
    const headers = { authorization: `Bearer ${token(who)}` };
    const answer = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers,
      ...(body ? { payload: body } : {}),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
}

test('an admin makes a token, sees it once, and revokes it', async () => {
  const ask = scene();
  const made = await ask('POST', '/tokens', 'admin', {
    name: 'ci',
    role: 'editor',
    env: 'dev',
    expiresInDays: 3,
  });
  expect([made.status, made.body]).toMatchObject([
    201,
    {
      id: 'cccccccccccc',
      role: 'editor',
      scope: { env: 'dev', service: '*' },
      token: expect.stringMatching(/^hw_/),
    },
  ]);
  const { tokens } = (await ask('GET', '/tokens', 'admin')).body;
  expect(tokens.find((one: { id: string }) => one.id === made.body.id)).toMatchObject({ name: 'ci' });
  expect(JSON.stringify(tokens)).not.toMatch(/hw_|hash/);
  expect((await ask('DELETE', `/tokens/${made.body.id}`, 'admin')).body).toHaveProperty('revokedAt');
  expect((await ask('DELETE', '/tokens/dddddddddddd', 'admin')).status).toBe(404);
});

test('nobody but an admin sees or makes any', async () => {
  const ask = scene();
  for (const who of ['viewer', 'devEditor', 'service'] as const)
    for (const method of ['GET', 'POST'] as const)
      expect([
        who,
        method,
        (await ask(method, '/tokens', who, method === 'POST' ? {} : undefined)).status,
      ]).toEqual([who, method, 403]);
});

test('an admin of one environment gives, sees and revokes nothing beyond it', async () => {
  const ask = scene();
  const give = async (scope: object) =>
    (await ask('POST', '/tokens', 'devAdmin', { name: 'x', role: 'viewer', ...scope })).status;
  for (const scope of [{}, { env: '*' }, { env: 'd*' }, { env: 'prod', service: 'stt' }])
    expect([scope, await give(scope)]).toEqual([scope, 403]);
  expect(await give({ env: 'dev', service: 'st*' })).toBe(201);
  const { tokens } = (await ask('GET', '/tokens', 'devAdmin')).body;
  expect(new Set(tokens.map((one: { scope: { env: string } }) => one.scope.env))).toEqual(new Set(['dev']));
  expect((await ask('DELETE', `/tokens/${people.admin.id}`, 'devAdmin')).status).toBe(404);
});

test.each([
  [{ role: 'editor' }],
  [{ name: 'x', role: 'owner' }],
  [{ name: 'x', role: 'editor', expiresInDays: 0 }],
  [{ name: 'x', role: 'editor', secret: 'y' }],
])('%j is refused', async (body) => {
  expect((await scene()('POST', '/tokens', 'admin', body)).status).toBe(400);
});
