/** What the daemon remembers of what was published, and what it can do about a branch that was rewritten. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keyring } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { KeyStore } from '../adapters/data/key-store.ts';
import { createLedgerFile } from '../adapters/data/ledger-file.ts';
import { createGitLedger, ledgerRef } from '../adapters/git/ledger.ts';
import { type GitRepository, openRepository } from '../adapters/git/open-repository.ts';
import { createRefWatcher } from '../adapters/git/watcher.ts';
import { shellWord } from '../core/shell-word.ts';
import { Era } from '../epochs/era.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import type { HistoryDeps } from '../history/history.ts';
import { createLedgerSeal } from '../ledger/ledger-seal.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Ledger } from '../ports.ts';
import type { Context } from './context.ts';

export interface OpenHistory {
  readonly deps: Pick<HistoryDeps, 'era' | 'ledger' | 'reader' | 'readTip' | 'putBack'>;
  /** Tells the pipeline whenever another daemon may have written to the ledger. */
  follow(pipeline: Pick<Pipeline, 'onLedger'>): Promise<void>;
}

/** Other daemons start an era a few times in the life of a deployment; to learn of it within a second is soon enough. */
const ledgerPollMs = 1_000;

/** @throws HeadwaterError `HW_REPO_*`. */
export async function openHistory(
  context: Context,
  repository: FollowedRepository,
  deployment: string,
  keys: KeyStore,
  keyring: Keyring,
): Promise<OpenHistory> {
  const { clock, config, folder, log, scope, fatal } = context;
  const { reader, refs, ref, writer } = repository;
  const repo = await openRepository(repository.path);
  const seal = createLedgerSeal({
    signers: () => [keys.signing],
    keyring: () => keyring,
    crypto: nodeCrypto,
  });
  const ledger: Ledger = (await isWritable(repo))
    ? createGitLedger({ reader, refs, writer, seal, deployment, clock, isLocal: false })
    : createLedgerFile(join(folder.path, 'ledger'), deployment, seal);
  if (ledger.isLocal)
    log.warn(
      { repo: repository.path },
      'the repository is read-only: what was published is remembered here only',
    );

  return {
    deps: {
      era: new Era(),
      ledger,
      reader,
      readTip: () => refs.read(ref),
      putBack: (commit, tip) => putBackCommand(repo, repository.path, config.branch, commit, tip),
    },
    async follow(pipeline) {
      if (ledger.isLocal) return;
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
