/**
 * A caller that takes long to send a request holds a socket for nothing. Node's own limit is one for all routes, and a push of a long
 * history over a slow line takes minutes; so Node's is the one of pushes, and this is the one of everything else.
 */
import type { FastifyInstance } from 'fastify';
import { isForGit } from './git-credentials.ts';

/** Longest time that a push may take to arrive, in milliseconds. */
export const pushArrivalMs = 15 * 60_000;

/** @param ms Time for a request to arrive whole. Default 30 s. */
export function cutSlowRequests(app: FastifyInstance, ms = 30_000): void {
  app.addHook('onRequest', async (request) => {
    const { raw } = request;
    if (raw.complete || isForGit(request)) return;
    const timer = setTimeout(() => {
      // Only what is still coming in: an answer may take as long as it likes.
      if (!raw.complete) raw.destroy();
    }, ms);
    raw.once('close', () => clearTimeout(timer));
  });
}
