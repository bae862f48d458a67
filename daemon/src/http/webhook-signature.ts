/** Who sent a webhook: judged on the raw bytes, before anything is parsed, against the secret that was agreed on. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { WebhookProvider } from '../config/webhooks-section.ts';

export interface SignedHook {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** `null` = it comes from whoever knows the secret; else what is wrong with it, fit for the answer. */
export function webhookProblem(
  provider: WebhookProvider,
  { headers, body }: SignedHook,
  secret: string,
  now: number,
): string | null {
  switch (provider) {
    case 'github':
      return macProblem(headers, 'x-hub-signature-256', 'sha256=', [body], secret);
    case 'gitea':
      return macProblem(headers, 'x-gitea-signature', '', [body], secret);
    case 'gitlab':
      return tokenProblem(headers, secret);
    case 'generic':
      return genericProblem(headers, body, secret, now);
  }
}

/** Clocks of machines that keep time are much closer; a recorded request is worth nothing afterwards. */
export const maxClockSkewMs = 5 * 60_000;

/** `Headwater-Signature: sha256=<hex of HMAC-SHA256 over "<timestamp>.<body>">`, `Headwater-Timestamp: <seconds since 1970>`. */
function genericProblem(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  secret: string,
  now: number,
): string | null {
  const timestamp = textOf(headers, 'headwater-timestamp');
  if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return 'the header headwater-timestamp is missing';
  const problem = macProblem(headers, 'headwater-signature', 'sha256=', [`${timestamp}.`, body], secret);
  if (problem !== null) return problem;
  return Math.abs(now - Number(timestamp) * 1000) <= maxClockSkewMs ? null : 'its time is too far from ours';
}

function macProblem(
  headers: IncomingHttpHeaders,
  name: string,
  prefix: string,
  parts: readonly (string | Uint8Array)[],
  secret: string,
): string | null {
  const given = textOf(headers, name);
  if (given === null) return `the header ${name} is missing`;
  const mac = createHmac('sha256', secret);
  for (const part of parts) mac.update(part);
  return isEqual(given, prefix + mac.digest('hex')) ? null : 'its signature is not valid';
}

/** GitLab does not sign: the secret itself comes along. */
function tokenProblem(headers: IncomingHttpHeaders, secret: string): string | null {
  const given = textOf(headers, 'x-gitlab-token');
  if (given === null) return 'the header x-gitlab-token is missing';
  return isEqual(given, secret) ? null : 'its token is not the one that was agreed on';
}

/** Takes the same time whatever is given: digests have one length, and all of it is compared. */
function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function textOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
