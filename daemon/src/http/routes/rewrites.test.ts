import { expect, test } from 'vitest';
import { fakeDaemon } from '../../testing/fake-http-daemon.ts';
import { refusedRewrite, rewrittenTip } from '../../testing/fake-rewrites.ts';

function scene() {
  const fake = fakeDaemon();
  fake.state.rewrites.refused = refusedRewrite();
  const headers = (who: Parameters<typeof fake.token>[0]) => ({ authorization: `Bearer ${fake.token(who)}` });
  return {
    ...fake,
    get: (url: string, who: Parameters<typeof fake.token>[0]) =>
      fake.app.inject({ url, headers: headers(who) }),
    accept: (payload: object, who: Parameters<typeof fake.token>[0] = 'admin') =>
      fake.app.inject({
        method: 'POST',
        url: '/api/v1/epoch/accept-rewrite',
        headers: headers(who),
        payload,
      }),
  };
}

test('everybody who may look sees the era and that the branch is refused; the way out names the repository, so not everybody', async () => {
  const { get, state } = scene();
  const refused = refusedRewrite().refused;
  expect((await get('/api/v1/epoch/era', 'viewer')).json()).toEqual({ era: 1, ledger: 'shared', refused });
  const { hint: _, ...known } = refused;
  expect((await get('/api/v1/epoch/era', 'devViewer')).json().refused).toEqual(known);
  expect((await get('/api/v1/epoch/era', 'service')).statusCode).toBe(403);
  state.rewrites.refused = null;
  expect((await get('/api/v1/epoch/era', 'viewer')).json().refused).toBeNull();
});

test('an admin of everything sees what would be lost, and nobody else does', async () => {
  const { get, state } = scene();
  expect((await get('/api/v1/epoch/rewrite', 'admin')).json()).toEqual(refusedRewrite());
  for (const who of ['viewer', 'devViewer', 'devAdmin', 'service'] as const)
    expect((await get('/api/v1/epoch/rewrite', who)).statusCode, who).toBe(403);
  state.rewrites.refused = null;
  const nothing = await get('/api/v1/epoch/rewrite', 'admin');
  expect([nothing.statusCode, nothing.json().code]).toEqual([409, 'HW_NO_REWRITE']);
});

test('what is accepted is the tip that was looked at', async () => {
  const { accept } = scene();
  const moved = await accept({ tip: 'f6'.repeat(20) });
  expect([moved.statusCode, moved.json().code]).toEqual([409, 'HW_REF_MOVED']);
  const accepted = await accept({ tip: rewrittenTip });
  expect([accepted.statusCode, accepted.json()]).toEqual([
    200,
    { era: 2, start: { commit: rewrittenTip, seq: 8 }, published: ['prod'] },
  ]);
  expect((await accept({ tip: rewrittenTip })).json().code).toBe('HW_NO_REWRITE');
});

test('accepting needs the whole id, nothing else, and an admin of everything', async () => {
  const { accept } = scene();
  for (const body of [{}, { tip: 'd4d4d4d' }, { tip: 4 }, { tip: rewrittenTip, force: true }, []])
    expect((await accept(body)).statusCode, JSON.stringify(body)).toBe(400);
  for (const who of ['viewer', 'devViewer', 'devAdmin', 'service'] as const)
    expect((await accept({ tip: rewrittenTip }, who)).statusCode, who).toBe(403);
});
