/** Changing config: one layer of one service, or many at once. Every change is a commit; nothing is answered before it is durable. */
import type { DryRun, EditResult, LayerChange } from '@headwater/schemas/http';
import {
  HeadwaterError,
  isName,
  isObject,
  type JsonObject,
  type JsonValue,
} from '@headwater/schemas/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { coversService, type TokenRecord } from '../../access.ts';
import type { DocumentChange } from '../../core/edit/document-change.ts';
import type { LayerEdit } from '../../editing/layer-changes.ts';
import type { LayerEditRequest, LayerEdits } from '../../editing/layer-edits.ts';
import type { DaemonView } from '../../view.ts';
import { actorOf } from '../actor.ts';
import { callerOf } from '../auth.ts';
import { etagOfService } from '../etag.ts';
import { requestInvalid, serviceNotFound } from '../not-found.ts';
import { Query } from '../query.ts';

export interface EditRoutesDeps {
  readonly view: DaemonView;
  readonly edits: LayerEdits;
}

/** Most layers in one request. */
const maxChanges = 10_000;
const maxMessage = 10_000;

export function editRoutes(app: FastifyInstance, { view, edits }: EditRoutesDeps): void {
  const editor = { config: { access: 'editor' } } as const;

  app.put<{ Params: { service: string } }>('/api/v1/services/:service', editor, (request, reply) =>
    saveLayer(request, reply, (body) => ({ kind: 'replace', document: documentIn(request, body) })),
  );

  app.patch<{ Params: { service: string } }>('/api/v1/services/:service', editor, (request, reply) =>
    saveLayer(request, reply, (body) => patchIn(request, body)),
  );

  app.post('/api/v1/commits', editor, async (request, reply) => {
    const dryRun = new Query(request, ['dryRun']).flag('dryRun');
    const { message, base, changes } = commitIn(request.body);
    const wanted: LayerEditRequest = {
      ...(message === undefined ? {} : { message }),
      base,
      edits: changes.map(editIn),
      actor: actorOf(callerOf(request)),
      requestId: request.id,
    };
    return answer(reply, wanted, dryRun, callerOf(request));
  });

  async function saveLayer(
    request: FastifyRequest<{ Params: { service: string } }>,
    reply: FastifyReply,
    changeIn: (body: unknown) => DocumentChange,
  ) {
    const query = new Query(request, ['layer', 'dryRun']);
    const layer = query.required('layer');
    const { service } = request.params;
    const message = messageIn(request.headers['headwater-message']);
    const wanted: LayerEditRequest = {
      ...(message === undefined ? {} : { message }),
      base: baseIn(request.headers['if-match']),
      edits: [{ service, layer, change: changeIn(request.body) }],
      actor: actorOf(callerOf(request)),
      requestId: request.id,
    };
    const answered = await answer(reply, wanted, query.flag('dryRun'), callerOf(request));
    await tag(reply, service, layer);
    return answered;
  }

  async function answer(
    reply: FastifyReply,
    wanted: LayerEditRequest,
    dryRun: boolean,
    caller: TokenRecord,
  ): Promise<EditResult | DryRun> {
    for (const edit of wanted.edits) mayEdit(caller, edit);
    if (dryRun) return edits.preview(wanted);
    const result = await edits.commit(wanted);
    if (result.changed) reply.code(result.held && result.held.length > 0 ? 202 : 201);
    return result;
  }

  /** Whoever changes a layer changes every environment that it reaches. */
  function mayEdit(caller: TokenRecord, { service, layer }: LayerEdit): void {
    const reached = isName(service) ? edits.environmentsOf(service, layer) : [];
    if (!reached.some((env) => coversService(caller, env, service))) throw serviceNotFound();
    const beyond = reached.filter((env) => !coversService(caller, env, service));
    if (beyond.length === 0) return;
    throw new HeadwaterError('HW_FORBIDDEN', {
      message: `this change reaches ${beyond.length === 1 ? 'an environment' : 'environments'} beyond this token`,
      hint: 'Change the overlay of one environment (?layer=<env>), or ask somebody who may change all of them.',
    });
  }

  /** The tag of the document as it is now, so that the next edit can start from it. */
  async function tag(reply: FastifyReply, service: string, layer: string): Promise<void> {
    const [env] = layer === 'base' ? edits.environmentsOf(service, layer) : [layer];
    const found = env === undefined ? null : await view.service(env, service);
    if (found) reply.header('etag', etagOfService(found));
  }
}

/** `If-Match` names the commit that the author looked at. [contract §9] */
export function baseIn(header: string | undefined): string {
  if (header === undefined) {
    throw new HeadwaterError('HW_EDIT_UNTAGGED', {
      message: 'the header If-Match is missing',
      hint: 'Send the ETag of the document that you changed, so that nobody’s change is lost.',
    });
  }
  const commit = /^(?:W\/)?"([0-9a-f]{40}(?:[0-9a-f]{24})?)\.[0-9a-f]{16}"$/.exec(header.trim())?.[1];
  if (commit !== undefined) return commit;
  throw new HeadwaterError('HW_EDIT_BASE', {
    message: 'the header If-Match is not a tag of this API',
    hint: 'Send the ETag as GET /api/v1/services/:service answered it.',
  });
}

export function messageIn(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  // Headers carry Latin-1; what is not ASCII comes percent-encoded.
  const text = /%[0-9a-f]{2}/i.test(header) ? decoded(header) : header;
  return text.slice(0, maxMessage);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a message with a percent sign of its own
  }
}

const mediaTypeOf = ({ headers }: FastifyRequest): string | undefined =>
  headers['content-type']?.split(';')[0]?.trim().toLowerCase();

function documentIn(request: FastifyRequest, body: unknown): JsonObject {
  if (mediaTypeOf(request) !== 'application/json') {
    throw new HeadwaterError('HW_MEDIA_TYPE', {
      message: 'PUT takes the whole document, not a patch',
      hint: 'Send Content-Type: application/json, or the patch with PATCH.',
    });
  }
  if (isObject(body)) return body as JsonObject;
  throw requestInvalid('the body is the whole document of the layer: an object');
}

function patchIn(request: FastifyRequest, body: unknown): DocumentChange {
  const type = mediaTypeOf(request);
  if (type === 'application/json-patch+json') return { kind: 'json-patch', ops: body };
  if (type === 'application/merge-patch+json') return { kind: 'merge-patch', patch: body as JsonValue };
  throw new HeadwaterError('HW_MEDIA_TYPE', {
    message: 'a patch has a media type that says which kind it is',
    hint: 'Send Content-Type: application/merge-patch+json, or application/json-patch+json.',
  });
}

interface CommitBody {
  readonly message: string | undefined;
  readonly base: string;
  readonly changes: readonly LayerChange[];
}

function commitIn(body: unknown): CommitBody {
  if (!isObject(body)) throw requestInvalid('the body is {"message", "base", "changes": […]}');
  const { message, base, changes, ...others } = body;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw requestInvalid('the body has a member other than message, base and changes');
  if (message !== undefined && (typeof message !== 'string' || message.length > maxMessage))
    throw requestInvalid(`"message" is a text of up to ${maxMessage} characters`);
  if (typeof base !== 'string' || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(base))
    throw requestInvalid('"base" is the whole id of the commit that the changes were made on');
  if (!Array.isArray(changes) || changes.length === 0 || changes.length > maxChanges)
    throw requestInvalid(`"changes" is a list of 1 to ${maxChanges} layers`);
  const places = new Set<string>();
  for (const change of changes) {
    if (!isLayerChange(change))
      throw requestInvalid('a change is {"service", "layer"} and one of "config", "patch", "merge"');
    places.add(`${change.service}\n${change.layer}`);
  }
  if (places.size < changes.length) throw requestInvalid('a layer of a service occurs twice in "changes"');
  return { message: message?.trim() || undefined, base, changes: changes as unknown as LayerChange[] };
}

function isLayerChange(value: unknown): value is { service: string; layer: string } {
  if (!isObject(value)) return false;
  const { service, layer, ...how } = value;
  const [kind, ...others] = Object.keys(how);
  if (typeof service !== 'string' || typeof layer !== 'string' || others.length > 0) return false;
  if (kind === 'config') return how.config === null || isObject(how.config);
  return kind === 'merge' ? isObject(how.merge) : kind === 'patch' && Array.isArray(how.patch);
}

function editIn({ service, layer, config, patch, merge }: LayerChange): LayerEdit {
  if (config === null) return { service, layer, change: null };
  if (config !== undefined)
    return { service, layer, change: { kind: 'replace', document: config as JsonObject } };
  return {
    service,
    layer,
    change:
      patch === undefined
        ? { kind: 'merge-patch', patch: merge as JsonObject }
        : { kind: 'json-patch', ops: patch },
  };
}
