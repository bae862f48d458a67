/** A mirror in memory of a host in memory, with a clock that stands still. */
import { Attention } from '../attention.ts';
import { createLog } from '../log.ts';
import type { CommitId, RefStore } from '../ports.ts';
import { Problems } from '../problems.ts';
import { createFakeGit, type FakeGit } from '../testing/fake-git.ts';
import { createFakeRemote, type FakeRemote } from '../testing/fake-remote.ts';
import { RemoteSync } from './remote-sync.ts';
import { createUpstreamRefs } from './upstream-refs.ts';

export const main = 'refs/heads/main';

export interface SyncScene {
  readonly git: FakeGit;
  readonly remote: FakeRemote;
  readonly sync: RemoteSync;
  readonly problems: Problems;
  /** Refs whose swaps go to the host. */
  readonly upstreamRefs: RefStore;
  readonly log: string[];
  /** Milliseconds of both clocks. */
  time: number;
  /** When it was marked in step. */
  markedAt: number | null;
  /** A commit in the object store that both sides share. */
  commit(parent: CommitId | null, content: string): CommitId;
  local(ref?: string): Promise<CommitId | null>;
  codes(): string[];
}

export function openSyncScene(
  options: { readonly markedAt?: number; readonly pollMs?: number } = {},
): SyncScene {
  const git = createFakeGit();
  const remote = createFakeRemote(git);
  const problems = new Problems();
  const log: string[] = [];
  const logger = createLog({ stream: { write: (line) => log.push(line) }, format: 'json', level: 'debug' });
  const state = { time: 1_700_000_000_000, markedAt: options.markedAt ?? null };
  const sync = new RemoteSync({
    remote,
    refs: git.refs,
    reader: git.reader,
    ref: main,
    clock: { now: () => state.time, monotonic: () => state.time },
    log: logger,
    attention: new Attention(problems, logger),
    mark: {
      read: () => state.markedAt,
      write: (time) => {
        state.markedAt = time;
      },
    },
    pollMs: options.pollMs ?? 5_000,
  });
  return Object.assign(state, {
    git,
    remote,
    sync,
    problems,
    log,
    upstreamRefs: createUpstreamRefs({ remote, refs: git.refs, sync, settleWaitsMs: [0, 0, 0] }),
    commit: (parent: CommitId | null, content: string) =>
      git.add({ parents: parent === null ? [] : [parent], set: { file: content } }),
    local: (ref = main) => git.refs.read(ref),
    codes: () => problems.list().map(({ code }) => code),
  });
}
