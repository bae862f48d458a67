/**
 * Secrets over HTTP: set and removed without being shown. What an answer or an error says of a request never includes its body, not even
 * where it is no JSON. One route shows a value, to admins, and writes down who asked and why before it does.
 */
import type { RevealedSecret, SecretResult } from '@headwater/schemas/http';
import {
  HeadwaterError,
  isHeadwaterError,
  isName,
  isObject,
  parseJsonBytes,
  parsePointer,
} from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { coversService, type TokenRecord } from '../../access.ts';
import { tokenActor } from '../../audit-entries.ts';
import type { LayerEdits } from '../../editing/layer-edits.ts';
import type { SecretsDesk } from '../../editing/secrets-desk.ts';
import type { Audit } from '../../ports.ts';
import { actorOf } from '../actor.ts';
import { callerOf } from '../auth.ts';
import { requestInvalid, serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';
import { baseIn, messageIn } from './edits.ts';

export interface SecretRoutesDeps {
  readonly secrets: SecretsDesk;
  readonly edits: Pick<LayerEdits, 'environmentsOf'>;
  readonly audit: Audit;
}

type ServiceRequest = FastifyRequest<{ Params: { service: string } }>;

const justificationLength = { least: 10, most: 300 };

export function secretRoutes(app: FastifyInstance, deps: SecretRoutesDeps): void {
  // A scope of its own, for a body parser of its own.
  app.register(async (scope) => {
    takeSilentJson(scope);
    const place = '/api/v1/services/:service/secrets';
    const editor = { config: { access: 'editor' } } as const;

    scope.put<{ Params: { service: string } }>(place, editor, async (request, reply) => {
      const result = await change(request, valueIn(request.body));
      reply.code(result.held && result.held.length > 0 ? 202 : 201);
      return result;
    });

    scope.delete<{ Params: { service: string } }>(place, editor, async (request, reply) => {
      const result = await change(request, null);
      if (result.changed) reply.code(result.held && result.held.length > 0 ? 202 : 201);
      return result;
    });

    scope.post<{ Params: { service: string } }>(
      `${place}/reveal`,
      { config: { access: 'admin' } },
      async (request): Promise<RevealedSecret> => reveal(request),
    );
  });

  async function change(request: ServiceRequest, value: string | null): Promise<SecretResult> {
    const { service, layer, pointer } = placeIn(request);
    const caller = callerOf(request);
    mayReach(caller, service, layer);
    const ifMatch = request.headers['if-match'];
    const verb = value === null ? 'Remove' : 'Set';
    const result = await deps.secrets.change({
      ...{ service, layer },
      values: new Map([[pointer, value]]),
      message:
        messageIn(request.headers['headwater-message']) ??
        `${verb} secret ${pointer} of ${service}${layer === 'base' ? '' : ` in ${layer}`}`,
      actor: actorOf(caller),
      requestId: request.id,
      ...(ifMatch === undefined ? {} : { base: baseIn(ifMatch) }),
    });
    if (result.changed)
      deps.audit.note({
        action: value === null ? 'secret-remove' : 'secret-set',
        actor: tokenActor(caller),
        requestId: request.id,
        ...{ env: layer, service, pointer },
        epoch: result.epoch,
        commit: result.commit,
      });
    return result;
  }

  async function reveal(request: ServiceRequest): Promise<RevealedSecret> {
    const { service, layer: env, pointer } = placeIn(request);
    const caller = callerOf(request);
    if (env === 'base')
      throw requestInvalid('a value is revealed as an environment has it: ?env=<environment>');
    mayReach(caller, service, env);
    const reason = justificationIn(request.body);
    const place = { env, service, pointer };
    // On record before anything is opened; without a record nothing is.
    await deps.audit.record({
      action: 'secret-reveal',
      actor: tokenActor(caller),
      requestId: request.id,
      ...place,
      reason,
    });
    request.log.warn({ ...place, tokenId: caller.id }, 'a secret is revealed to a person');
    return { ...place, ...(await deps.secrets.reveal(service, env, pointer)) };
  }

  /** Whoever changes a layer changes every environment that it reaches. */
  function mayReach(caller: TokenRecord, service: string, layer: string): void {
    const reached = isName(service) ? deps.edits.environmentsOf(service, layer) : [];
    if (!reached.some((env) => coversService(caller, env, service))) throw serviceNotFound();
    const beyond = reached.filter((env) => !coversService(caller, env, service));
    if (beyond.length === 0) return;
    throw new HeadwaterError('HW_FORBIDDEN', {
      message: `this secret reaches ${beyond.length === 1 ? 'an environment' : 'environments'} beyond this token`,
      hint: 'Name one environment (?env=<env>), or ask somebody who may change all of them.',
    });
  }
}

function placeIn(request: ServiceRequest): { service: string; layer: string; pointer: string } {
  const query = new Query(request, ['env', 'pointer']);
  const layer = query.required('env');
  const pointer = query.pointer('pointer');
  if (pointer === undefined || !isPointer(pointer))
    throw requestInvalid('the parameter "pointer" names a setting: /db/password');
  return { service: request.params.service, layer, pointer };
}

function isPointer(text: string): boolean {
  try {
    return !parsePointer(text).includes('');
  } catch (error) {
    if (isHeadwaterError(error)) return false;
    throw error;
  }
}

function valueIn(body: unknown): string {
  if (
    isObject(body) &&
    Object.keys(body).join() === 'value' &&
    typeof body.value === 'string' &&
    body.value !== ''
  )
    return body.value;
  throw requestInvalid('the body must be {"value": "…"}, a text of at least one character, and nothing else');
}

function justificationIn(body: unknown): string {
  const { least, most } = justificationLength;
  const text =
    isObject(body) && Object.keys(body).join() === 'justification' ? body.justification : undefined;
  if (typeof text === 'string' && text.trim().length >= least && text.length <= most) return text.trim();
  throw requestInvalid(
    `the body must be {"justification": "…"}: why you need to see it, in ${least} to ${most} characters`,
  );
}

/** What the strict parser says of a fault names keys, and here anything may stand in the place of a key. */
function takeSilentJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      done(null, bytes.length === 0 ? null : parseJsonBytes(bytes));
    } catch (error) {
      done(
        isHeadwaterError(error)
          ? requestInvalid(`the body is not the JSON that this route takes (${error.code})`)
          : (error as Error),
      );
    }
  });
}
