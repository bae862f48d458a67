/** The cookie of a browser session, and what a request must look like before the cookie counts. */

import { HeadwaterError } from '@headwater/schemas/protocol';
import { parse, serialize } from 'cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isLoopback } from '../host.ts';

/** `__Host-`: browsers take it only as secure, for this very host, for every path. It holds an id; what it may is on the server. */
export const sessionCookie = '__Host-headwater';

const attributes = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const;

export function sessionCookieOf(request: FastifyRequest): string | undefined {
  const value = parse(request.headers.cookie ?? '')[sessionCookie];
  return value === undefined || !/^[\w-]{43}$/.test(value) ? undefined : value;
}

export function setSessionCookie(reply: FastifyReply, secret: string, lifetimeMs: number): void {
  const maxAge = Math.floor(lifetimeMs / 1000);
  reply.header('set-cookie', serialize(sessionCookie, secret, { ...attributes, maxAge }));
}

export function clearSessionCookie(reply: FastifyReply): void {
  reply.header('set-cookie', serialize(sessionCookie, '', { ...attributes, maxAge: 0 }));
}

/**
 * Refuses what a page of somebody else makes a browser send (CSRF): reads across sites, and changes that do not come from our own page.
 * @throws HeadwaterError `HW_FOREIGN_PAGE`.
 */
export function refuseForeignPages(request: FastifyRequest): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // A link from elsewhere may open a page ("none" is the address bar), but nothing foreign may read the API.
  const isOwn =
    origin === undefined
      ? site === 'same-origin' || (isRead && (site === undefined || site === 'none'))
      : origin === `${request.protocol}://${request.headers.host}` &&
        (site === undefined || site === 'same-origin');
  if (isOwn) return;
  throw new HeadwaterError('HW_FOREIGN_PAGE', {
    message: 'a browser session counts only for requests from this daemon’s own pages',
    hint: 'Scripts and other programs send a token: Authorization: Bearer hw_….',
  });
}

/**
 * A session is a cookie, and a cookie that crosses a network in clear is anybody's.
 * @throws HeadwaterError `HW_SESSION_INSECURE`.
 */
export function refusePlaintextSession(request: FastifyRequest): void {
  const host = request.hostname.replace(/^\[|\]$/g, '');
  if (request.protocol === 'https' || isLoopback(host)) return;
  throw new HeadwaterError('HW_SESSION_INSECURE', {
    message: 'browsers log in over TLS only, or on the machine of the daemon itself',
    hint: 'Start the daemon with --tls, or open an SSH tunnel and use http://127.0.0.1.',
  });
}
