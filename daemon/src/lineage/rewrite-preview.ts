/** What would be lost and what would change if a rewritten branch became the published line. */
import type { EnvironmentRewrite, LostCommit, RewritePreview, ServiceNames } from '@headwater/schemas/http';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { LiveService } from '../epochs/environment-track.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { CommitId, CommitInfo, ObjectReader } from '../ports.ts';
import type { PublishedService } from '../publishing/plan.ts';

const maxCommits = 10;
const maxNames = 100;
const maxSubject = 100;

/**
 * Commits behind `live` that the line up to `tip` does not have, by any parent: a commit that was merged is not lost. `total` is `null`
 * when some of them are not in the repository.
 */
export async function lostCommits(
  live: readonly CommitId[],
  tip: CommitId,
  reader: Pick<ObjectReader, 'ancestry' | 'readCommit'>,
): Promise<RewritePreview['lost']> {
  const lost = new Set<CommitId>();
  try {
    for (const commit of live) for await (const { id } of reader.ancestry(commit, [tip])) lost.add(id);
    const newest = [...lost].slice(-maxCommits).reverse();
    const commits = await Promise.all(newest.map(async (id) => lostCommit(await reader.readCommit(id))));
    return { total: lost.size, commits };
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_OBJECT_MISSING') && !isHeadwaterError(error, 'HW_REPO_SHALLOW'))
      throw error;
    return { total: null, commits: [] };
  }
}

function lostCommit({ id, message, author, committer }: CommitInfo): LostCommit {
  const [subject = ''] = message.trimStart().split('\n', 1);
  const time = new Date(committer.time * 1000).toISOString();
  return { commit: id, subject: subject.slice(0, maxSubject), author: author.name, time };
}

/** What stands on the topics against what the new line would put there. Environments in which nothing changes are left out. */
export function changedEnvironments(
  published: ReadonlyMap<string, ReadonlyMap<string, PublishedService>>,
  next: EpochEngine,
): EnvironmentRewrite[] {
  const envs = [...new Set([...published.keys(), ...next.environments.keys()])].sort();
  return envs.flatMap((env) => {
    const track = next.environments.get(env);
    const neverValid = track !== undefined && track.epoch === null;
    const change = compareServices(
      published.get(env) ?? new Map(),
      neverValid ? null : (track?.live ?? new Map()),
    );
    const isSame = Object.values(change).every(({ total }) => total === 0);
    return isSame && !neverValid ? [] : [{ env, neverValid, ...change }];
  });
}

/** @param live `null`: nothing would be published, so nothing changes. */
function compareServices(
  published: ReadonlyMap<string, PublishedService>,
  live: ReadonlyMap<string, LiveService> | null,
): Pick<EnvironmentRewrite, 'added' | 'changed' | 'removed'> {
  const before = new Map([...published].filter(([, { kind }]) => kind === 'snapshot'));
  const after = live ?? new Map<string, LiveService>();
  const names = (of: Iterable<string>, fits: (name: string) => boolean): ServiceNames => {
    const found = live ? [...of].filter(fits).sort() : [];
    return { total: found.length, names: found.slice(0, maxNames) };
  };
  return {
    added: names(after.keys(), (name) => !before.has(name)),
    changed: names(after.keys(), (name) => isChanged(before.get(name), after.get(name) as LiveService)),
    removed: names(before.keys(), (name) => !after.has(name)),
  };
}

function isChanged(before: PublishedService | undefined, { resolved }: LiveService): boolean {
  if (before === undefined) return false;
  const rev = resolved.secrets?.rev ?? null;
  return (
    before.digest !== resolved.digest ||
    before.schema !== resolved.schema ||
    (before.secrets?.rev ?? null) !== rev
  );
}
