/** Snapshots, diffs, tombstones and schemas: the part of the machine that decides which document runs. */
import {
  applyPatch,
  digestOf,
  HeadwaterError,
  isObject,
  type JsonObject,
  type OpenedMessage,
  openMessage,
  sameEpoch,
} from '@headwater/schemas/protocol';
import { bufferDiff, fetchSnapshot, reached } from './machine-fetch.ts';
import { bringsSecrets, secretsOf } from './machine-secrets.ts';
import type { Held, TopicKind } from './machine-state.ts';
import {
  hasRevokedSecrets,
  isRevokedDocument,
  refuse,
  type Step,
  signerRevoked,
  standingError,
} from './machine-step.ts';
import { type Position, raiseServiceMark, serviceMark, standingOf } from './trust.ts';

type Document = OpenedMessage<'snapshot' | 'diff'>;

const maxRejections = 16;

/** A message on the snapshot or the diff topic; the latter carries snapshots and tombstones where there is no diff. */
export function onDocument(run: Step, topic: 'snapshot' | 'diff', bytes: Uint8Array): void {
  const kinds = topic === 'snapshot' ? (['snapshot', 'tombstone'] as const) : documentKinds;
  const message = openTrusted(run, bytes, kinds);
  const { payload } = message;
  if (payload.kind === 'tombstone') onTombstone(run, topic, message as OpenedMessage<'tombstone'>);
  else judgeDocument(run, topic, message as Document);
}

const documentKinds = ['diff', 'snapshot', 'tombstone'] as const;

/** [protocol §6.4] a schema message has no mark; it is used when a held message names its digest */
export function onSchema(run: Step, bytes: Uint8Array): void {
  const { payload } = openTrusted(run, bytes, ['schema']);
  const schema = { digest: payload.digest, document: payload.document, envelope: new Uint8Array(bytes) };
  if (run.state.held?.schema !== payload.digest) run.state.nextSchema = schema;
  else if (run.state.schema?.digest !== payload.digest) useSchema(run, schema);
}

function openTrusted<K extends 'snapshot' | 'diff' | 'tombstone' | 'schema'>(
  run: Step,
  bytes: Uint8Array,
  kinds: readonly K[],
): OpenedMessage<K> {
  const { keyring } = run.state;
  if (keyring === null) throw new Error('a message was judged before any key list');
  const message = openMessage(bytes, kinds, run.deps.target, keyring, run.deps.crypto);
  if (message.signers.length === 0) throw signerRevoked(message.revokedSigners);
  return message;
}

function judgeDocument(run: Step, topic: TopicKind, message: Document): void {
  const { payload } = message;
  if (
    run.state.rejections.some((one) => sameEpoch(one.epoch, payload.epoch) && one.digest === payload.digest)
  ) {
    run.effects.push({ type: 'count', name: 'duplicates' });
    reached(run, payload.kind === 'snapshot');
    return;
  }
  const position = positionOf(message);
  const standing = standingOf(position, serviceMark(run.state.marks, run.state.keyring));
  if (standing === 'older' || standing === 'conflict') throw standingError(standing, payload.epoch);
  if (standing === 'equal' && isHeld(run, position) && !bringsSecrets(run, message)) {
    run.effects.push({ type: 'count', name: 'duplicates' });
    run.state.isConfirmed = true;
    // The network vouches for the copy whose seal was broken: seal it again.
    if (run.state.isUnsealed) run.effects.push({ type: 'persist' });
    run.state.isUnsealed = false;
    reached(run, payload.kind === 'snapshot');
    return;
  }
  if (payload.kind === 'diff' && !fitsHeld(run, message as OpenedMessage<'diff'>)) {
    if (!run.isReplaying) run.effects.push({ type: 'count', name: 'gaps' });
    bufferDiff(run, { epoch: payload.epoch, bytes: new Uint8Array(message.envelope.bytes) });
    return;
  }
  takeDocument(run, topic, message, position);
}

/** True when what runs is what the mark says, under a key that still counts; else an equal message replaces it. */
function isHeld(run: Step, position: Position): boolean {
  const { held, removed } = run.state;
  if (held === null || removed !== null || isRevokedDocument(run.state, held)) return false;
  return sameEpoch(held.epoch, position.epoch) && held.digest === position.digest;
}

function fitsHeld(run: Step, { payload }: OpenedMessage<'diff'>): boolean {
  const { held, removed } = run.state;
  return (
    held !== null &&
    removed === null &&
    // "unchanged" would carry a revoked key's secrets on.
    (payload.secrets !== 'unchanged' || !hasRevokedSecrets(run.state, held)) &&
    sameEpoch(payload.base, held.epoch) &&
    payload.baseDigest === held.digest
  );
}

function takeDocument(run: Step, topic: TopicKind, message: Document, position: Position): void {
  const { payload } = message;
  let held: Held;
  try {
    held = heldOf(run, message, configOf(run, message));
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    refuse(run, topic, error, payload.epoch);
    // A snapshot with a wrong digest or foreign secrets is not worth asking for again; a diff is healed by the snapshot.
    if (payload.kind === 'diff') fetchSnapshot(run, payload.epoch);
    return;
  }
  const problem = run.deps.check(held.config, held.opened);
  if (problem !== null) {
    reject(run, topic, message, problem);
    return;
  }
  run.state.held = held;
  run.state.marks = raiseServiceMark(run.state.marks, message.signers, 'document', {
    ...position,
    rev: held.rev,
  });
  Object.assign(run.state, { removed: null, isRejected: false, isConfirmed: true, isUnsealed: false });
  run.effects.push({ type: 'count', name: 'applied' });
  const { nextSchema } = run.state;
  if (nextSchema?.digest === held.schema && run.state.schema?.digest !== held.schema)
    useSchema(run, nextSchema);
  run.effects.push({ type: 'applied', held });
  reached(run, payload.kind === 'snapshot');
}

function configOf(run: Step, message: Document): JsonObject {
  const { payload } = message;
  const config =
    payload.kind === 'snapshot' ? payload.config : applyPatch(run.state.held?.config ?? {}, payload.ops);
  if (!isObject(config)) {
    throw new HeadwaterError('HW_PATCH_INVALID', {
      message: 'cannot apply the diff: its result is not an object',
      hint: 'The config in force is kept; the snapshot is fetched.',
    });
  }
  // [protocol §6.3] the result must have the signed digest
  const actual = digestOf(config, run.deps.crypto);
  if (actual === payload.digest) return config;
  throw new HeadwaterError('HW_DIGEST_MISMATCH', {
    message: `the config has digest ${actual.slice(0, 19)}…, signed was ${payload.digest.slice(0, 19)}…`,
    hint: 'The config in force is kept; the snapshot is fetched.',
  });
}

/** [protocol §6.4] a refused (epoch, digest) is remembered and not fetched again */
function reject(run: Step, topic: TopicKind, { payload }: Document, problem: string): void {
  const rejection = { epoch: payload.epoch, digest: payload.digest, message: problem };
  run.state.rejections = [...run.state.rejections, rejection].slice(-maxRejections);
  run.state.isRejected = true;
  const error = new HeadwaterError('HW_CONFIG_REJECTED', {
    message: `the config does not fit the schema this service was built with: ${problem}`,
    hint: 'The config in force is kept. Update the service, or change the setting back.',
  });
  refuse(run, topic, error, payload.epoch);
  reached(run, payload.kind === 'snapshot');
}

/** @throws HeadwaterError `HW_SECRETS_FOREIGN`. */
function heldOf(run: Step, message: Document, config: JsonObject): Held {
  const { payload, envelope, signers } = message;
  const bytes = new Uint8Array(envelope.bytes);
  const secrets = secretsOf(run, message, bytes);
  return {
    epoch: payload.epoch,
    digest: payload.digest,
    schema: payload.schema,
    rev: secrets.secrets?.rev ?? null,
    config,
    ...secrets,
    kind: payload.kind,
    envelope: bytes,
    signers,
    source: 'live',
    requestId: payload.requestId ?? null,
  };
}

/** The config and the LKG stay; a snapshot with a higher epoch revives the service. */
function onTombstone(run: Step, topic: TopicKind, { payload, signers }: OpenedMessage<'tombstone'>): void {
  const position: Position = { epoch: payload.epoch, digest: null, schema: null, rev: null };
  const standing = standingOf(position, serviceMark(run.state.marks, run.state.keyring));
  if (standing === 'older' || standing === 'conflict') {
    refuse(run, topic, standingError(standing, payload.epoch), payload.epoch);
    return;
  }
  if (standing === 'equal' && run.state.removed) run.effects.push({ type: 'count', name: 'duplicates' });
  run.state.marks = raiseServiceMark(run.state.marks, signers, 'tombstone', position);
  Object.assign(run.state, { removed: payload.epoch, isRejected: false });
  if (standing === 'newer') run.effects.push({ type: 'marks', isUrgent: true });
  reached(run, true);
}

function useSchema(run: Step, schema: NonNullable<Step['state']['schema']>): void {
  run.state.schema = schema;
  run.state.nextSchema = null;
  run.effects.push({ type: 'schema', schema }, { type: 'persist' });
}

function positionOf({ payload }: Document): Position {
  const { epoch, digest, schema, secrets } = payload;
  return { epoch, digest, schema, rev: secrets === 'unchanged' ? undefined : (secrets?.rev ?? null) };
}
