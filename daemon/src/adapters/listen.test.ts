import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { listen } from './listen.ts';

test('any free port is found and told as an address that opens', async () => {
  const app = fastify();
  app.get('/', async () => 'here');
  try {
    const { url, port } = await listen(app, '127.0.0.1', 0);
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(url)).text()).toBe('here');
  } finally {
    await app.close();
  }
});

test('a port in use is named, with the way to another one', async () => {
  const [first, second] = [fastify(), fastify()];
  try {
    const { port } = await listen(first, '127.0.0.1', 0);
    await expect(listen(second, '127.0.0.1', port)).rejects.toMatchObject({
      code: 'HW_PORT_TAKEN',
      message: expect.stringContaining(`127.0.0.1:${port}`),
      hint: expect.stringContaining('--http'),
    });
  } finally {
    await first.close();
    await second.close();
  }
});

test('an address that this machine does not have is named', async () => {
  const app = fastify();
  try {
    await expect(listen(app, '192.0.2.1', 0)).rejects.toMatchObject({
      code: 'HW_LISTEN_FAILED',
      hint: expect.stringContaining('no such address'),
    });
  } finally {
    await app.close();
  }
});
