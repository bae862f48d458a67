/** What happens, as server-sent events (WHATWG HTML §9.2), for as long as the caller may see it. */
import type { ServerResponse } from 'node:http';
import type { LiveEvent } from '@headwater/schemas/http';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { coversEnvironment, coversService, type TokenRecord } from '../../access.ts';
import type { LiveEvents, NumberedEvent } from '../../live-events.ts';
import { callerOf } from '../auth.ts';

/** A line that says nothing keeps proxies from closing a quiet connection, and shows both ends that the other is there. */
const heartbeatMs = 15_000;
/** How often it is looked whether the caller may still listen. */
const recheckMs = 2_000;
/** More than this unread in a connection: nobody reads it. */
const maxQueuedBytes = 1024 * 1024;
/** Streams one token may hold: some browsers with some tabs each. */
const maxStreamsPerToken = 50;

export interface EventRoutesDeps {
  readonly events: LiveEvents;
  readonly tokens: { find(id: string): TokenRecord | null };
}

export function eventRoutes(app: FastifyInstance, { events, tokens }: EventRoutesDeps): void {
  const open = new Map<ServerResponse, string>();
  // A stream never ends by itself: without this the server would wait for it when it closes.
  app.addHook('preClose', async () => {
    for (const stream of open.keys()) stream.end();
  });

  app.get('/api/v1/events', { config: { access: 'viewer' } }, (request, reply) => {
    const caller = callerOf(request);
    if ([...open.values()].filter((id) => id === caller.id).length >= maxStreamsPerToken) throw tooMany();
    const lastId = lastIdOf(request);
    const headers = reply.getHeaders();
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, {
      ...(headers as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    open.set(stream, caller.id);
    resume(stream, caller, lastId);
    const stop = events.subscribe((event) => send(stream, caller, event));
    const beat = setInterval(() => stream.write(':\n\n'), heartbeatMs);
    const recheck = setInterval(() => {
      if (tokens.find(caller.id) === null) stream.end();
    }, recheckMs);
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      open.delete(stream);
      stop();
      clearInterval(beat);
      clearInterval(recheck);
    });
  });

  function resume(stream: ServerResponse, caller: TokenRecord, lastId: string | null): void {
    stream.write('retry: 2000\n\n');
    const missed = lastId === null ? [] : events.since(lastId);
    if (missed === null) stream.write(`id: ${events.lastId}\nevent: reset\ndata: {}\n\n`);
    // A first connection learns where it stands, so that it can resume from there.
    else if (missed.length === 0) stream.write(`id: ${events.lastId}\n\n`);
    else for (const event of missed) send(stream, caller, event);
  }
}

function send(stream: ServerResponse, caller: TokenRecord, { id, event }: NumberedEvent): void {
  const seen = visibleTo(caller, event);
  if (seen === null) return;
  stream.write(`id: ${id}\nevent: ${seen.type}\ndata: ${JSON.stringify(seen)}\n\n`);
  if (stream.writableLength > maxQueuedBytes) stream.destroy();
}

/** The part of an event that the caller may see, or `null`. */
function visibleTo(caller: TokenRecord, event: LiveEvent): LiveEvent | null {
  switch (event.type) {
    case 'epoch': {
      if (!coversEnvironment(caller, event.env)) return null;
      if (event.services === '*') return event;
      return { ...event, services: event.services.filter((name) => coversService(caller, event.env, name)) };
    }
    case 'held':
      return coversEnvironment(caller, event.env) ? event : null;
    case 'receipt':
      return coversService(caller, event.env, event.receipt.service) ? event : null;
    default:
      return event;
  }
}

/** `Last-Event-ID` as browsers send it when they connect again; `?after=` for those who cannot set headers. */
function lastIdOf(request: FastifyRequest): string | null {
  const header = request.headers['last-event-id'];
  const { after } = request.query as Readonly<Record<string, unknown>>;
  const id = typeof header === 'string' ? header : after;
  return typeof id === 'string' && /^[0-9a-f]{8}-\d{1,12}$/.test(id) ? id : null;
}

function tooMany(): HeadwaterError {
  return new HeadwaterError('HW_RATE_LIMITED', {
    message: `one token may hold ${maxStreamsPerToken} event streams`,
    hint: 'Close pages that are not needed, or make a token for each program.',
  });
}
