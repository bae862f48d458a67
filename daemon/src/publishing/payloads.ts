/** Payloads of what is live. Pure: the time is an argument, signing comes after. Spec: docs/protocol.md §3. */
import {
  type DiffPayload,
  diffValues,
  type Epoch,
  type EpochPayload,
  type HeldService,
  maxHeldListed,
  maxPatchOps,
  maxStatementBytes,
  type RecentEpoch,
  type SchemaPayload,
  type SealedSecrets,
  type SnapshotPayload,
  statementLifetimeMs,
  type TombstonePayload,
  utf8,
} from '@headwater/schemas/protocol';
import type { HeldItem, LiveService } from '../epochs/environment-track.ts';
import type { PublishedService } from './plan.ts';

/** What every payload of one service carries. */
export interface PayloadHead {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
  readonly epoch: Epoch;
  /** RFC 3339. */
  readonly issuedAt: string;
}

/** A diff is not worth it when its operations exceed this share of the config and this size: the snapshot goes out instead. */
const maxDiffShare = 0.5;
const alwaysWorthBytes = 1024;

export function snapshotPayload(
  head: PayloadHead,
  live: LiveService,
  secrets: SealedSecrets | null,
  requestId: string | undefined,
): SnapshotPayload {
  const { resolved } = live;
  return {
    v: 1,
    kind: 'snapshot',
    ...head,
    schema: resolved.schema,
    digest: resolved.digest,
    config: resolved.config,
    secrets,
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** The diff from what is published, or `null` when the snapshot itself is the better message. */
export function diffPayload(
  head: PayloadHead,
  live: LiveService,
  secrets: SealedSecrets | null,
  previous: PublishedService | null,
  requestId: string | undefined,
): DiffPayload | null {
  if (previous?.kind !== 'snapshot' || !previous.config || !previous.digest) return null;
  if (previous.epoch.era !== head.epoch.era) return null; // a new era begins with snapshots
  const ops = diffValues(previous.config, live.resolved.config);
  if (ops.length > maxPatchOps || isTooLarge(ops, live)) return null;
  return {
    v: 1,
    kind: 'diff',
    ...head,
    schema: live.resolved.schema,
    digest: live.resolved.digest,
    base: previous.epoch,
    baseDigest: previous.digest,
    ops,
    secrets: isUnchanged(secrets, previous.secrets ?? null) ? 'unchanged' : secrets,
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function isTooLarge(ops: DiffPayload['ops'], live: LiveService): boolean {
  if (ops.length === 0) return false;
  const opsBytes = utf8(JSON.stringify(ops)).length;
  if (opsBytes <= alwaysWorthBytes) return false;
  return opsBytes > maxDiffShare * utf8(JSON.stringify(live.resolved.config)).length;
}

/** A bundle made anew is told, even of the same `rev`: whoever holds the other one may not be able to open it. */
function isUnchanged(secrets: SealedSecrets | null, previous: SealedSecrets | null): boolean {
  return secrets !== null && secrets.rev === previous?.rev && secrets.sealed === previous.sealed;
}

export function schemaPayload(head: PayloadHead, live: LiveService): SchemaPayload {
  return {
    v: 1,
    kind: 'schema',
    ...head,
    digest: live.resolved.schema,
    document: live.resolved.schemaDocument,
  };
}

export function tombstonePayload(head: PayloadHead): TombstonePayload {
  return { v: 1, kind: 'tombstone', ...head };
}

/** What an epoch statement says. */
export interface StatementFacts {
  readonly deployment: string;
  readonly env: string;
  readonly epoch: Epoch;
  readonly recent: readonly RecentEpoch[];
  readonly status: EpochPayload['status'];
  readonly held: readonly HeldService[];
  /** Milliseconds since 1970. */
  readonly issuedAtMs: number;
}

/** Builds a statement within its size limit: the oldest of `recent` go first. */
export function statementPayload(facts: StatementFacts): EpochPayload {
  const { issuedAtMs, held, recent, ...rest } = facts;
  const build = (kept: readonly RecentEpoch[]): EpochPayload => ({
    v: 1,
    kind: 'epoch',
    ...rest,
    ...statementTimes(issuedAtMs),
    recent: kept,
    held: held.slice(0, maxHeldListed),
    heldTotal: held.length,
  });
  let kept = recent;
  let payload = build(kept);
  while (kept.length > 1 && utf8(JSON.stringify(payload)).length > maxStatementBytes) {
    kept = kept.slice(0, -1);
    payload = build(kept);
  }
  return payload;
}

/** @param issuedAtMs Milliseconds since 1970. */
export const statementTimes = (issuedAtMs: number): Pick<EpochPayload, 'issuedAt' | 'expiresAt'> => ({
  issuedAt: new Date(issuedAtMs).toISOString(),
  expiresAt: new Date(issuedAtMs + statementLifetimeMs).toISOString(),
});

/** Longest pointer in a statement, in bytes of JSON: ten of them must fit into 8 KiB. */
const maxPointerBytes = 200;

/** A held item as a statement tells it. */
export function heldService({ service, since, finding }: HeldItem): HeldService {
  const { pointer, code } = finding;
  const isShown = pointer !== '' && utf8(JSON.stringify(pointer)).length <= maxPointerBytes;
  return { service, since: since.commit, code, ...(isShown ? { pointer } : {}) };
}
