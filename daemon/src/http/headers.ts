import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** On every answer. Nothing here is meant to be shown, framed, sniffed or cached by a browser. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export const problemType = 'application/problem+json; charset=utf-8';

/** The caller's `X-Request-Id` when it is harmless in logs and commit messages, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId();
}

export function newRequestId(): string {
  return randomBytes(9).toString('hex');
}
