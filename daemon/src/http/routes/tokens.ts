/** Tokens of people and services, for admins. Nobody gives more than they have. */
import type { CreatedTokenView, TokenList, TokenView } from '@headwater/schemas/http';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import { isRole, matchesGlob, type TokenRecord } from '../../access.ts';
import type { CreatedToken, NewToken } from '../../adapters/data/token-store.ts';
import { tokenActor } from '../../audit-entries.ts';
import type { Audit } from '../../ports.ts';
import { callerOf } from '../auth.ts';
import { Body } from '../body.ts';
import { requestInvalid } from '../not-found.ts';
import { Query } from '../query.ts';

export interface TokenAdmin {
  create(request: NewToken): Promise<CreatedToken>;
  list(): readonly TokenRecord[];
  revoke(id: string): Promise<TokenRecord>;
}

export interface TokenRoutesDeps {
  readonly tokenAdmin: TokenAdmin;
  readonly audit: Audit;
}

const dayMs = 24 * 60 * 60 * 1000;
const mostDays = 3650;

export function tokenRoutes(app: FastifyInstance, { tokenAdmin, audit }: TokenRoutesDeps): void {
  const admin = { config: { access: 'admin' } } as const;

  app.get('/api/v1/tokens', admin, async (request): Promise<TokenList> => {
    new Query(request, []);
    const caller = callerOf(request);
    const tokens = tokenAdmin.list().filter((one) => one.use === undefined && isWithin(caller, one));
    return { tokens: tokens.map(viewOf) };
  });

  app.post('/api/v1/tokens', admin, async (request, reply): Promise<CreatedTokenView> => {
    new Query(request, []);
    const wanted = tokenIn(request.body);
    const caller = callerOf(request);
    if (!isWithin(caller, { env: wanted.env ?? '*', service: wanted.service ?? '*' })) {
      throw new HeadwaterError('HW_FORBIDDEN', {
        message: 'the token would reach further than yours',
        hint: `Yours is for env ${caller.env} and service ${caller.service}: name environments and services within that.`,
      });
    }
    const { token, record } = await created(wanted);
    try {
      await audit.record({
        action: 'token-create',
        ...entryOf(record),
        actor: tokenActor(caller),
        requestId: request.id,
      });
    } catch (error) {
      // Nobody may hold a token that nobody wrote down.
      await tokenAdmin.revoke(record.id);
      throw error;
    }
    return reply.code(201).send({ ...viewOf(record), token });
  });

  app.delete<{ Params: { id: string } }>('/api/v1/tokens/:id', admin, async (request): Promise<TokenView> => {
    new Query(request, []);
    const caller = callerOf(request);
    const found = tokenAdmin.list().find(({ id }) => id === request.params.id);
    if (found === undefined || !isWithin(caller, found)) throw tokenNotFound();
    const record = await tokenAdmin.revoke(found.id);
    await audit.record({
      action: 'token-revoke',
      ...entryOf(record),
      actor: tokenActor(caller),
      requestId: request.id,
    });
    return viewOf(record);
  });

  async function created(wanted: NewToken): Promise<CreatedToken> {
    try {
      return await tokenAdmin.create(wanted);
    } catch (error) {
      // Written for the command line; what is wrong is the body.
      if (isHeadwaterError(error, 'HW_USAGE')) throw requestInvalid(error.message);
      throw error;
    }
  }
}

/** Every name that the other scope matches is matched by the caller's: in a pattern, `*` covers `*` and letters alike. */
function isWithin(caller: TokenRecord, { env, service }: Pick<TokenRecord, 'env' | 'service'>): boolean {
  return matchesGlob(caller.env, env) && matchesGlob(caller.service, service);
}

function tokenIn(value: unknown): NewToken {
  const body = new Body(value, ['name', 'role', 'env', 'service', 'expiresInDays']);
  const role = body.required('role');
  if (!isRole(role)) throw requestInvalid('"role" is viewer, editor, approver, operator, admin or service');
  const [env, service, days] = [
    body.text('env'),
    body.text('service'),
    body.count('expiresInDays', mostDays),
  ];
  if (days === 0) throw requestInvalid(`"expiresInDays" is a number from 1 to ${mostDays}`);
  return {
    ...{ role, name: body.required('name') },
    ...(env === undefined ? {} : { env }),
    ...(service === undefined ? {} : { service }),
    ...(days === undefined ? {} : { expiresInMs: days * dayMs }),
  };
}

function viewOf({ id, name, role, env, service, createdAt, expiresAt, revokedAt }: TokenRecord): TokenView {
  return {
    ...{ id, name, role, scope: { env, service }, createdAt },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}

function entryOf({ id, role, name, env, service }: TokenRecord) {
  return { env, service, details: { token: id, name, role } };
}

function tokenNotFound(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is no such token within the reach of yours',
    hint: 'GET /api/v1/tokens lists them; the id is the middle part of hw_<id>_<secret>.',
  });
}
