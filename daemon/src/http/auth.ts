/**
 * Who may call what. Default deny: every route states its access in its route config, one that does not fails when it is
 * registered, and the decision is taken on the route that matched, never on the text of the URL.
 */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasRole, PEOPLE_ROLES, type PeopleRole, type TokenRecord } from '../access.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import { challengeOf, isForGit, tokenOf } from './git-credentials.ts';
import { refuseGuessing } from './guessing.ts';
import { refuseForeignPages, sessionCookieOf } from './session-cookie.ts';

/**
 * `open`: anybody. `token`: any valid token, services too. `signature`: whoever signed the request; the route verifies it before its
 * handler. A role: people with at least that role.
 */
export type Access = 'open' | 'token' | 'signature' | PeopleRole;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who calls, on every route that is not open. */
    caller: TokenRecord | null;
  }
}

/** The part of the token store that is needed. */
export interface TokenVerifier {
  verify(token: string): TokenRecord | null;
  find(id: string): TokenRecord | null;
}

/** The part of the session store that is needed. */
export interface SessionFinder {
  /** Id of the token that the session borrows, or `null`. */
  find(secret: string): string | null;
}

export interface Guards {
  readonly tokens: TokenVerifier;
  readonly sessions: SessionFinder;
  readonly attempts: FailedAttempts;
}

const allAccess: readonly unknown[] = ['open', 'token', 'signature', ...PEOPLE_ROLES];

/** Call before any route is registered. */
export function guardRoutes(app: FastifyInstance, { tokens, sessions, attempts }: Guards): void {
  app.decorateRequest('caller', null);
  app.addHook('onRoute', (route) => {
    const access = route.config?.access;
    const name = `route ${String(route.method)} ${route.url}`;
    if (!allAccess.includes(access))
      throw new Error(`${name} does not state who may call it (config.access)`);
    if (access === 'signature' && route.preHandler === undefined)
      throw new Error(`${name} takes signed requests and does not verify them (preHandler)`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const access = request.routeOptions.config.access;
    if (request.is404 || access === 'open' || access === 'signature') return;
    const caller = bySession(request, tokens, sessions) ?? byToken(request, reply, tokens, attempts);
    if (access !== 'token' && !(access !== undefined && hasRole(caller, access))) throw forbidden(access);
    request.caller = caller;
  });
}

/** The caller of a route that is not open. */
export function callerOf(request: FastifyRequest): TokenRecord {
  if (request.caller === null) throw new Error('an open route asked who calls');
  return request.caller;
}

/** A browser that is logged in; `null` when the request does not come with a session. A header wins over a cookie. */
function bySession(
  request: FastifyRequest,
  tokens: TokenVerifier,
  sessions: SessionFinder,
): TokenRecord | null {
  if (request.headers.authorization !== undefined || isForGit(request)) return null;
  const secret = sessionCookieOf(request);
  if (secret === undefined) return null;
  const tokenId = sessions.find(secret);
  const caller = tokenId === null ? null : tokens.find(tokenId);
  // The cookie comes along whoever wrote the page that sends it.
  if (caller !== null) refuseForeignPages(request);
  return caller;
}

function byToken(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: TokenVerifier,
  attempts: FailedAttempts,
): TokenRecord {
  const token = tokenOf(request);
  if (token === undefined) {
    reply.header('www-authenticate', challengeOf(request, false));
    throw new HeadwaterError('HW_TOKEN_INVALID', {
      message: 'this needs a token',
      hint: 'Send the header Authorization: Bearer hw_…; the first admin token is in the file admin-token of the data folder.',
    });
  }
  refuseGuessing(attempts, request, reply, token);
  const caller = tokens.verify(token);
  if (caller !== null) {
    attempts.succeeded(request.ip, token);
    return caller;
  }
  attempts.failed(request.ip, token);
  request.log.warn({ address: request.ip }, 'token refused');
  reply.header('www-authenticate', challengeOf(request, true));
  throw new HeadwaterError('HW_TOKEN_INVALID', {
    message: 'this token is unknown, revoked or expired',
    hint: 'Make a new one on the machine of the daemon: headwater token create --data DIR.',
  });
}

function forbidden(access: Access | undefined): HeadwaterError {
  return new HeadwaterError('HW_FORBIDDEN', {
    message: `this token's role may not do that; it needs ${access ?? 'another'} or a higher one`,
    hint: 'Ask an admin for a token with that role.',
  });
}
