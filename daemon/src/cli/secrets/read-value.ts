import { HeadwaterError, maxSecretsBytes } from '@headwater/schemas/protocol';
import type { CliContext } from '../context.ts';

/**
 * The value of a secret: what is piped in, without the line end that `echo` adds, or what is typed where nobody sees it.
 * @throws HeadwaterError `HW_USAGE` when there is none, or it is no text.
 */
export async function readSecretValue(question: string, context: CliContext): Promise<string> {
  const typed = await context.askHidden(question);
  if (typed !== null) return nonEmpty(typed);
  const piped = await context.readInput(maxSecretsBytes + 2);
  if (piped === null)
    throw usage('there is no value', 'Pipe it in, or run the command at a terminal: it asks.');
  return nonEmpty(textOf(piped).replace(/\r?\n$/, ''));
}

/** @throws HeadwaterError `HW_USAGE` for a value on the command line. */
export function refuseTypedValue(rest: readonly string[], again: string): void {
  if (rest.length === 0) return;
  throw usage(
    'a secret does not belong on a command line: other users of this machine can see it, and the shell keeps it in its history',
    `Take this one for known and choose another. Then pipe it in, or let the command ask: ${again}`,
  );
}

function nonEmpty(value: string): string {
  if (value !== '') return value;
  throw usage(
    'the value is empty',
    'A secret is a text of at least one character. To take it away: headwater secrets remove.',
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usage('the value is no UTF-8 text', 'Write binary data as base64.');
  }
}

const usage = (message: string, hint: string) => new HeadwaterError('HW_USAGE', { message, hint });
