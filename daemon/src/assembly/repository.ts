/** The repository that the daemon follows, and the deployment whose config it holds. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitKey } from '../adapters/data/commit-key.ts';
import type { KeyStore } from '../adapters/data/key-store.ts';
import { Attention } from '../attention.ts';
import { type FollowedRepository, followRepository, readDeployment } from '../followed-repository.ts';
import type { Context } from './context.ts';

/**
 * @param recipient `age1…` of the daemon.
 * @param commitKey Signs the daemon's own commits.
 * @throws HeadwaterError `HW_REPO_*`, `HW_STORAGE_FAILED`.
 */
export async function openFollowedRepository(
  context: Context,
  recipient: string,
  commitKey: CommitKey,
): Promise<FollowedRepository> {
  const { config, folder, clock, problems, log, scope } = context;
  const repository = await followRepository({
    source: config.repo,
    hostedPath: folder.repoDir,
    branch: config.branch,
    remote: config.remote,
    clock,
    attention: new Attention(problems, log),
    recipient,
    commitKey,
    log,
  });
  scope.defer(() => repository.close());
  return repository;
}

/**
 * A deployment keeps its name for ever, so a branch that is missing today is no obstacle when the keys know it.
 * @throws HeadwaterError `HW_REPO_EMPTY`, `HW_REPO_NOT_CONFIG`.
 */
export async function deploymentOf(
  { config }: Context,
  repository: FollowedRepository,
  keys: KeyStore,
): Promise<string> {
  const known = keys.deployment;
  if (known !== null) return known;
  const tip = await repository.refs.read(repository.ref);
  if (tip !== null) return readDeployment(repository.reader, tip);
  const head = await repository.refs.head();
  throw new HeadwaterError('HW_REPO_EMPTY', {
    message: `the repository ${repository.path} has no branch "${config.branch}"`,
    hint: `Push a first commit to it, or name another branch with --branch${head ? ` (HEAD is at ${head})` : ''}.`,
  });
}
