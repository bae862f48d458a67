/**
 * Enrolls a service: token, identity, recipient, connection file. Everything that can be refused is refused first; the token is
 * revoked again and nothing is left behind when a later step fails.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { HeadwaterError, isHeadwaterError, type Keyring, keysText, utf8 } from '@headwater/schemas/protocol';
import { type DataFolder, openDataFolder } from '../adapters/data/data-folder.ts';
import { openTokenStore } from '../adapters/data/token-store.ts';
import { writeFileDurably } from '../adapters/git/durable-fs.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import { maxFileBytes } from '../core/parse-config.ts';
import { didYouMean } from '../core/suggest.ts';
import { checkCommittable, commitFiles } from './commit-files.ts';
import { type ConfigRepository, openConfigRepository } from './config-repository.ts';
import { type ConnectionFile, connectionDocument } from './connection-file.ts';
import type { CliContext } from './context.ts';
import { openDaemon, requireDaemon } from './daemon-api.ts';
import { readDataKeys } from './data-keys.ts';
import { changeRecipients, identityFileText, makeIdentity, recipientOf } from './enrollment.ts';
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
}

/** What was made; no secret is in it. */
export interface Enrolled {
  readonly deployment: string;
  readonly service: string;
  readonly env: string;
  readonly connectionFile: string;
  readonly identityFile: string;
  readonly recipient: string;
  readonly recipientsFile: string;
  readonly commit: string;
  readonly tokenId: string;
}

/** @throws HeadwaterError `HW_NOT_FOUND`, `HW_UNSAFE_OUTPUT`, `HW_DAEMON_NOT_RUNNING`, and as `commitFiles`. */
export async function enroll(request: EnrollRequest, context: CliContext): Promise<Enrolled> {
  const folder = await openDataFolder(resolve(context.cwd, request.data), { exclusive: false });
  const daemon = await requireDaemon(folder.path);
  const keyring = await readDataKeys(folder);
  const repository = await openFollowed(request, folder, context);
  try {
    const inputs = await findService(repository, request, keyring);
    await refuseOtherRepository(repository, request, folder, context);
    const files = await placeFor(request, keyring.deployment, context);
    return await carryOut(
      request,
      { folder, broker: daemon.mqtt, keyring, repository, inputs, files },
      context,
    );
  } finally {
    await repository.close();
  }
}

interface Scene {
  readonly folder: DataFolder;
  readonly broker: string;
  readonly keyring: Keyring;
  readonly repository: ConfigRepository;
  readonly inputs: ServiceInputs;
  readonly files: CredentialFiles;
}

async function carryOut(request: EnrollRequest, scene: Scene, context: CliContext): Promise<Enrolled> {
  const { service, env } = request;
  const { repository, inputs, keyring, files } = scene;
  const recipientsFile = `${inputs.folder}/recipients.${env}.txt`;
  await checkCommittable(repository, [recipientsFile], context);
  const age = await makeIdentity();
  const text = changeRecipients({
    before: await recipientsNow(repository, inputs),
    add: age.recipient,
    replace: files.oldRecipient,
    label: `${service} in ${env}, enrolled on ${hostname()} ${new Date().toISOString().slice(0, 10)}`,
  });
  const tokens = await openTokenStore(scene.folder, systemClock);
  const { token, record } = await tokens.create({
    role: 'service',
    name: `${service} in ${env}`,
    env,
    service,
  });
  const connection: ConnectionFile = {
    deployment: keyring.deployment,
    env,
    service,
    ...(request.instance === undefined ? {} : { instance: request.instance }),
    broker: scene.broker,
    token,
    trust: keyring.roots,
    keys: keysText(keyring.envelope),
    identityFile: basename(files.identity),
  };
  const contents = [
    [files.identity, identityFileText(age, new Date())],
    [files.connection, `${JSON.stringify(connectionDocument(connection), null, 2)}\n`],
  ] as const;
  try {
    await mkdir(files.folder, { recursive: true, mode: 0o700 });
    for (const [file, content] of contents)
      await writeFileDurably(`${file}.new`, utf8(content), { mode: 0o600 });
    const message = `Let ${service} in ${env} open its secrets`;
    const commit = await commitFiles(
      repository,
      [{ path: recipientsFile, content: utf8(text) }],
      message,
      context,
    );
    for (const [file] of contents) await rename(`${file}.new`, file);
    if (files.oldTokenId !== null) await revokeOld(tokens, files.oldTokenId);
    return {
      ...{
        deployment: keyring.deployment,
        service,
        env,
        connectionFile: files.connection,
        identityFile: files.identity,
      },
      ...{ recipient: age.recipient, recipientsFile, commit, tokenId: record.id },
    };
  } catch (error) {
    for (const [file] of contents) await rm(`${file}.new`, { force: true });
    await tokens.revoke(record.id);
    throw error;
  }
}

async function openFollowed(
  request: EnrollRequest,
  folder: DataFolder,
  context: CliContext,
): Promise<ConfigRepository> {
  const branch = request.branch === undefined ? {} : { branch: request.branch };
  try {
    return await openConfigRepository(
      request.repo === undefined ? folder.repoDir : resolve(context.cwd, request.repo),
      branch,
    );
  } catch (error) {
    if (request.repo !== undefined || !isHeadwaterError(error, 'HW_REPO_NOT_FOUND')) throw error;
    throw new HeadwaterError('HW_REPO_NOT_FOUND', {
      message: `${folder.path} holds no repository: its daemon follows one elsewhere`,
      hint: 'Give it: --repo DIR.',
      cause: error,
    });
  }
}

async function findService(
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

/** A recipient committed to a repository that the daemon does not follow would never count. */
async function refuseOtherRepository(
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

interface CredentialFiles {
  readonly folder: string;
  readonly connection: string;
  readonly identity: string;
  /** With `--rotate`: what the new ones replace. */
  readonly oldTokenId: string | null;
  readonly oldRecipient: string | null;
}

async function placeFor(
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
  };
}

async function recipientsNow(repository: ConfigRepository, { recipients }: ServiceInputs): Promise<string> {
  if (recipients === null) return '';
  return Buffer.from(await repository.reader.readBlob(recipients.oid, maxFileBytes)).toString('utf8');
}

/** A token that is not in this data folder (a restored file, another daemon) cannot count here either. */
async function revokeOld(tokens: Awaited<ReturnType<typeof openTokenStore>>, id: string): Promise<void> {
  try {
    await tokens.revoke(id);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_NOT_FOUND')) throw error;
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
