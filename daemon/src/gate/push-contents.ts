/** What no push may bring, on whatever ref: secrets, and files out of all proportion. */
import type { CommitId, ObjectId } from '../ports.ts';
import { type FoundSecret, findSecret } from './find-secrets.ts';
import type { PushProblem } from './push-problem.ts';
import type { PushedObjects } from './pushed-objects.ts';

/** No file of a config repository is near this, documents and pictures beside the config included. */
export const maxPushedFileBytes = 16 * 1024 * 1024;

/** Commits that are looked through for the path of an object; in a longer push an object may stay without one. */
const maxSearchedCommits = 500;

interface BadObject {
  readonly oid: ObjectId;
  readonly size: number | null;
  /** `null`: it is too large. */
  readonly secret: FoundSecret | null;
}

/** @param tips Where the pushed refs were and where they are to be. Rejects when `signal` is aborted, and as `PushedObjects`. */
export async function objectProblems(
  objects: PushedObjects,
  tips: readonly { readonly from: CommitId | null; readonly to: CommitId }[],
  signal: AbortSignal,
): Promise<PushProblem[]> {
  const bad: BadObject[] = [];
  for await (const { oid, size, content } of objects.objects(maxPushedFileBytes)) {
    signal.throwIfAborted();
    const secret = content === null ? null : findSecret(content);
    if (content === null || secret !== null) bad.push({ oid, size, secret });
  }
  if (bad.length === 0) return [];
  const places = await placesOf(new Set(bad.map(({ oid }) => oid)), objects, tips);
  return bad.map((one) => problemOf(one, places.get(one.oid) ?? `object ${one.oid.slice(0, 12)}`));
}

/** Paths of objects, from what the pushed commits changed; a commit's own message is found by its id. */
async function placesOf(
  wanted: ReadonlySet<ObjectId>,
  objects: PushedObjects,
  tips: readonly { readonly from: CommitId | null; readonly to: CommitId }[],
): Promise<ReadonlyMap<ObjectId, string>> {
  const places = new Map<ObjectId, string>();
  for (const { from, to } of tips) {
    const commits = await objects.firstParentsSince(to, from).catch(() => []); // a tag on something else than a commit has none
    for (const id of commits.slice(0, maxSearchedCommits)) {
      if (wanted.has(id)) places.set(id, `the message of commit ${id.slice(0, 7)}`);
      for (const { path, to: file } of (await objects.reader.readStep(id)).changes) {
        if (file !== null && wanted.has(file.oid)) places.set(file.oid, `${path} (commit ${id.slice(0, 7)})`);
      }
      if (places.size === wanted.size) return places;
    }
  }
  return places;
}

function problemOf({ size, secret }: BadObject, place: string): PushProblem {
  const problem = { place, envs: [] };
  if (secret === null) {
    const limit = `${maxPushedFileBytes / 1024 / 1024} MiB`;
    const actual = size === null ? '' : `: it has ${Math.round(size / 1024 / 1024)} MiB`;
    return {
      ...problem,
      code: 'HW_FILE_TOO_LARGE',
      message: `a file may have ${limit} at most${actual}`,
      hint: 'Take it out of every commit that you push, and keep it elsewhere: git rebase -i, then push again.',
    };
  }
  const away = 'Take it out of every commit that you push (git rebase -i), and push again.';
  return secret.kind === 'token'
    ? {
        ...problem,
        code: 'HW_SECRET_EXPOSED',
        message: `it contains the Headwater token hw_${secret.tokenId}_…`,
        hint: `${away} If others may have seen it: headwater token revoke ${secret.tokenId}`,
      }
    : {
        ...problem,
        code: 'HW_SECRET_EXPOSED',
        message: 'it contains a secret key of age',
        hint: `${away} If others may have seen it, make a new one: headwater enroll --rotate`,
      };
}
