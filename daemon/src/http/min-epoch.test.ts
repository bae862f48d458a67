import { expect, test } from 'vitest';
import { fakeDaemon } from '../testing/fake-http-daemon.ts';

const policy = { protected: false, review: 'headwater', signedCommits: 'off' } as const;

/** The fake stands at 1.7 everywhere. */
async function ask(minEpoch: string, path = '/services?env=dev') {
  const { app, token } = fakeDaemon([], undefined, { epochWaitMs: 60 });
  const headers = { authorization: `Bearer ${token('viewer')}`, 'headwater-min-epoch': minEpoch };
  const answer = await app.inject({ url: `/api/v1${path}`, headers });
  return [answer.statusCode, answer.json().code];
}

test('an epoch that is live, or of an earlier era, is no reason to wait', async () => {
  for (const epoch of ['1.7', '1.1', '0.99', '1.7@9f3c2e1'])
    expect(await ask(epoch)).toEqual([200, undefined]);
});

test('one that does not come is told so', async () => {
  for (const epoch of ['1.8', '2.1']) expect(await ask(epoch)).toEqual([504, 'HW_EPOCH_PENDING']);
  expect(await ask('1.8', '/me')).toEqual([504, 'HW_EPOCH_PENDING']);
});

test('one that comes while the request waits is answered', async () => {
  let seq = 7;
  const { app, token } = fakeDaemon([], undefined, { epochWaitMs: 5_000 });
  const late = fakeDaemon([], undefined, {
    epochWaitMs: 5_000,
    view: {
      ...viewOfTest(),
      environment: (env) => ({
        ...{ env, status: 'ok', tip: null, held: [], heldTotal: 0, warnings: [], policy },
        epoch: { era: 1, seq: seq++, commit: 'a1'.repeat(20) },
      }),
    },
  });
  const headers = { authorization: `Bearer ${token('viewer')}`, 'headwater-min-epoch': '1.9' };
  expect((await late.app.inject({ url: '/api/v1/services?env=dev', headers })).statusCode).toBe(200);
  await app.close();
});

test('a header that is no epoch is refused, and an environment that nobody sees is not waited for', async () => {
  for (const epoch of ['42', 'main', '1.x', '1.2.3']) expect((await ask(epoch))[0]).toBe(400);
  expect((await ask('1.8', '/services?env=none'))[0]).toBe(404);
});

function viewOfTest() {
  return {
    deployment: 'tars',
    health: () => {
      throw new Error('nobody asks');
    },
    environments: () => ['dev'],
    services: () => [],
    service: async () => null,
  };
}
