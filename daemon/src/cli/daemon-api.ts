/** Talks to a running daemon: by `--url` and `--token`, or by `--data` on its own machine. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  ERRORS,
  type ErrorCode,
  HeadwaterError,
  isObject,
  type JsonValue,
  parseJson,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { type DaemonFile, readDaemonFile } from '../adapters/data/daemon-file.ts';
import { openDataFolder } from '../adapters/data/data-folder.ts';
import type { CliContext } from './context.ts';

export interface DaemonOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export interface DaemonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonValue;
}

export interface DaemonApi {
  /** `http://127.0.0.1:7070` */
  readonly url: string;
  /**
   * Path from the root, query included.
   * @throws HeadwaterError the daemon's own error, or `HW_DAEMON_NOT_RUNNING`.
   */
  get(path: string, options?: AskOptions): Promise<DaemonAnswer>;
  /** Sends `body` as JSON; `undefined` is none. Errors as `get`; it is not known whether a request without an answer was carried out. */
  send(method: SendMethod, path: string, body: unknown, options?: AskOptions): Promise<DaemonAnswer>;
}

export type SendMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface AskOptions {
  /** Sent besides those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 15 s. */
  readonly timeoutMs?: number;
}

export function addDaemonOptions(command: Command): Command {
  return command
    .option('--data <dir>', "the daemon's data folder, on its own machine (or HEADWATER_DATA)")
    .option('--url <url>', 'address of the daemon (or HEADWATER_URL)')
    .option(
      '--token <token>',
      'your token (better in HEADWATER_API_TOKEN: other users can see command lines)',
    );
}

/** @throws HeadwaterError `HW_USAGE` when nothing says which daemon, `HW_DAEMON_NOT_RUNNING`, `HW_DATA_*`. */
export async function openDaemon(options: DaemonOptions, context: CliContext): Promise<DaemonApi> {
  const { env, cwd } = context;
  // What was typed wins over the environment as a whole, so that a url never meets the token of another daemon.
  const given = options.url ?? (options.data === undefined ? env.HEADWATER_URL : undefined);
  if (given !== undefined) {
    const token = options.token ?? env.HEADWATER_API_TOKEN;
    if (token === undefined) throw usage('--url needs a token', 'Give --token, or set HEADWATER_API_TOKEN.');
    return createApi(parseUrl(given), token);
  }
  const data = options.data ?? env.HEADWATER_DATA;
  if (data === undefined) {
    throw usage(
      'which daemon?',
      'Give --data DIR on the machine of the daemon, or --url and --token (HEADWATER_URL, HEADWATER_API_TOKEN).',
    );
  }
  const folder = resolve(cwd, data);
  const daemon = await requireDaemon(folder);
  return createApi(daemon.http, options.token ?? (await readAdminToken(folder)));
}

/** The daemon of a data folder. @throws HeadwaterError `HW_DATA_*`, `HW_NOT_FOUND`, `HW_DAEMON_NOT_RUNNING`. */
export async function requireDaemon(data: string): Promise<DaemonFile> {
  await openDataFolder(data, { exclusive: false });
  const daemon = await readDaemonFile(data);
  if (daemon?.state === 'running') return daemon;
  throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
    message: daemon
      ? `the daemon of ${data} (process ${daemon.pid}) is gone`
      : `no daemon runs with the data folder ${data}`,
    hint: `Start it: headwater serve --data ${data}`,
  });
}

async function readAdminToken(data: string): Promise<string> {
  const file = join(data, 'admin-token');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new HeadwaterError('HW_TOKEN_INVALID', {
      message: `${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      hint: 'Run this as the user of the daemon, or give --token.',
      cause,
    });
  }
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw usage(
      `${JSON.stringify(text)} is not the address of a daemon`,
      'It reads http://127.0.0.1:7070 or https://host.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** A daemon that takes longer is not answering. */
const requestTimeoutMs = 15_000;

function createApi(url: string, token: string): DaemonApi {
  const ask = async (path: string, options: AskOptions, init: RequestInit): Promise<DaemonAnswer> => {
    const headers = { ...options.headers, authorization: `Bearer ${token}`, accept: 'application/json' };
    const response = await request(
      `${url}${path}`,
      { ...init, headers: { ...headers, ...init.headers } },
      options,
    );
    const body = parseBody(await response.text(), url);
    if (response.ok) return { status: response.status, headers: response.headers, body };
    throw problemError(response.status, body);
  };
  return {
    url,
    get: (path, options = {}) => ask(path, options, {}),
    send: (method, path, body, options = {}) =>
      ask(path, options, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
      }),
  };
}

async function request(url: string, init: RequestInit, { timeoutMs }: AskOptions): Promise<Response> {
  try {
    return await fetch(url, {
      ...init,
      // The token is for this address and no other.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs ?? requestTimeoutMs),
    });
  } catch (cause) {
    const { hostname, port, protocol } = new URL(url);
    throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
      message: `no daemon answers at ${protocol}//${hostname}${port ? `:${port}` : ''} (${reasonOf(cause)})`,
      hint: 'Check the address, and that the daemon runs: headwater doctor.',
      cause,
    });
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (error instanceof Error ? error.message : 'unknown error');
}

function parseBody(text: string, url: string): JsonValue {
  try {
    return text === '' ? null : parseJson(text);
  } catch (cause) {
    throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
      message: `what answers at ${url} is no Headwater daemon`,
      hint: 'Check the address.',
      cause,
    });
  }
}

/** An RFC 9457 answer as the error it was at the daemon. */
function problemError(status: number, body: JsonValue): HeadwaterError {
  const problem = isObject(body) ? body : {};
  const code =
    typeof problem.code === 'string' && Object.hasOwn(ERRORS, problem.code) ? problem.code : fallback(status);
  const text = (value: JsonValue | undefined) => (typeof value === 'string' ? value : undefined);
  const hint = text(problem.hint);
  return new HeadwaterError(code as ErrorCode, {
    message: text(problem.detail) ?? text(problem.title) ?? `the daemon answered ${status}`,
    ...(hint === undefined ? {} : { hint }),
    details: {
      status,
      requestId: problem.requestId ?? null,
      // What was refused of a change, place by place.
      ...(Array.isArray(problem.conflicts) ? { conflicts: problem.conflicts } : {}),
      ...(Array.isArray(problem.problems) ? { problems: problem.problems } : {}),
    },
  });
}

function fallback(status: number): ErrorCode {
  if (status === 401) return 'HW_TOKEN_INVALID';
  if (status === 403) return 'HW_FORBIDDEN';
  return status === 404 ? 'HW_NOT_FOUND' : 'HW_INTERNAL';
}

function usage(message: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_USAGE', { message, hint });
}
