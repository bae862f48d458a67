/** The era, and what a rewritten branch would change: looked at by admins, accepted by name of the tip that was looked at. */
import type { AcceptedRewrite, EraState, RewritePreview } from '@headwater/schemas/http';
import { COMMIT_PATTERN, HeadwaterError, isObject } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { coversEverything, type TokenRecord } from '../../access.ts';
import { tokenActor } from '../../audit-entries.ts';
import type { Audit } from '../../ports.ts';
import type { RewriteReview } from '../../rewrite-review.ts';
import { callerOf } from '../auth.ts';
import { requestInvalid } from '../not-found.ts';

export interface RewriteRoutesDeps {
  readonly rewrites: RewriteReview;
  readonly audit: Audit;
}

export function rewriteRoutes(app: FastifyInstance, { rewrites, audit }: RewriteRoutesDeps): void {
  const admin = { config: { access: 'admin' } } as const;

  app.get('/api/v1/epoch/era', { config: { access: 'viewer' } }, async (request): Promise<EraState> => {
    const state = rewrites.state();
    if (state.refused === null || coversEverything(callerOf(request))) return state;
    // The way out names the repository, which is not for everybody's eyes.
    const { code, message } = state.refused;
    return { ...state, refused: { code, message } };
  });

  app.get('/api/v1/epoch/rewrite', admin, async (request): Promise<RewritePreview> => {
    requireEverything(callerOf(request));
    return rewrites.preview();
  });

  app.post('/api/v1/epoch/accept-rewrite', admin, async (request): Promise<AcceptedRewrite> => {
    const caller = callerOf(request);
    requireEverything(caller);
    const tip = tipOf(request.body);
    request.log.warn({ token: caller.id, tip }, 'asked to accept rewritten history');
    await audit.record({
      action: 'accept-rewrite',
      actor: tokenActor(caller),
      requestId: request.id,
      commit: tip,
    });
    return rewrites.accept(tip);
  });
}

/** History is one for all: whoever rules over a part of the services cannot decide it. */
function requireEverything(caller: TokenRecord): void {
  if (coversEverything(caller)) return;
  throw new HeadwaterError('HW_FORBIDDEN', {
    message: 'this token does not reach all environments and services, and a rewrite concerns all of them',
    hint: 'Ask an admin of the whole deployment.',
  });
}

function tipOf(body: unknown): string {
  const isAsExpected = isObject(body) && Object.keys(body).join() === 'tip';
  const tip = isAsExpected ? body.tip : undefined;
  if (typeof tip === 'string' && COMMIT_PATTERN.test(tip)) return tip;
  throw requestInvalid('the body must be {"tip": "<full commit id>"}, the tip that was looked at');
}
