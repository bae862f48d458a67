/**
 * The config repository over HTTP, for `git clone` and `git push`: git's own smart protocol, and nothing else of the repository. git
 * shows the text of a refusal to its user, so refusals are plain text here.
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { coversEverything, hasRole, type TokenRecord } from '../../access.ts';
import type { GitHost, GitService } from '../../git-backend.ts';
import { callerOf } from '../auth.ts';
import { securityHeaders } from '../headers.ts';
import { problemOf } from '../problem.ts';

/** Where the repository is, below the address of the daemon. */
export const gitPath = '/git/config.git';

const services: readonly GitService[] = ['git-upload-pack', 'git-receive-pack'];

/** Cloning needs a viewer of everything, because git gives out a repository as a whole; pushing needs an editor, and the gate judges of what. */
export function gitRoutes(app: FastifyInstance, host: GitHost): void {
  app.register(async (git) => {
    git.removeAllContentTypeParsers();
    // git reads the body itself, as it comes.
    git.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    git.setErrorHandler(sendText);
    const config = { access: 'viewer', credentials: 'git' } as const;
    git.get(`${gitPath}/info/refs`, { config, exposeHeadRoute: false }, async (request, reply) => {
      const { service } = request.query as Readonly<Record<string, unknown>>;
      const known = services.find((one) => one === service);
      if (known === undefined) throw oldProtocol();
      await answer(host, known, null, request, reply);
    });
    for (const service of services) {
      git.post(`${gitPath}/${service}`, { config }, async (request, reply) => {
        await answer(host, service, request.body as Readable, request, reply);
      });
    }
  });
}

async function answer(
  host: GitHost,
  service: GitService,
  body: Readable | null,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const token = callerOf(request);
  const isPush = service === 'git-receive-pack';
  if (isPush) await checkPush(host, token);
  else if (!coversEverything(token)) throw needsEverything();
  const announced = isPush && body !== null ? host.announcePush({ token, requestId: request.id }) : null;
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const { headers } = request;
  try {
    const served = await host.backend.serve({
      service,
      body,
      headers: {
        contentType: headers['content-type'],
        contentEncoding: headers['content-encoding'],
        contentLength: headers['content-length'],
        gitProtocol: protocolOf(headers['git-protocol']),
      },
      user: token.id,
      address: request.ip,
      ...(announced === null ? {} : { ticket: announced.ticket }),
      signal: gone.signal,
    });
    reply.hijack();
    reply.raw.writeHead(served.status, { ...securityHeaders, 'x-request-id': request.id, ...served.headers });
    await pipeline(served.body, reply.raw);
  } catch (error) {
    if (!reply.raw.headersSent) throw error;
    // Half an answer went out: cutting the connection is the only way left to say that it is not whole.
    request.log.debug({ err: error }, 'git over HTTP was cut off');
    reply.raw.destroy();
  } finally {
    announced?.release();
  }
}

async function checkPush(host: GitHost, token: TokenRecord): Promise<void> {
  if (!hasRole(token, 'editor')) {
    throw new HeadwaterError('HW_FORBIDDEN', {
      message: `this token has the role ${token.role} and may not push`,
      hint: 'Pushing needs the role editor or a higher one. Ask an admin for such a token.',
    });
  }
  const refusal = await host.pushRefusal();
  if (refusal !== null) throw refusal;
}

/** One known form only: it reaches git through a variable. */
function protocolOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w=:.-]{1,100}$/.test(header) ? header : undefined;
}

function sendText(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, code, detail, hint } = problemOf(error, request.id);
  if (status >= 500) request.log.warn({ err: error }, 'git over HTTP failed');
  const lines = [detail, ...(hint === undefined ? [] : [hint]), `(${code}, request ${request.id})`];
  // What git has not sent yet is not read any more.
  if (!request.raw.complete) reply.header('connection', 'close');
  reply
    .code(status)
    .type('text/plain; charset=utf-8')
    .send(lines.map((line) => `headwater: ${line}\n`).join(''));
}

function needsEverything(): HeadwaterError {
  return new HeadwaterError('HW_FORBIDDEN', {
    message: 'this token is limited to a part of the config, and a clone holds all of it',
    hint: 'Cloning needs a token that may view every environment and service. The API shows the part that this one reaches.',
  });
}

function oldProtocol(): HeadwaterError {
  return new HeadwaterError('HW_FORBIDDEN', {
    message: 'only the smart HTTP protocol of git is spoken here',
    hint: `Clone it with git 1.6.6 or newer: git clone <address of the daemon>${gitPath}`,
  });
}
