/**
 * The daemon's log. Messages are constant phrases, so that they can be counted and searched; data goes into fields: `service`,
 * `env`, `epoch`, `code`, `requestId`, `commit`, and `err` for an error.
 */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { formatLogText } from './log-text.ts';
import { redact } from './redact.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `text`: calm one-line text for a person. `json`: one JSON object per line, for machines. */
export type LogFormat = 'text' | 'json';

export type Log = Logger;

export interface LogOptions {
  /** Where lines go: standard error in the daemon. */
  readonly stream: { write(line: string): unknown; readonly isTTY?: boolean };
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `text` on a terminal, else `json`. */
  readonly format?: LogFormat;
}

/** Makes the log; `log.child({ env, service })` binds fields. No line leaves without passing `redact`. */
export function createLog(options: LogOptions): Log {
  const format = options.format ?? (options.stream.isTTY === true ? 'text' : 'json');
  const write = (line: string) => {
    const clean = redact(JSON.parse(line)) as Readonly<Record<string, unknown>>;
    options.stream.write(`${format === 'text' ? formatLogText(clean) : JSON.stringify(clean)}\n`);
  };
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, epoch: describeEpoch },
    },
    { write },
  );
}

/** What a log line says about an error: a stack only where nobody foresaw it. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const cause = error.cause === undefined ? {} : { cause: describeCause(error.cause) };
  if (isHeadwaterError(error))
    return { code: error.code, message: error.message, hint: error.hint, ...cause };
  const code = (error as NodeJS.ErrnoException).code;
  return { name: error.name, code, message: error.message, stack: error.stack, ...cause };
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : typeof cause;
}

/** Epochs look in the log as people see them elsewhere: `#42 · 9f3c2e1`. */
function describeEpoch(epoch: unknown): unknown {
  if (typeof epoch !== 'object' || epoch === null || !('seq' in epoch) || !('commit' in epoch)) return epoch;
  return `#${epoch.seq} · ${String(epoch.commit).slice(0, 7)}`;
}
