/**
 * Enrolls a service: token, identity, recipient, connection file. Everything that can be refused is refused first; the token is
 * revoked again and nothing is left behind when a later step fails.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, resolve } from 'node:path';
import { isHeadwaterError, type JsonObject, type Keyring, keysText, utf8 } from '@headwater/schemas/protocol';
import { type DataFolder, openDataFolder } from '../adapters/data/data-folder.ts';
import { openTokenStore } from '../adapters/data/token-store.ts';
import { writeFileDurably } from '../adapters/git/durable-fs.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import { maxFileBytes } from '../core/parse-config.ts';
import { checkCommittable, commitFiles } from './commit-files.ts';
import type { ConfigRepository } from './config-repository.ts';
import { connectionDocument } from './connection-file.ts';
import type { CliContext } from './context.ts';
import { requireDaemon } from './daemon-api.ts';
import { readDataKeys } from './data-keys.ts';
import {
  type CredentialFiles,
  type EnrollRequest,
  findService,
  openFollowed,
  placeFor,
  refuseOtherRepository,
} from './enroll-checks.ts';
import { changeRecipients, identityFileText, makeIdentity } from './enrollment.ts';
import { localActor, openLocalAudit } from './local-audit.ts';

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
  const recipients = changeRecipients({
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
  const connection = `${JSON.stringify(connectionOf(request, scene, token), null, 2)}\n`;
  const contents = [
    { file: files.identity, text: identityFileText(age, new Date()) },
    { file: files.connection, text: connection },
  ];
  let commit: string;
  try {
    await mkdir(files.folder, { recursive: true, mode: 0o700 });
    for (const { file, text } of contents) await writeFileDurably(`${file}.new`, utf8(text), { mode: 0o600 });
    const edit = { path: recipientsFile, content: utf8(recipients) };
    commit = await commitFiles(repository, [edit], `Let ${service} in ${env} open its secrets`, context);
  } catch (error) {
    for (const { file } of contents) await rm(`${file}.new`, { force: true });
    await tokens.revoke(record.id);
    throw error;
  }
  // From here on the new credentials count, so nothing is undone any more; the old ones go last.
  await openLocalAudit(scene.folder).record({
    action: 'enroll',
    actor: localActor(),
    env,
    service,
    commit,
    details: {
      token: record.id,
      recipient: age.recipient,
      ...(files.oldTokenId === null ? {} : { replaced: files.oldTokenId }),
    },
  });
  for (const { file } of contents) await rename(`${file}.new`, file);
  if (files.oldTokenId !== null) await revokeOld(tokens, files.oldTokenId);
  return {
    deployment: keyring.deployment,
    service,
    env,
    connectionFile: files.connection,
    identityFile: files.identity,
    recipient: age.recipient,
    recipientsFile,
    commit,
    tokenId: record.id,
  };
}

function connectionOf(request: EnrollRequest, { keyring, broker, files }: Scene, token: string): JsonObject {
  return connectionDocument({
    deployment: keyring.deployment,
    env: request.env,
    service: request.service,
    ...(request.instance === undefined ? {} : { instance: request.instance }),
    broker,
    token,
    trust: keyring.roots,
    keys: keysText(keyring.envelope),
    // Beside this file, so that both can be carried elsewhere together.
    identityFile: basename(files.identity),
  });
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
