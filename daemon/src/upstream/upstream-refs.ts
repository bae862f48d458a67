/**
 * Refs of a mirrored repository. Reading is local; a swap happens at the host first and here afterwards, so whatever is reported as
 * done is upstream, whatever failed is not seen here, and nothing that got there is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId, RefStore, Remote } from '../ports.ts';
import { refMoved } from './mirror-refs.ts';
import type { RemoteSync } from './remote-sync.ts';
import { trackingRef } from './upstream.ts';

export interface UpstreamRefsDeps {
  readonly remote: Remote;
  /** Of the mirror itself. */
  readonly refs: RefStore;
  readonly sync: Pick<RemoteSync, 'write' | 'refresh' | 'reached' | 'mirror'>;
  /** Waits between looks at a host that may or may not have taken a push, milliseconds. Default 0, 500, 1500, 3000. */
  readonly settleWaitsMs?: readonly number[];
}

/** A host at work on a push that we lost sight of is done within seconds, or its answer does not matter to whoever waits. */
const defaultSettleWaitsMs = [0, 500, 1_500, 3_000];

/** `compareAndSwap` throws `HW_UPSTREAM_UNREACHABLE` and `HW_UPSTREAM_REFUSED` besides what the port says. */
export function createUpstreamRefs(deps: UpstreamRefsDeps): RefStore {
  const { remote, refs, sync } = deps;
  return {
    read: refs.read,
    head: refs.head,
    async compareAndSwap(ref, expected, next) {
      const name = ref === 'HEAD' ? ((await refs.head()) ?? ref) : ref;
      await sync.write(async () => {
        const actual = await refs.read(name);
        if (actual !== expected) throw refMoved(name, expected, actual);
        if ((await push(name, expected, next)) === 'passed') return;
        await sync.mirror.set(trackingRef(name), next);
        // Only now: a reader here must never see what the host could still refuse.
        await refs.compareAndSwap(name, expected, next);
        sync.reached();
      });
    },
  };

  /** Resolves when the host has `next`: `passed` when others went on from there, and the mirror is where they are. */
  async function push(ref: string, expected: CommitId | null, next: CommitId): Promise<'landed' | 'passed'> {
    try {
      await remote.push(ref, expected, next);
      return 'landed';
    } catch (error) {
      if (isHeadwaterError(error, 'HW_REF_MOVED')) throw await moved(ref, expected, error);
      if (!isHeadwaterError(error, 'HW_UPSTREAM_UNREACHABLE') || error.details.sent === false) throw error;
      return settle(ref, expected, next, error);
    }
  }

  /** Fetches before it tells, so that whoever tries again sees the new tip. */
  async function moved(
    ref: string,
    expected: CommitId | null,
    error: HeadwaterError,
  ): Promise<HeadwaterError> {
    try {
      await sync.refresh();
    } catch (lookError) {
      if (!isHeadwaterError(lookError)) throw lookError;
      // It moved all the same; the next look brings the rest.
      return error;
    }
    const actual = await refs.read(ref);
    // Still there: another push held the host's lock, and came to nothing.
    return actual === expected ? error : refMoved(ref, expected, actual);
  }

  /** The connection went while the host had the push. Only the host knows what became of it. */
  async function settle(
    ref: string,
    expected: CommitId | null,
    next: CommitId,
    error: HeadwaterError,
  ): Promise<'landed' | 'passed'> {
    let wasSeen = false;
    for (const waitMs of deps.settleWaitsMs ?? defaultSettleWaitsMs) {
      await sleep(waitMs);
      let tips: ReadonlyMap<string, CommitId>;
      try {
        tips = await remote.tips([ref]);
      } catch (lookError) {
        if (!isHeadwaterError(lookError)) throw lookError;
        continue;
      }
      wasSeen = true;
      const tip = tips.get(ref) ?? null;
      if (tip === next) return 'landed';
      // It may still be at work on it.
      if (tip === expected) continue;
      await sync.mirror.take(tips);
      if (tip !== null && (await sync.mirror.descends(tip, next))) return 'passed';
      throw refMoved(ref, expected, tip);
    }
    throw wasSeen ? error : unknownOutcome(error, next);
  }
}

function unknownOutcome(error: HeadwaterError, next: CommitId): HeadwaterError {
  return new HeadwaterError('HW_UPSTREAM_UNREACHABLE', {
    message: `${error.message}, and it is not known whether it took commit ${next.slice(0, 7)}`,
    hint: 'Repeat the change when the host is back: if it was taken, nothing is left to change.',
    details: { ...error.details, commit: next },
    cause: error,
  });
}
