/** Tokens as git sends them: the password of HTTP Basic, under any user name. */
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `git`: the route also takes a token as a password, and no browser session. */
    credentials?: 'git';
  }
}

/** What a caller without a token that counts is told to send. */
export function challengeOf(request: FastifyRequest, isInvalid: boolean): string {
  if (isForGit(request)) return 'Basic realm="headwater", charset="UTF-8"';
  return `Bearer realm="headwater"${isInvalid ? ', error="invalid_token"' : ''}`;
}

/** The token of a request; `undefined` when it has none. */
export function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization ?? '';
  const basic = isForGit(request) ? /^Basic +([\w+/=-]{1,400}) *$/i.exec(header)?.[1] : undefined;
  return basic === undefined ? /^Bearer +(\S{1,128}) *$/i.exec(header)?.[1] : passwordIn(basic);
}

export function isForGit(request: FastifyRequest): boolean {
  return request.routeOptions.config.credentials === 'git';
}

function passwordIn(basic: string): string | undefined {
  const text = Buffer.from(basic, 'base64').toString('utf8');
  const password = text.slice(text.indexOf(':') + 1);
  return text.includes(':') && /^\S{1,128}$/.test(password) ? password : undefined;
}
