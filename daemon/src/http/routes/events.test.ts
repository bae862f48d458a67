import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LiveEvent } from '@headwater/schemas/http';
import { afterEach, expect, test } from 'vitest';
import { type FakeDaemon, fakeDaemon, type people } from '../../testing/fake-http-daemon.ts';

const daemons: FakeDaemon[] = [];
afterEach(async () => {
  for (const { app } of daemons.splice(0)) await app.close();
});

async function listening(): Promise<FakeDaemon & { port: number }> {
  const daemon = fakeDaemon();
  daemons.push(daemon);
  await daemon.app.listen({ host: '127.0.0.1', port: 0 });
  return { ...daemon, port: (daemon.app.server.address() as AddressInfo).port };
}

/** One connection: blocks of the stream as they come. */
async function connect(
  { port, token }: FakeDaemon & { port: number },
  who: keyof typeof people = 'viewer',
  lastId?: string,
) {
  const headers = {
    authorization: `Bearer ${token(who)}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const request = get({ host: '127.0.0.1', port, path: '/api/v1/events', headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let text = '';
  const blocks: string[] = [];
  const waiting: ((block: string) => void)[] = [];
  response.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const next = waiting.shift();
      if (next) next(block);
      else blocks.push(block);
    }
  });
  const block = () =>
    blocks.length > 0
      ? Promise.resolve(blocks.shift() as string)
      : new Promise<string>((resolve) => waiting.push(resolve));
  expect(await block()).toBe('retry: 2000');
  return { response, block, close: () => request.destroy() };
}

const epoch = (env: string, services: readonly string[]): LiveEvent => ({
  type: 'epoch',
  env,
  epoch: { era: 1, seq: 2, commit: 'c'.repeat(40) },
  services,
});
const dataOf = (block: string): unknown => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null');

test('what happens arrives with a number, and a connection that broke resumes where it was', async () => {
  const daemon = await listening();
  const first = await connect(daemon);
  expect(first.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  expect(first.response.headers['cache-control']).toBe('no-store');
  const start = /^id: (.+)$/.exec(await first.block())?.[1];
  daemon.events.publish(epoch('dev', ['stt']));
  const block = await first.block();
  expect(block).toContain('event: epoch\n');
  expect(dataOf(block)).toEqual(epoch('dev', ['stt']));
  first.close();
  daemon.events.publish({ type: 'tip', commit: 'd' });
  const again = await connect(daemon, 'viewer', start);
  expect(dataOf(await again.block())).toEqual(epoch('dev', ['stt']));
  expect(dataOf(await again.block())).toEqual({ type: 'tip', commit: 'd' });
});

test('who was away for too long, or since before a restart, is told to load everything anew', async () => {
  const { block } = await connect(await listening(), 'viewer', '00000000-5');
  expect(await block()).toMatch(/^id: [0-9a-f]{8}-0\nevent: reset\ndata: \{\}$/);
});

test('nobody hears of environments or services beyond their token', async () => {
  const daemon = await listening();
  const { block } = await connect(daemon, 'devViewer');
  await block();
  daemon.events.publish(epoch('prod', ['stt']));
  daemon.events.publish({ type: 'held', env: 'prod', total: 1 });
  daemon.events.publish(epoch('dev', ['stt', 'tts']));
  expect(dataOf(await block())).toEqual(epoch('dev', ['stt']));
});

test('a revoked token hears nothing more', async () => {
  const daemon = await listening();
  const { response, block } = await connect(daemon);
  await block();
  daemon.revoke('viewer');
  await once(response, 'end');
});

test('services do not listen, and one token cannot hold streams without end', async () => {
  const daemon = await listening();
  const headers = { authorization: `Bearer ${daemon.token('service')}` };
  expect((await daemon.app.inject({ url: '/api/v1/events', headers })).statusCode).toBe(403);
  await Promise.all(Array.from({ length: 50 }, () => connect(daemon)));
  const more = await daemon.app.inject({
    url: '/api/v1/events',
    headers: { authorization: `Bearer ${daemon.token('viewer')}` },
  });
  expect(more.statusCode).toBe(429);
});

test('the server stops although somebody listens', async () => {
  const daemon = await listening();
  const { response } = await connect(daemon);
  response.resume();
  await Promise.all([once(response, 'end'), daemon.app.close()]);
});
