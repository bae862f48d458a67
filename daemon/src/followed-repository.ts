/** The git repository that a daemon follows, opened whole: objects, refs, watcher. */
import { existsSync } from 'node:fs';
import { HeadwaterError, utf8 } from '@headwater/schemas/protocol';
import type { CommitKey } from './adapters/data/commit-key.ts';
import { createCommitWriter } from './adapters/git/commit-writer.ts';
import { createRepository } from './adapters/git/create-repository.ts';
import { upstreamOf } from './adapters/git/mirror.ts';
import { createObjectReader, type GitObjectReader } from './adapters/git/object-reader.ts';
import { openRepository } from './adapters/git/open-repository.ts';
import { clearStaleLocks, createRefStore } from './adapters/git/ref-store.ts';
import { createRefWatcher } from './adapters/git/watcher.ts';
import type { Attention } from './attention.ts';
import type { RemoteConfig, RepoSource } from './config.ts';
import { daemonPerson } from './core/daemon-person.ts';
import { parseRepoSettings, settingsPath } from './core/repo-settings.ts';
import { allowedSignersPath } from './core/signatures/allowed-signers.ts';
import { daemonSignerLine, newAllowedSigners } from './core/signatures/commit-signer.ts';
import { creationRules, creationRulesPath } from './creation-rules.ts';
import { followMirror } from './followed-mirror.ts';
import type { Log } from './log.ts';
import type { Clock, CommitId, CommitWriter, ObjectReader, RefStore, RefWatcher } from './ports.ts';
import { starterFiles } from './starter.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface FollowedRepository {
  /** What to give to `git clone` on this machine. */
  readonly path: string;
  readonly reader: GitObjectReader;
  readonly refs: RefStore;
  readonly ref: string;
  readonly watcher: RefWatcher;
  /** The host that is mirrored; `null` = the repository itself is followed. */
  readonly upstream: Upstream | null;
  /** Makes the daemon's own commits. */
  readonly writer: CommitWriter;
  close(): Promise<void>;
}

export interface FollowOptions {
  /** `own` is the one in the data folder, made from the starter when it is new. */
  readonly source: RepoSource;
  readonly hostedPath: string;
  readonly branch: string;
  /** How the host of a URL is talked to. */
  readonly remote: RemoteConfig;
  readonly clock: Clock;
  readonly attention: Attention;
  /** `age1…` of the daemon: a new repository is made so that it can open its secrets. */
  readonly recipient: string;
  /** Signs the daemon's own commits; a new repository lists it. */
  readonly commitKey: CommitKey;
  readonly log: Log;
}

/** @throws HeadwaterError `HW_REPO_*`, `HW_STORAGE_FAILED`. */
export async function followRepository(options: FollowOptions): Promise<FollowedRepository> {
  const { source, hostedPath, branch, log } = options;
  if (source.kind === 'url') return followMirror({ ...options, address: source, path: hostedPath });
  const path = source.kind === 'path' ? source.path : hostedPath;
  if (source.kind === 'own' && !existsSync(hostedPath)) {
    await seed(hostedPath, options);
    log.info({ repo: hostedPath }, 'config repository created from the starter');
  }
  if (source.kind === 'own') await refuseMirror(hostedPath);
  const repo = await openRepository(path);
  for (const lock of await clearStaleLocks(repo)) log.warn({ lock }, 'lock of a dead process removed');
  const reader = await createObjectReader(repo);
  const refs = createRefStore(repo);
  const ref = `refs/heads/${branch}`;
  const watcher = createRefWatcher(repo, refs, ref, {
    log: (message, error) => log.error({ err: error }, message),
  });
  const writer = createCommitWriter(repo, reader, refs, { sign: options.commitKey.sign });
  return { path, reader, refs, ref, watcher, writer, upstream: null, close: () => reader.close() };
}

/** Commits made in a mirror by itself would be lost at the next start with its address. */
async function refuseMirror(path: string): Promise<void> {
  const url = await upstreamOf(path);
  if (url === null) return;
  throw new HeadwaterError('HW_UPSTREAM_CHANGED', {
    message: `${path} mirrors ${url}`,
    hint: `Go on with --repo ${url}. To make it a repository of its own, remove the line "upstream" from its config.`,
  });
}

/** So made that its daemon can open its secrets, and commit to it whatever is asked of commits later. */
async function seed(path: string, { branch, recipient, commitKey, clock }: FollowOptions): Promise<void> {
  const files = new Map(await starterFiles())
    .set(creationRulesPath, utf8(creationRules([recipient])))
    .set(allowedSignersPath, utf8(newAllowedSigners([daemonSignerLine(commitKey.publicKey)])));
  await createRepository(path, {
    bare: true,
    branch,
    files,
    message: 'Start from the Headwater starter\n',
    author: { ...daemonPerson, time: Math.floor(clock.now() / 1000) },
    sign: commitKey.sign,
  });
}

/**
 * Name of the deployment at a commit.
 * @throws HeadwaterError `HW_REPO_NOT_CONFIG`.
 */
export async function readDeployment(reader: ObjectReader, tip: CommitId): Promise<string> {
  const entry = (await reader.listFiles(tip)).find((file) => file.path === settingsPath);
  if (!entry) {
    throw new HeadwaterError('HW_REPO_NOT_CONFIG', {
      message: `commit ${tip.slice(0, 7)} has no ${settingsPath}`,
      hint: 'This is not a Headwater config repository yet: make one with `headwater init`, or add the file.',
    });
  }
  const parsed = parseRepoSettings(await reader.readBlob(entry.oid, 512 * 1024));
  if ('settings' in parsed) return parsed.settings.deployment;
  const [finding] = parsed.findings;
  throw new HeadwaterError('HW_REPO_NOT_CONFIG', {
    message: `${settingsPath}${finding?.line ? `:${finding.line}` : ''}: ${finding?.message ?? 'it cannot be read'}`,
    hint: finding?.hint ?? 'Mend the file and commit again.',
  });
}
