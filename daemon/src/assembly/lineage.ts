/** What the daemon remembers of what was published, and what it can do about a branch that was rewritten. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keyring } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { KeyStore } from '../adapters/data/key-store.ts';
import { createLedgerFile } from '../adapters/data/ledger-file.ts';
import { createCommitWriter } from '../adapters/git/commit-writer.ts';
import { createGitLedger, type GitLedgerDeps } from '../adapters/git/ledger.ts';
import { type GitRepository, openRepository } from '../adapters/git/open-repository.ts';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { createRefWatcher } from '../adapters/git/watcher.ts';
import { shellWord } from '../core/shell-word.ts';
import { Era } from '../epochs/era.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import { ledgerRef, ownLedgerRef } from '../ledger/ledger-refs.ts';
import { createLedgerSeal } from '../ledger/ledger-seal.ts';
import { createMirrorLedger } from '../ledger/mirror-ledger.ts';
import type { LineageDeps } from '../lineage/lineage.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Ledger } from '../ports.ts';
import type { Context } from './context.ts';

export interface OpenLineage {
  readonly deps: Pick<LineageDeps, 'era' | 'ledger' | 'reader' | 'readTip' | 'fetchMissing' | 'putBack'>;
  /** Tells the pipeline whenever another daemon may have written to the ledger. */
  follow(pipeline: Pick<Pipeline, 'onLedger'>): Promise<void>;
}

/** Other daemons start an era a few times in the life of a deployment; to learn of it within a second is soon enough. */
const ledgerPollMs = 1_000;

/** @throws HeadwaterError `HW_REPO_*`. */
export async function openLineage(
  context: Context,
  repository: FollowedRepository,
  deployment: string,
  keys: KeyStore,
  keyring: Keyring,
): Promise<OpenLineage> {
  const { clock, config, log, scope, fatal } = context;
  const { reader, refs, ref, upstream } = repository;
  const repo = await openRepository(repository.path);
  const seal = createLedgerSeal({
    signers: () => keys.signingKeys,
    keyring: () => keys.keyring ?? keyring,
    crypto: nodeCrypto,
  });
  const ledger = await openLedger(context, repository, repo, { deployment, clock, seal });
  if (ledger.isLocal)
    log.warn(
      { repo: repository.path },
      'the repository takes no pushes: what was published is remembered here only',
    );

  return {
    deps: {
      era: new Era(),
      ledger,
      reader,
      readTip: () => refs.read(ref),
      fetchMissing: upstream ? () => upstream.request() : undefined,
      putBack: (commit, tip) =>
        upstream
          ? pushBackCommand(repository.path, upstream.state.url, config.branch, commit)
          : putBackCommand(repo, repository.path, config.branch, commit, tip),
    },
    async follow(pipeline) {
      const watcher = createRefWatcher(repo, refs, ledgerRef, {
        pollMs: ledgerPollMs,
        useEvents: false,
        log: (_, error) => log.error({ err: error, ref: ledgerRef }, 'the ledger cannot be looked at'),
      });
      scope.defer(() => watcher.close());
      await watcher.start(() => void pipeline.onLedger().catch(fatal));
    },
  };
}

type LedgerFacts = Pick<GitLedgerDeps, 'deployment' | 'clock' | 'seal'>;

/** In the repository where every daemon sees it, if this one may write there; else in a place of its own. */
async function openLedger(
  { folder }: Context,
  { reader, refs, writer, upstream }: FollowedRepository,
  repo: GitRepository,
  facts: LedgerFacts,
): Promise<Ledger> {
  if (!(await isWritable(repo)))
    return createLedgerFile(join(folder.path, 'ledger'), facts.deployment, facts.seal);
  const shared = createGitLedger({ ...facts, reader, refs, writer });
  if (!upstream) return shared;
  const local = createRefStore(repo);
  const own = createGitLedger({
    ...facts,
    reader,
    refs: local,
    writer: createCommitWriter(repo, reader, local),
    ref: ownLedgerRef,
  });
  return createMirrorLedger({ shared, own, takesPushes: () => upstream.takesPushes });
}

async function isWritable(repo: GitRepository): Promise<boolean> {
  try {
    for (const folder of ['.', 'objects', 'refs']) await access(join(repo.commonDir, folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A branch that is checked out is moved with its files, unless somebody works on them. */
function putBackCommand(
  repo: GitRepository,
  path: string,
  branch: string,
  commit: string,
  tip: string | null,
): string {
  const git = `git -C ${shellWord(path)}`;
  if (repo.workTree !== null && tip !== null)
    return `${git} switch ${shellWord(branch)} && ${git} reset --keep ${commit}`;
  return `${git} update-ref ${shellWord(`refs/heads/${branch}`)} ${commit}${tip === null ? '' : ` ${tip}`}`;
}

/** The mirror has the commit even where no other clone does. */
function pushBackCommand(path: string, url: string, branch: string, commit: string): string {
  return `git -C ${shellWord(path)} push --force ${shellWord(url)} ${shellWord(`${commit}:refs/heads/${branch}`)}`;
}
