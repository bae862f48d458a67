/** A repository at another host, followed through a mirror in the data folder: what is read is local, what is written goes there first. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitKey } from './adapters/data/commit-key.ts';
import { createCommitWriter } from './adapters/git/commit-writer.ts';
import { changeFormat, createSyncMark, openMirror } from './adapters/git/mirror.ts';
import { createObjectReader, type GitObjectReader } from './adapters/git/object-reader.ts';
import type { GitRepository } from './adapters/git/open-repository.ts';
import { clearStaleLocks, createRefStore } from './adapters/git/ref-store.ts';
import { openRemote, type RemoteAddress } from './adapters/git/remote/open-remote.ts';
import { createRefWatcher } from './adapters/git/watcher.ts';
import type { Attention } from './attention.ts';
import type { RemoteConfig } from './config.ts';
import type { Log } from './log.ts';
import type { Clock, CommitWriter, RefStore, RefWatcher } from './ports.ts';
import { RemoteSync } from './upstream/remote-sync.ts';
import { createUpstreamRefs } from './upstream/upstream-refs.ts';

export interface FollowMirrorOptions {
  readonly address: RemoteAddress;
  /** Where the mirror is kept. */
  readonly path: string;
  readonly branch: string;
  readonly remote: RemoteConfig;
  readonly clock: Clock;
  readonly attention: Attention;
  /** Signs the daemon's own commits. */
  readonly commitKey: CommitKey;
  readonly log: Log;
}

/** A followed repository, see `FollowedRepository`. */
export interface FollowedMirror {
  readonly path: string;
  readonly reader: GitObjectReader;
  /** Reading is local, a swap goes to the host first. */
  readonly refs: RefStore;
  readonly ref: string;
  readonly watcher: RefWatcher;
  readonly writer: CommitWriter;
  readonly upstream: RemoteSync;
  close(): Promise<void>;
}

/** A host that does not answer holds up a start no longer than this: the mirror has all that was known, milliseconds. */
const startWaitMs = 3_000;

/**
 * Opens the mirror and keeps it in step from then on. A new one is cloned first; with one that is there the daemon starts even
 * when the host is away.
 * @throws HeadwaterError `HW_UPSTREAM_*`, `HW_REPO_*`, `HW_STORAGE_FAILED`.
 */
export async function followMirror(options: FollowMirrorOptions): Promise<FollowedMirror> {
  const { address, path, branch, clock, attention, log } = options;
  const ref = `refs/heads/${branch}`;
  let repo = await openMirror(path, { url: address.url, branch });
  for (const lock of await clearStaleLocks(repo)) log.warn({ lock }, 'lock of a dead process removed');
  const isNew = (await createRefStore(repo).read(ref)) === null;
  if (isNew) repo = await matchFormat(repo, options, ref);
  const remote = openRemote(repo, address, options.remote);
  const reader = await createObjectReader(repo);
  const local = createRefStore(repo);
  const pollMs = options.remote.pollSeconds * 1000;
  const sync = new RemoteSync({
    remote,
    refs: local,
    reader,
    ref,
    clock,
    attention,
    mark: createSyncMark(repo),
    pollMs,
    log,
  });
  const close = async () => {
    await sync.stop();
    await reader.close();
  };
  try {
    if (isNew) await clone(sync, options);
    else await Promise.race([sync.request(), sleep(startWaitMs, undefined, { ref: false })]);
    sync.start();
  } catch (error) {
    await close();
    throw error;
  }
  const refs = createUpstreamRefs({ remote, refs: local, sync });
  const watcher = createRefWatcher(repo, local, ref, {
    log: (message, error) => log.error({ err: error }, message),
  });
  const writer = createCommitWriter(repo, reader, refs, { sign: options.commitKey.sign });
  return { path, reader, refs, ref, watcher, writer, upstream: sync, close };
}

async function clone(sync: RemoteSync, { address, clock, log }: FollowMirrorOptions): Promise<void> {
  const started = clock.monotonic();
  log.info({ url: address.url }, 'cloning the repository');
  await sync.first();
  log.info({ url: address.url, ms: Math.round(clock.monotonic() - started) }, 'repository cloned');
}

/** The host decides which kind of ids there is; a mirror that is still empty follows it. */
async function matchFormat(
  repo: GitRepository,
  { address, path, branch, remote }: FollowMirrorOptions,
  ref: string,
): Promise<GitRepository> {
  const asking = openRemote(repo, address, remote);
  const tip = (await asking.tips([ref])).get(ref);
  await asking.close();
  const objectFormat = tip?.length === 64 ? 'sha256' : 'sha1';
  if (tip === undefined || objectFormat === repo.objectFormat) return repo;
  return changeFormat(path, { url: address.url, branch }, objectFormat);
}
