import { expect, test } from 'vitest';
import { fakeDaemon, type people } from '../../testing/fake-http-daemon.ts';

const commit = 'c'.repeat(40);

async function ask(path: string, who: keyof typeof people = 'viewer') {
  const { app, token, state } = fakeDaemon();
  const answer = await app.inject({
    url: `/api/v1${path}`,
    headers: { authorization: `Bearer ${token(who)}` },
  });
  return { status: answer.statusCode, body: answer.json(), asked: state.asked };
}

test('the timeline is asked with its filters, a page of fifty, and as far as the caller sees', async () => {
  expect((await ask('/epochs')).asked).toEqual([
    { filter: { limit: 50 }, everything: true, sttInDev: true, ttsInDev: true, sttInProd: true },
  ]);
  const query = `limit=5&before=${commit}&service=stt&path=config&author=ada`;
  expect((await ask(`/epochs?${query}`, 'devViewer')).asked).toEqual([
    {
      filter: { limit: 5, before: commit, service: 'stt', path: 'config', author: 'ada' },
      everything: false,
      sttInDev: true,
      ttsInDev: false,
      sttInProd: false,
    },
  ]);
});

test('a filter by a service that the caller may not see finds nothing, as one by no service does', async () => {
  for (const service of ['tts', 'none']) {
    const { status, body, asked } = await ask(`/epochs?service=${service}`, 'devViewer');
    expect([status, body, asked]).toEqual([200, { epochs: [], next: null }, []]);
  }
});

test('the history of one setting takes a name or a pointer, in an environment the caller sees', async () => {
  const query = 'service=stt&env=dev&limit=3';
  expect((await ask(`/history?${query}&pointer=rate`)).asked).toEqual([
    { service: 'stt', env: 'dev', limit: 3, pointer: '/rate' },
  ]);
  expect((await ask(`/history?${query}&pointer=/a~1b/c`)).asked).toMatchObject([{ pointer: '/a~1b/c' }]);
  expect((await ask('/history?service=tts&env=dev', 'devViewer')).status).toBe(404);
  expect((await ask('/history?service=stt&env=prod', 'devViewer')).status).toBe(404);
});

test.each([
  ['/epochs?limit=0', 'a number from 1 to 200'],
  ['/epochs?limit=201', 'a number from 1 to 200'],
  ['/epochs?before=main', 'not a whole commit id'],
  ['/epochs?service=..%2f', 'not a name'],
  ['/epochs?sevice=stt', 'known: limit, before, service, path, author'],
  ['/epochs?path=a&path=b', 'comes more than once'],
  [`/epochs?author=${'a'.repeat(201)}`, 'longer than 200'],
  ['/compare?from=abcd', 'parameter "to" is missing'],
  ['/history?env=dev', 'parameter "service" is missing'],
])('%s is refused: %s', async (path, reason) => {
  const { status, body, asked } = await ask(path);
  expect([status, asked]).toEqual([400, []]);
  expect(body.detail).toContain(reason);
});

test('services do not ask for histories', async () => {
  for (const path of ['/epochs', `/epochs/${commit}`, '/compare?from=a&to=b', '/history?service=stt&env=dev'])
    expect((await ask(path, 'service')).status).toBe(403);
});
