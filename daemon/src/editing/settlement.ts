import type { EditResult, ServiceChange } from '@headwater/schemas/http';
import type { CommitPlace } from '../epochs/place.ts';
import type { FollowedBranch, Standing } from './followed-branch.ts';

/** What became of a commit in the environments that it reaches: settings that went live, and environments where something waits. */
export function settlementOf(
  place: CommitPlace,
  changes: readonly ServiceChange[],
  branch: Pick<FollowedBranch, 'standing'>,
): Pick<EditResult, 'applied' | 'held'> {
  const applied: Record<string, Record<string, readonly string[]>> = {};
  const held: { env: string; since: string; code: string }[] = [];
  for (const env of new Set(changes.map((change) => change.env))) {
    const standing = branch.standing(env);
    const own: Record<string, readonly string[]> = {};
    const waiting = new Set<string>(['*']);
    for (const change of changes) {
      if (change.env !== env) continue;
      if (isLive(change, place, standing))
        own[change.service] = change.settings.map(({ pointer }) => pointer);
      else waiting.add(change.service);
    }
    if (Object.keys(own).length > 0) applied[env] = own;
    if (waiting.size > 1) held.push({ env, ...reasonOf(waiting, place, standing) });
  }
  return { applied, ...(held.length === 0 ? {} : { held }) };
}

/** The change moved the service to its own commit, so a live service at that commit or after it has taken it. */
function isLive({ kind, service }: ServiceChange, place: CommitPlace, standing: Standing | null): boolean {
  const live = standing?.live(service) ?? null;
  return live === null ? kind === 'removed' : live.seq >= place.seq;
}

function reasonOf(waiting: ReadonlySet<string>, place: CommitPlace, standing: Standing | null) {
  const held = standing?.held ?? [];
  const reason = held.find(({ service }) => waiting.has(service)) ?? held[0];
  // Nothing says why: the daemon has not come to this commit yet.
  return { since: (reason?.since ?? place).commit, code: reason?.code ?? 'HW_EDIT_PENDING' };
}
