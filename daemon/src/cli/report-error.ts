/** Errors as people and programs read them, and the exit code each means. */
import { type ErrorCode, HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from './context.ts';
import { clean } from './output.ts';
import { createStyle } from './style.ts';

/** 1 the answer is no · 2 usage · 3 could not run. */
export type FailureCode = 1 | 2 | 3;

export function reportError(error: unknown, context: CliContext, json: boolean): FailureCode {
  const known = error instanceof HeadwaterError ? error : unexpected(error);
  const { terminal, env } = context;
  if (json) {
    const { code, message, hint, details } = known;
    terminal.stderr(`${JSON.stringify({ error: { code, message, ...(hint ? { hint } : {}), details } })}\n`);
  } else {
    const style = createStyle(terminal.stderrIsTerminal, env);
    terminal.stderr(`${style.red('headwater:')} ${clean(known.message)}\n`);
    if (known.hint) terminal.stderr(`  ${clean(known.hint)}\n`);
  }
  if (env.HEADWATER_DEBUG) terminal.stderr(`${stackOf(error)}\n`);
  return failureOf(known);
}

/** Mistakes in what was typed. */
const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HW_USAGE',
  'HW_OPTIONS_INVALID',
  'HW_NAME_INVALID',
  'HW_NAME_RESERVED',
  'HW_UNSAFE_OUTPUT',
  'HW_NO_TRUST',
]);

/** What was asked has an answer, and it is no: there is no such thing, or the documents do not allow it. */
const noStatuses: ReadonlySet<number> = new Set([404, 422]);

function failureOf(error: HeadwaterError): FailureCode {
  if (usageCodes.has(error.code)) return 2;
  return noStatuses.has(error.status) ? 1 : 3;
}

function unexpected(error: unknown): HeadwaterError {
  const reason = error instanceof Error ? error.message : String(error);
  return new HeadwaterError('HW_INTERNAL', {
    message: `unexpected: ${reason}`,
    hint: 'This is a defect. Run it again with HEADWATER_DEBUG=1 and report what it prints.',
    cause: error,
  });
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
