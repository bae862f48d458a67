import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { askAt, askHiddenAt } from './ask.ts';

function scene() {
  const input = new PassThrough();
  const output = new PassThrough();
  const stop = new AbortController();
  return { input, output, stop, asked: askAt(input, output, 'Sure? ', stop.signal) };
}

test('the question is asked, and a line is the answer', async () => {
  const { input, output, asked } = scene();
  expect(String(output.read())).toBe('Sure? ');
  input.write('yes\nmore');
  expect(await asked).toBe('yes');
});

test('an input that ends, or somebody who stops the program, is no answer', async () => {
  const ended = scene();
  ended.input.end();
  expect(await ended.asked).toBeNull();
  const stopped = scene();
  stopped.stop.abort();
  expect(await stopped.asked).toBeNull();
});

test('what is typed hidden is taken and drawn nowhere', async () => {
  const { input, output, signal } = {
    input: new PassThrough(),
    output: new PassThrough(),
    signal: new AbortController().signal,
  };
  const drawn: Buffer[] = [];
  output.on('data', (chunk: Buffer) => drawn.push(chunk));
  const answer = askHiddenAt(input, output, 'Value: ', signal);
  input.write('s3c');
  input.write('ret\r');
  expect(await answer).toBe('s3cret');
  expect(Buffer.concat(drawn).toString()).toBe('Value: \n');
});
