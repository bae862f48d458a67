import { createInterface } from 'node:readline/promises';

/**
 * Asks a question and waits for a line.
 * @returns what was typed, or `null` when the input ends, Ctrl-C is pressed, or `signal` aborts before there is a line.
 */
export async function askAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
  signal: AbortSignal,
): Promise<string | null> {
  const lines = createInterface({ input, output });
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
