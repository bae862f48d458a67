import type { DoneBy, ValueDifference } from '@headwater/schemas/http';
import { classifyPath } from '../core/layout.ts';
import { mayChange } from '../timeline/may-change.ts';
import type { TimelineEntry } from '../timeline/timeline.ts';
import { touchedByPaths } from '../timeline/touched-services.ts';
import type { PlanDeps } from './change-plan.ts';
import { doneBy } from './preset-shelf.ts';

/** Commits that are looked through; older ones are not told of. */
const maxCommits = 2_000;

/**
 * Who changed settings after a commit, newest change first: by their own files alone, because a change of a shared value or of the
 * schema is nobody's decision about this setting.
 */
export async function changedSince(
  since: TimelineEntry,
  differences: readonly ValueDifference[],
  { history, readBlob }: Pick<PlanDeps, 'history' | 'readBlob'>,
): Promise<ReadonlyMap<ValueDifference, DoneBy>> {
  const found = new Map<ValueDifference, DoneBy>();
  const open = new Map<string, ValueDifference[]>();
  for (const one of differences) open.set(one.service, [...(open.get(one.service) ?? []), one]);
  let seen = 0;
  for (const entry of (await history.line())?.newestFirst() ?? []) {
    if (entry.commit.id === since.commit.id || open.size === 0 || seen++ === maxCommits) break;
    for (const service of touchedByPaths(entry.changes).services) {
      const waiting = open.get(service);
      if (!waiting) continue;
      const own = entry.changes.filter(({ path }) => {
        const role = classifyPath(path);
        return (role.kind === 'base' || role.kind === 'overlay') && role.service === service;
      });
      const still: ValueDifference[] = [];
      for (const one of waiting) {
        if (await mayChange(own, one.pointer, readBlob)) found.set(one, doneBy(entry));
        else still.push(one);
      }
      if (still.length > 0) open.set(service, still);
      else open.delete(service);
    }
  }
  return found;
}
