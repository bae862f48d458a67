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
import { beginGrace, defaultGraceMs } from './enroll-grace.ts';
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
  /** RFC 3339: until when the replaced credentials count, at least. Absent when none were, or they do not any more. */
  readonly until?: string;
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
  const isReplaced = files.oldRecipient !== null || files.oldTokenId !== null;
  const graceMs = isReplaced ? (request.graceMs ?? defaultGraceMs) : 0;
  const recipients = changeRecipients({
    before: await recipientsNow(repository, inputs),
    add: age.recipient,
    // In a grace period both keys stand there; the daemon drops the old one when nobody uses it any more.
    replace: graceMs > 0 ? null : files.oldRecipient,
    label: `${service} in ${env}, enrolled on ${hostname()} ${new Date().toISOString().slice(0, 10)}`,
  });
  const until = graceMs > 0 ? new Date(Date.now() + graceMs).toISOString() : null;
  const tokens = await openTokenStore(scene.folder, systemClock);
  const { token, record } = await tokens.create({
    role: 'service',
    name: `${service} in ${env}`,
    env,
    service,
  });
  const connection = `${JSON.stringify(connectionOf(request, scene, token), null, 2)}\n`;
  const contents = [
    {
      file: files.identity,
      text: identityFileText(age, new Date(), graceMs > 0 ? (files.oldIdentity ?? undefined) : undefined),
    },
    { file: files.connection, text: connection },
  ];
  const audit = openLocalAudit(scene.folder);
  const who = { actor: localActor(), env, service };
  const replaced = files.oldTokenId === null ? {} : { replaced: files.oldTokenId };
  const made = { token: record.id, recipient: age.recipient, ...replaced };
  let commit: string;
  try {
    await mkdir(files.folder, { recursive: true, mode: 0o700 });
    for (const { file, text } of contents) await writeFileDurably(`${file}.new`, utf8(text), { mode: 0o600 });
    // Before the commit: a service on this machine reads the file as soon as secrets are sealed for its new key, and the old one is in it, too.
    if (graceMs > 0) await rename(`${files.identity}.new`, files.identity);
    // On record before it counts: what cannot be recorded is not done.
    await audit.record({
      action: 'enroll',
      ...who,
      details: { ...made, ...(until === null ? {} : { until }) },
    });
    const edit = { path: recipientsFile, content: utf8(recipients) };
    commit = await commitFiles(repository, [edit], `Let ${service} in ${env} open its secrets`, context);
  } catch (error) {
    for (const { file } of contents) await rm(`${file}.new`, { force: true });
    if (graceMs > 0 && files.oldIdentity !== null)
      await writeFileDurably(files.identity, utf8(files.oldIdentity), { mode: 0o600 });
    await tokens.revoke(record.id);
    audit.note({ action: 'token-revoke', ...who, details: { token: record.id } });
    await audit.idle();
    throw error;
  }
  // From here on the new credentials count, so nothing is undone any more; the old ones go last.
  for (const { file } of contents)
    if (graceMs === 0 || file !== files.identity) await rename(`${file}.new`, file);
  if (until !== null) await beginGrace(scene.folder, request, files, { newRecipient: age.recipient, until });
  else if (files.oldTokenId !== null) await revokeOld(tokens, files.oldTokenId);
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
    ...(until === null ? {} : { until }),
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
