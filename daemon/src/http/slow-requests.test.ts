import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { cutSlowRequests } from './slow-requests.ts';

test('a body that does not come ends the connection, except where a push may take its time; slow answers go on', async () => {
  const app = fastify({ forceCloseConnections: true });
  try {
    cutSlowRequests(app, 50);
    app.post('/api', { config: { access: 'open' } }, async () => 'taken');
    app.post('/push', { config: { access: 'open', credentials: 'git' } }, async () => 'taken');
    app.get('/slow', { config: { access: 'open' } }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return 'at last';
    });
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const begin = (path: string) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {}); // being cut off is what is expected
      const head = ['content-type: text/plain', 'content-length: 4', 'connection: close', 'host: localhost'];
      socket.write(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\nab`);
      return socket;
    };
    const push = begin('/push');
    const api = begin('/api');
    expect(await text(api).catch(() => '')).toBe('');
    // Cut by now, had it been treated alike.
    push.write('cd');
    expect(await text(push)).toContain('taken');
    expect(await (await fetch(`http://127.0.0.1:${port}/slow`)).text()).toBe('at last');
  } finally {
    await app.close();
  }
});
