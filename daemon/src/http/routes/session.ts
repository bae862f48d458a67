import { HeadwaterError, isObject } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import type { TokenRecord } from '../../access.ts';
import { tokenActor } from '../../audit-entries.ts';
import type { Audit } from '../../ports.ts';
import { callerOf, type TokenVerifier } from '../auth.ts';
import type { FailedAttempts } from '../failed-attempts.ts';
import { refuseGuessing } from '../guessing.ts';
import { requestInvalid } from '../not-found.ts';
import {
  clearSessionCookie,
  refuseForeignPages,
  refusePlaintextSession,
  sessionCookieOf,
  setSessionCookie,
} from '../session-cookie.ts';

export interface SessionRoutesDeps {
  readonly tokens: TokenVerifier & {
    redeem(token: string, sessionMs: number): Promise<TokenRecord | null>;
  };
  readonly sessions: {
    open(tokenId: string): Promise<string>;
    close(secret: string): Promise<void>;
  };
  /** How long a session lasts, in milliseconds. */
  readonly lifetimeMs: number;
  readonly attempts: FailedAttempts;
  readonly audit: Audit;
}

/** Logging a browser in, with a token or a login link, and out. */
export function sessionRoutes(app: FastifyInstance, deps: SessionRoutesDeps): void {
  app.post('/api/v1/session', { config: { access: 'open' } }, async (request, reply) => {
    refuseForeignPages(request);
    refusePlaintextSession(request);
    const credential = credentialOf(request.body);
    refuseGuessing(deps.attempts, request, reply, credential.text);
    const caller = await recordOf(credential);
    if (caller === null) {
      deps.attempts.failed(request.ip, credential.text);
      request.log.warn({ address: request.ip, by: credential.kind }, 'login refused');
      throw refused(credential.kind);
    }
    deps.attempts.succeeded(request.ip, credential.text);
    setSessionCookie(reply, await deps.sessions.open(caller.id), deps.lifetimeMs);
    request.log.info({ address: request.ip, by: credential.kind, tokenId: caller.id }, 'browser logged in');
    deps.audit.note({
      action: 'login',
      actor: tokenActor(caller),
      requestId: request.id,
      details: { by: credential.kind, address: request.ip },
    });
    return reply.code(201).send({ name: caller.name, role: caller.role });
  });

  app.delete('/api/v1/session', { config: { access: 'token' } }, async (request, reply) => {
    const secret = sessionCookieOf(request);
    if (secret !== undefined) await deps.sessions.close(secret);
    clearSessionCookie(reply);
    const caller = callerOf(request);
    request.log.info({ tokenId: caller.id }, 'browser logged out');
    deps.audit.note({ action: 'logout', actor: tokenActor(caller), requestId: request.id });
    return reply.code(204).send();
  });

  async function recordOf({ kind, text }: Credential): Promise<TokenRecord | null> {
    if (kind === 'login') return deps.tokens.redeem(text, deps.lifetimeMs);
    const caller = deps.tokens.verify(text);
    // A service has no business in a browser.
    return caller?.role === 'service' ? null : caller;
  }
}

interface Credential {
  readonly kind: 'token' | 'login';
  readonly text: string;
}

function credentialOf(body: unknown): Credential {
  const { token, login } = isObject(body) ? body : {};
  if (typeof token === 'string' && login === undefined) return { kind: 'token', text: token };
  if (typeof login === 'string' && token === undefined) return { kind: 'login', text: login };
  throw requestInvalid('expected {"token": "hw_…"} or {"login": "hw_…"}');
}

function refused(kind: Credential['kind']): HeadwaterError {
  return kind === 'token'
    ? new HeadwaterError('HW_TOKEN_INVALID', {
        message: 'this token is unknown, revoked, expired, or not for people',
        hint: 'Ask an admin for a token, or make a login link: headwater login-link.',
      })
    : new HeadwaterError('HW_TOKEN_INVALID', {
        message: 'this login link was used already or is too old',
        hint: 'Make a new one on the machine of the daemon: headwater login-link --data DIR.',
      });
}
