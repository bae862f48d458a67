/** Talking to the daemon: one function that asks, and one error that says why there is no answer. */
import type { ProblemDocument } from '@headwater/schemas/http';
import { texts } from '../texts.ts';

/** Why a request has no good answer, worded for people. */
export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  /** From docs/errors.md; `OFFLINE` and `BROKEN_ANSWER` are the editor's own. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  /** The whole problem document, when the daemon sent one. */
  readonly problem: ProblemDocument | undefined;

  constructor(status: number, code: string, message: string, more: ErrorMore = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.hint = more.hint;
    this.requestId = more.requestId;
    this.problem = more.problem;
  }
}

interface ErrorMore {
  readonly hint?: string | undefined;
  readonly requestId?: string | undefined;
  readonly problem?: ProblemDocument | undefined;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Called when the session is over: the shell asks for a login and keeps the page as it is. */
let onLoggedOut: () => void = () => {};

export function whenLoggedOut(listener: () => void): void {
  onLoggedOut = listener;
}

/**
 * Asks the daemon.
 * @param path Below /api/v1, query included, every part encoded by the caller (see `pathOf`).
 * @throws ApiError whenever the answer is not a good one. An aborted request throws the signal's own reason.
 */
export async function ask<T>(path: string, request: ApiRequest = {}): Promise<ApiAnswer<T>> {
  const response = await send(path, request);
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const body = await readBody(response, requestId, request.signal);
  if (response.ok) return { status: response.status, headers: response.headers, body: body as T };
  if (response.status === 401) onLoggedOut();
  throw problemError(response.status, body, requestId);
}

/** The body of a good answer alone. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask<T>(path, { signal })).body;
}

/** A path with its parts encoded and a query without what is undefined. */
export function pathOf(
  parts: readonly string[],
  query: Readonly<Record<string, string | number | boolean | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const path = parts.map((part) => `/${encodeURIComponent(part)}`).join('');
  return search.size === 0 ? path : `${path}?${search}`;
}

async function send(path: string, { method = 'GET', body, headers, signal }: ApiRequest): Promise<Response> {
  try {
    return await fetch(`/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: 'same-origin',
      redirect: 'error',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'OFFLINE', texts.error.offline, { hint: texts.error.offlineHint });
  }
}

async function readBody(
  response: Response,
  requestId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  try {
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  } catch (error) {
    if (signal?.aborted) throw error;
    // A proxy's error page is no JSON either; its status says more than its text.
    if (!response.ok) return null;
    throw new ApiError(response.status, 'BROKEN_ANSWER', texts.error.broken, {
      hint: texts.error.brokenHint,
      requestId,
    });
  }
}

function problemError(status: number, body: unknown, requestId: string | undefined): ApiError {
  if (!isProblem(body))
    return new ApiError(status, 'HTTP', `${texts.error.title} (${status}).`, { requestId });
  const { code, detail, hint } = body;
  return new ApiError(status, code, detail, { hint, requestId: body.requestId ?? requestId, problem: body });
}

function isProblem(body: unknown): body is ProblemDocument {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}
