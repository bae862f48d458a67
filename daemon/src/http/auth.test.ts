import { expect, test } from 'vitest';
import { fakeDaemon, tokenOf } from '../testing/fake-http-daemon.ts';

test('after ten refused tokens an address is told to wait and learns nothing', async () => {
  const { app, token, advance } = fakeDaemon();
  const call = async (value: string) =>
    app.inject({
      url: '/api/v1/me',
      headers: { authorization: `Bearer ${value}` },
      remoteAddress: '192.0.2.1',
    });
  for (let i = 0; i < 10; i++) expect((await call(tokenOf(`guess${i}xxxxxx`))).statusCode).toBe(401);
  const wrong = await call(tokenOf('guessyxxxxxx'));
  const right = await call(token('viewer'));
  expect(wrong.statusCode).toBe(429);
  expect(right.statusCode).toBe(429);
  expect(Number(wrong.headers['retry-after'])).toBeGreaterThan(0);
  advance(60_001);
  expect((await call(token('viewer'))).statusCode).toBe(200);
});

test('a broken script does not lock out whoever was let in from the same address, nor other addresses', async () => {
  const { app, token, revoke } = fakeDaemon();
  const call = async (value: string, remoteAddress: string) =>
    (await app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${value}` }, remoteAddress }))
      .statusCode;
  expect(await call(token('viewer'), '2001:db8::1')).toBe(200);
  for (let i = 0; i < 12; i++) await call('hw_wrong', `2001:db8::${i}`);
  expect(await call(token('admin'), '2001:db8:0:0:ffff::9')).toBe(429);
  expect(await call(token('viewer'), '2001:db8::1')).toBe(200);
  expect(await call(token('admin'), '2001:db8:0:1::1')).toBe(200);
  revoke('viewer');
  expect(await call(token('viewer'), '2001:db8::1')).toBe(401);
  expect(await call(token('viewer'), '2001:db8::1')).toBe(429);
});

test('a revoked token is refused with the next request', async () => {
  const { app, token, revoke } = fakeDaemon();
  const call = async () =>
    (await app.inject({ url: '/api/v1/me', headers: { authorization: `Bearer ${token('viewer')}` } }))
      .statusCode;
  expect(await call()).toBe(200);
  revoke('viewer');
  expect(await call()).toBe(401);
});
