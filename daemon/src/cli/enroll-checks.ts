/** What is looked at before an enrollment changes anything. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HeadwaterError, type Keyring } from '@headwater/schemas/protocol';
import { readDaemonFile } from '../adapters/data/daemon-file.ts';
import type { DataFolder } from '../adapters/data/data-folder.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import { didYouMean } from '../core/suggest.ts';
import { type ConfigRepository, openConfigRepository } from './config-repository.ts';
import type { CliContext } from './context.ts';
import { openDaemon } from './daemon-api.ts';
import { recipientOf } from './enrollment.ts';
import { credentialsFolder, refuseTrackedPlace } from './safe-output.ts';

export interface EnrollRequest {
  readonly service: string;
  readonly env: string;
  readonly data: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly out?: string;
  readonly instance?: string;
  readonly rotate?: true;
  /** Milliseconds that replaced credentials go on counting. Default `defaultGraceMs`; 0 ends them at once. */
  readonly graceMs?: number;
}

/** The repository that the request names, else the one that the daemon says it follows. */
export async function openFollowed(
  request: EnrollRequest,
  folder: DataFolder,
  context: CliContext,
): Promise<ConfigRepository> {
  const branch = request.branch === undefined ? {} : { branch: request.branch };
  const followed = (await readDaemonFile(folder.path))?.git ?? folder.repoDir;
  return openConfigRepository(
    request.repo === undefined ? followed : resolve(context.cwd, request.repo),
    branch,
  );
}

/** @throws HeadwaterError `HW_NOT_FOUND`, `HW_DEPLOYMENT_CHANGED`. */
export async function findService(
  repository: ConfigRepository,
  { service, env }: EnrollRequest,
  keyring: Keyring,
): Promise<ServiceInputs> {
  const index = await repository.index();
  const environments = index.environments();
  if (index.settings !== null && index.settings.deployment !== keyring.deployment) {
    throw new HeadwaterError('HW_DEPLOYMENT_CHANGED', {
      message: `${repository.path} is of deployment "${index.settings.deployment}", the daemon of "${keyring.deployment}"`,
      hint: 'Give --repo the repository that the daemon follows.',
    });
  }
  if (!environments.includes(env)) {
    const known =
      environments.length === 0 ? 'headwater.json declares none.' : `Declared: ${environments.join(', ')}.`;
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no environment "${env}"`,
      hint: didYouMean(env, environments, known),
    });
  }
  const inputs = index.inputs(service, env);
  if (inputs !== null) return inputs;
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `there is no service "${service}" in ${env}`,
    hint: didYouMean(service, index.services(env), 'Add it first: headwater service add.'),
  });
}

/**
 * A recipient committed to a repository that the daemon does not follow would never count.
 * @throws HeadwaterError `HW_REPO_NOT_FOUND`, and as `DaemonApi.get`.
 */
export async function refuseOtherRepository(
  repository: ConfigRepository,
  { env }: EnrollRequest,
  folder: DataFolder,
  context: CliContext,
): Promise<void> {
  const api = await openDaemon({ data: folder.path }, context);
  const { body } = await api.get(`/api/v1/epoch?env=${env}`);
  const commit = (body as { tip?: { commit?: string } | null }).tip?.commit;
  if (commit === undefined || commit === repository.tip) return;
  try {
    await repository.reader.readCommit(commit);
  } catch (cause) {
    throw new HeadwaterError('HW_REPO_NOT_FOUND', {
      message: `the daemon follows another repository: ${repository.path} does not have its commit ${commit.slice(0, 7)}`,
      hint: 'Give --repo the repository that the daemon follows.',
      cause,
    });
  }
}

export interface CredentialFiles {
  readonly folder: string;
  readonly connection: string;
  readonly identity: string;
  /** With `--rotate`: what the new ones replace. */
  readonly oldTokenId: string | null;
  readonly oldRecipient: string | null;
  /** Text of the identity file that is there. */
  readonly oldIdentity: string | null;
}

/** Where the files go. @throws HeadwaterError `HW_UNSAFE_OUTPUT`. */
export async function placeFor(
  request: EnrollRequest,
  deployment: string,
  context: CliContext,
): Promise<CredentialFiles> {
  const { service, env, out, rotate } = request;
  const folder = out === undefined ? credentialsFolder(context, deployment) : resolve(context.cwd, out);
  const names = [`${service}.${env}.connection.json`, `${service}.${env}.identity`] as const;
  await refuseTrackedPlace(folder, names, context);
  const [connection, identity] = [join(folder, names[0]), join(folder, names[1])];
  const [oldConnection, oldIdentity] = [await readIfThere(connection), await readIfThere(identity)];
  if (!rotate && (oldConnection !== null || oldIdentity !== null)) {
    throw new HeadwaterError('HW_UNSAFE_OUTPUT', {
      message: `${service} in ${env} is enrolled already: ${oldConnection === null ? identity : connection}`,
      hint: 'Use --rotate to replace its credentials, or --out for another instance.',
    });
  }
  return {
    ...{ folder, connection, identity },
    oldTokenId: /"hw_([a-z0-9]{12})_/.exec(oldConnection ?? '')?.[1] ?? null,
    oldRecipient: oldIdentity === null ? null : await recipientOf(oldIdentity),
    oldIdentity,
  };
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
