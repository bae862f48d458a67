/** Unknown bytes -> typed payload, or an error that names the field. The JSON Schemas in `schemas/messages` say the same. */
import { DIGEST_PATTERN } from './digest.ts';
import type { MessageKind } from './envelope.ts';
import { COMMIT_PATTERN, isEpoch } from './epoch.ts';
import { HeadwaterError } from './errors.ts';
import { isObject, type JsonValue, parseJsonBytes } from './json.ts';
import { isName } from './names.ts';
import { maxPatchOps } from './patch.ts';
import { maxHeldListed, maxRecentEpochs, type PayloadByKind } from './payload.ts';
import { isTime } from './time.ts';

type Check = (value: unknown) => boolean;
interface Shape {
  readonly [field: string]: Check;
}

/**
 * Parses signed bytes as a payload of `kind`. Call it only after a signature of these bytes was verified.
 * @throws HeadwaterError `HW_JSON_*`, `HW_MESSAGE_VERSION`, `HW_MESSAGE_KIND`, `HW_MESSAGE_MALFORMED` (details: field).
 */
export function parsePayload<K extends MessageKind>(kind: K, bytes: Uint8Array): PayloadByKind[K] {
  const value = parseJsonBytes(bytes);
  if (!isObject(value)) return refuse(kind, 'the payload is not an object', '');
  if (value.v !== 1) {
    throw new HeadwaterError('HW_MESSAGE_VERSION', {
      message: `the payload has version ${JSON.stringify(value.v)?.slice(0, 20)}, expected 1`,
      hint: 'Update this program: the daemon speaks a newer protocol.',
    });
  }
  if (value.kind !== kind) {
    throw new HeadwaterError('HW_MESSAGE_KIND', {
      message: `the header says "${kind}" and the payload ${JSON.stringify(value.kind)?.slice(0, 40)}`,
      hint: 'The message was relabelled; it is ignored.',
    });
  }
  for (const [field, check] of Object.entries(shapes[kind])) {
    const name = field.replace('?', '');
    const present = Object.hasOwn(value, name);
    if (!present && field.endsWith('?')) continue;
    if (!present || !check(value[name])) refuse(kind, `"${name}" is missing or wrong`, name);
  }
  return value as unknown as PayloadByKind[K];
}

function refuse(kind: string, reason: string, field: string): never {
  throw new HeadwaterError('HW_MESSAGE_MALFORMED', {
    message: `not a ${kind} message: ${reason}`,
    hint: 'The receiver keeps what it has.',
    details: { field },
  });
}

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSeq: Check = (value) => isCount(value) && value !== 0;
const isDigest: Check = (value) => typeof value === 'string' && DIGEST_PATTERN.test(value);
const isNameValue: Check = (value) => typeof value === 'string' && isName(value);
const isRequestId: Check = (value) => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value);
const isPublicKey: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isCommit: Check = (value) => typeof value === 'string' && COMMIT_PATTERN.test(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check, max: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every(check);
const record =
  (shape: Shape): Check =>
  (value) =>
    isObject(value) && Object.entries(shape).every(([field, check]) => check(value[field]));

const isSealed: Check = record({
  rev: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  recipients: listOf(isText, 1_000),
  sealed: (value) => value === null || typeof value === 'string',
});

const isOp: Check = (value) => {
  if (!isObject(value) || typeof value.path !== 'string') return false;
  if (value.op === 'remove') return true;
  return (value.op === 'add' || value.op === 'replace') && Object.hasOwn(value, 'value');
};

const isMovedServices: Check = (value) =>
  value === '*' ||
  (isObject(value) &&
    Object.entries(value).every(([name, seq]: [string, JsonValue]) => isName(name) && isSeq(seq)));

const base: Shape = { deployment: isNameValue, issuedAt: isTime };
const ofService: Shape = { ...base, env: isNameValue, service: isNameValue, epoch: isEpoch };

const shapes: Record<MessageKind, Shape> = {
  snapshot: {
    ...ofService,
    schema: isDigest,
    digest: isDigest,
    config: isObject,
    secrets: (value) => value === null || isSealed(value),
    'requestId?': isRequestId,
  },
  diff: {
    ...ofService,
    schema: isDigest,
    digest: isDigest,
    base: isEpoch,
    baseDigest: isDigest,
    ops: listOf(isOp, maxPatchOps),
    secrets: (value) => value === null || value === 'unchanged' || isSealed(value),
    'requestId?': isRequestId,
  },
  tombstone: ofService,
  schema: { ...ofService, digest: isDigest, document: isObject },
  epoch: {
    ...base,
    env: isNameValue,
    epoch: isEpoch,
    expiresAt: isTime,
    recent: listOf(record({ seq: isSeq, commit: isCommit, services: isMovedServices }), maxRecentEpochs),
    status: (value) => value === 'ok' || value === 'degraded' || value === 'removed',
    held: listOf(
      record({
        service: (value) => value === '*' || isNameValue(value),
        since: isCommit,
        code: isText,
        pointer: optional(isText),
      }),
      maxHeldListed,
    ),
    heldTotal: isCount,
  },
  keys: {
    ...base,
    version: isSeq,
    roots: (value) => listOf(isPublicKey, 8)(value) && (value as unknown[]).length > 0,
    signers: listOf(
      record({ key: isPublicKey, notBefore: isTime, notAfter: optional(isTime), revoked: optional(isTime) }),
      64,
    ),
    'previous?': listOf(isText, 64),
  },
};
