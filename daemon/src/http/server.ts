import type { Socket } from 'node:net';
import { parseJsonBytes } from '@headwater/schemas/protocol';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { LayerEdits } from '../editing/layer-edits.ts';
import type { SecretsDesk } from '../editing/secrets-desk.ts';
import type { GitHost } from '../git-backend.ts';
import type { KeyDesk } from '../keys/key-desk.ts';
import { nothingLive } from '../live-configs.ts';
import type { LiveEvents } from '../live-events.ts';
import type { Audit, Clock } from '../ports.ts';
import type { RewriteReview } from '../rewrite-review.ts';
import type { DaemonView } from '../view.ts';
import { guardRoutes, type SessionFinder, type TokenVerifier } from './auth.ts';
import { configApiRoutes } from './config-api.ts';
import type { ConfigApi } from './config-api-deps.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { newRequestId, problemType, requestIdOf, securityHeaders } from './headers.ts';
import { checkHost } from './host-check.ts';
import { awaitMinEpoch } from './min-epoch.ts';
import { requestInvalid, routeNotFound } from './not-found.ts';
import { problemOf } from './problem.ts';
import { editRoutes } from './routes/edits.ts';
import { epochRoutes } from './routes/epoch.ts';
import { eventRoutes } from './routes/events.ts';
import { gitRoutes } from './routes/git.ts';
import { healthRoutes } from './routes/health.ts';
import { type HistoryRoutesDeps, historyRoutes } from './routes/history.ts';
import { keyRoutes } from './routes/keys.ts';
import { meRoutes } from './routes/me.ts';
import { rewriteRoutes } from './routes/rewrites.ts';
import { secretRoutes } from './routes/secrets.ts';
import { serviceRoutes } from './routes/services.ts';
import { type SessionRoutesDeps, sessionRoutes } from './routes/session.ts';
import { type TokenAdmin, tokenRoutes } from './routes/tokens.ts';
import { webEditorRoutes } from './routes/web-editor.ts';
import { noWebhooks, type WebhookReceiver, webhookRoutes } from './routes/webhooks.ts';
import { cutSlowRequests, pushArrivalMs } from './slow-requests.ts';

/** What the HTTP API stands on. */
export interface ServerDeps {
  readonly view: DaemonView;
  readonly tokens: TokenVerifier & SessionRoutesDeps['tokens'];
  readonly sessions: SessionFinder & SessionRoutesDeps['sessions'] & { readonly lifetimeMs: number };
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  /** The repository as git reaches it. Default: not served. */
  readonly git?: GitHost | null;
  readonly events: LiveEvents;
  readonly history: HistoryRoutesDeps['history'];
  /** Default: config cannot be changed through the API. */
  readonly edits?: LayerEdits;
  /** Default: keys do not change while this runs. */
  readonly keys?: Pick<KeyDesk, 'reload'>;
  /** Default: secrets are not changed over HTTP. */
  readonly secrets?: SecretsDesk;
  /** Default: none of its routes. */
  readonly config?: ConfigApi;
  /** Default: tokens are made by commands alone. */
  readonly tokenAdmin?: TokenAdmin;
  /** How long a request waits for an epoch that it names, in milliseconds. Default 10,000. */
  readonly epochWaitMs?: number;
  readonly rewrites: RewriteReview;
  readonly audit: Audit;
  /** Default: none are taken. */
  readonly webhooks?: WebhookReceiver;
  /** Folder with the built web editor. */
  readonly web: string;
  /** Host names besides loopback names and addresses under which requests are answered, see `namesOf`. Default none. */
  readonly hosts?: readonly string[];
}

const maxBodyBytes = 1024 * 1024;
const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 10_000;
const maxConnections = 2000;

/** The HTTP API, not listening yet; tests use `inject`. */
export function buildServer(deps: ServerDeps): FastifyInstance {
  const app = fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: pushArrivalMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    forceCloseConnections: true,
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    clientErrorHandler: answerUnreadable,
    // A URL that cannot be decoded never reaches the hooks.
    frameworkErrors: (error, request, reply) => {
      prepare(request, reply);
      sendProblem(error, request, reply);
    },
  });
  app.server.maxConnections = maxConnections;
  cutSlowRequests(app);
  takeStrictJsonOnly(app);

  const hosts = new Set((deps.hosts ?? []).map((host) => host.toLowerCase()));
  app.addHook('onRequest', async (request, reply) => {
    prepare(request, reply);
    // A URL with a host in it (as sent to a proxy) would say another host than the one that is checked.
    if (!request.raw.url?.startsWith('/')) throw requestInvalid('the request target is not a path');
    checkHost(request.headers.host, hosts);
  });
  const attempts = new FailedAttempts(deps.clock);
  guardRoutes(app, { ...deps, attempts });
  awaitMinEpoch(app, deps);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.debug({ method: request.method, route, status: reply.statusCode, ms }, 'request answered');
  });
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) => sendProblem(routeNotFound(), request, reply));

  healthRoutes(app, deps.view);
  meRoutes(app, deps.view);
  sessionRoutes(app, { ...deps, lifetimeMs: deps.sessions.lifetimeMs, attempts });
  epochRoutes(app, deps.view);
  serviceRoutes(app, deps.view);
  if (deps.git) gitRoutes(app, deps.git);
  if (deps.keys) keyRoutes(app, deps.keys);
  if (deps.secrets && deps.edits)
    secretRoutes(app, { secrets: deps.secrets, edits: deps.edits, audit: deps.audit });
  if (deps.edits) editRoutes(app, { view: deps.view, edits: deps.edits });
  if (deps.tokenAdmin) tokenRoutes(app, { tokenAdmin: deps.tokenAdmin, audit: deps.audit });
  if (deps.config) configApiRoutes(app, { view: deps.view, ...deps.config });
  historyRoutes(app, { ...deps, live: deps.config?.live ?? nothingLive });
  rewriteRoutes(app, deps);
  eventRoutes(app, deps);
  webhookRoutes(app, deps.webhooks ?? noWebhooks, deps.clock);
  webEditorRoutes(app, deps.web);
  return app;
}

function prepare(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(securityHeaders).header('x-request-id', request.id);
}

/** Returns nothing: Fastify takes what an error handler returns for a second answer. */
function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request.id);
  if (problem.code === 'HW_INTERNAL') request.log.error({ err: error }, 'request failed');
  else if (problem.status >= 500) request.log.warn({ err: error }, 'request failed');
  // The bytes are made here, so that no serializer changes the media type.
  reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}

/** JSON as it is, and as the two kinds of patch; which of them a route takes it says itself. */
const jsonTypes = ['application/json', 'application/json-patch+json', 'application/merge-patch+json'];

/** One strict parser: duplicate keys, unsafe numbers, bottomless nesting and prototype keys are refused like in files. */
function takeStrictJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(jsonTypes, { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJsonBytes(typeof body === 'string' ? Buffer.from(body) : body));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Bytes that are no HTTP, headers that are too large or too slow: there is no request yet, only a socket. */
function answerUnreadable(error: Error, socket: Socket): void {
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = newRequestId();
  const body = JSON.stringify(problemOf(requestInvalid('the request is not readable HTTP'), requestId));
  const headers = { ...securityHeaders, 'content-type': problemType, 'x-request-id': requestId };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
