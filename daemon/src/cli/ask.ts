import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/**
 * Asks a question and waits for a line.
 * @returns what was typed, or `null` when the input ends, Ctrl-C is pressed, or `signal` aborts before there is a line.
 */
export async function askAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
  signal: AbortSignal,
  terminal?: boolean,
): Promise<string | null> {
  const lines = createInterface({ input, output, ...(terminal === undefined ? {} : { terminal }) });
  const gone = new AbortController();
  // A question whose input is gone would otherwise never be answered.
  lines.once('close', () => gone.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    return await lines.question(question, { signal: AbortSignal.any([gone.signal, signal]) });
  } catch (error) {
    if ((error as Error).name === 'AbortError') return null;
    throw error;
  } finally {
    lines.close();
  }
}

/** As `askAt`; what is typed or pasted does not show. `input` is a terminal. */
export async function askHiddenAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
  signal: AbortSignal,
): Promise<string | null> {
  output.write(question);
  // The line editor switches the terminal's own echo off and would draw what is typed itself: it gets nowhere to draw.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await askAt(input, nowhere, '', signal, true);
  } finally {
    output.write('\n');
  }
}
