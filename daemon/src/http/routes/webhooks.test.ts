import { createHmac } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, expect, test } from 'vitest';
import { type FakeDaemon, fakeDaemon } from '../../testing/fake-http-daemon.ts';

const open: FakeDaemon[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.app.close();
});

function scene() {
  const hooks = { taken: 0, secret: 'shared' as string | null | Error };
  const daemon = fakeDaemon([], undefined, {
    webhooks: {
      secretOf: async (provider) => {
        if (hooks.secret instanceof Error) throw hooks.secret;
        return provider === 'gitea' ? null : hooks.secret;
      },
      onHook: () => void hooks.taken++,
    },
  });
  open.push(daemon);
  const post = (provider: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
    daemon.app.inject({ method: 'POST', url: `/api/v1/webhooks/${provider}`, payload, headers });
  const github = (payload: string, type = 'application/json', key = 'shared') =>
    post('github', payload, {
      'content-type': type,
      'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(payload).digest('hex')}`,
    });
  return { daemon, hooks, post, github };
}

test('a signed hook is answered 202 and makes the daemon look, whatever its body says', async () => {
  const { hooks, github, daemon } = scene();
  const answer = await github('{"ref":"refs/heads/other"}');
  expect([answer.statusCode, answer.json()]).toEqual([202, { accepted: true, repeated: false }]);
  // Forms, broken JSON, binary: nobody reads it.
  for (const body of ['payload=%7B%7D', '{"__proto__":1,', '', '\u0000\u0001'])
    expect((await github(body, 'application/x-www-form-urlencoded')).statusCode).toBe(202);
  expect(hooks.taken).toBe(5);
  expect(daemon.log.join('\n')).not.toContain('refs/heads/other');
});

test('the same hook again changes nothing', async () => {
  const { hooks, github } = scene();
  await github('{"n":1}');
  for (let i = 0; i < 3; i++)
    expect((await github('{"n":1}')).json()).toEqual({ accepted: true, repeated: true });
  await github('{"n":2}');
  expect(hooks.taken).toBe(2);
});

test('what is not signed, signed with another secret, or of nobody known is refused', async () => {
  const { hooks, post, github } = scene();
  const problems = [
    [await github('{}', 'application/json', 'other'), 403, 'HW_WEBHOOK_REFUSED'],
    [await post('github', '{}'), 403, 'HW_WEBHOOK_REFUSED'],
    [await post('gitlab', '{}', { 'x-gitlab-token': 'other' }), 403, 'HW_WEBHOOK_REFUSED'],
    [await post('gitea', '{}', { 'x-gitea-signature': 'x' }), 403, 'HW_WEBHOOK_REFUSED'],
    [await post('bitbucket', '{}'), 404, 'HW_NOT_FOUND'],
    [await post('__proto__', '{}'), 404, 'HW_NOT_FOUND'],
  ] as const;
  for (const [answer, status, code] of problems) {
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  }
  expect(hooks.taken).toBe(0);
});

test('a token of ours does not stand in for a signature', async () => {
  const { daemon, hooks, post } = scene();
  const answer = await post('github', '{}', { authorization: `Bearer ${daemon.token('admin')}` });
  expect(answer.statusCode).toBe(403);
  expect(hooks.taken).toBe(0);
});

test('a secret that cannot be read refuses, and tells the caller nothing of our files', async () => {
  const { daemon, hooks, github } = scene();
  hooks.secret = new HeadwaterError('HW_SECRET_FILE', {
    message: 'the secret file /etc/CANARY is open',
    hint: 'x',
  });
  const answer = await github('{}');
  expect(answer.statusCode).toBe(403);
  expect(answer.body).not.toContain('CANARY');
  expect(daemon.log.join('\n')).toContain('webhook secret cannot be read');
  expect(daemon.log.join('\n')).toContain('CANARY');
});

test('a huge body is refused before anything is computed, a flood after sixty a minute', async () => {
  const { daemon, hooks, github, post } = scene();
  const large = await post('github', Buffer.alloc(256 * 1024 + 1), { 'x-hub-signature-256': 'x' });
  expect([large.statusCode, large.json().code]).toEqual([413, 'HW_REQUEST_TOO_LARGE']);
  for (let i = 0; i < 60; i++) expect((await github(`${i}`)).statusCode).toBe(202);
  const flood = await github('61');
  expect([flood.statusCode, flood.json().code]).toEqual([429, 'HW_RATE_LIMITED']);
  expect(Number(flood.headers['retry-after'])).toBeGreaterThan(0);
  expect(hooks.taken).toBe(60);
  daemon.advance(60_001);
  expect((await github('62')).statusCode).toBe(202);
});
