import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { readCgiHead } from './cgi-head.ts';

async function read(...chunks: string[]) {
  const stream = new PassThrough();
  const head = readCgiHead(stream);
  for (const chunk of chunks) stream.write(Buffer.from(chunk, 'latin1'));
  stream.end();
  const { rest, ...found } = await head;
  return { ...found, body: `${rest.toString('latin1')}${await text(stream)}` };
}

test('status, headers and body come apart, wherever the pieces were cut', async () => {
  const whole = 'Status: 404 Not Found\r\nContent-Type: text/plain\r\nExpires: a: b\r\n\r\nbody\r\n\r\nmore';
  const expected = {
    status: 404,
    headers: { 'content-type': 'text/plain', expires: 'a: b' },
    body: 'body\r\n\r\nmore',
  };
  for (let cut = 1; cut < whole.length; cut += 7)
    expect(await read(whole.slice(0, cut), whole.slice(cut))).toEqual(expected);
});

test('without a status it is 200, and bare line feeds will do', async () => {
  expect(await read('Content-Type: x\n\nbody')).toEqual({
    status: 200,
    headers: { 'content-type': 'x' },
    body: 'body',
  });
});

test('an answer without an end of its header is none', async () => {
  await expect(read('Content-Type: x')).rejects.toThrow('without an answer');
  await expect(read(...Array.from({ length: 100 }, () => `X: ${'x'.repeat(500)}\n`))).rejects.toThrow(
    'no end',
  );
});
