/** Doctor's look at secrets: whether the daemon can open the files, and whether services can open what it seals. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isName } from '@headwater/schemas/protocol';
import { readDaemonFile } from '../../adapters/data/daemon-file.ts';
import { type DataFolder, openDataFolder } from '../../adapters/data/data-folder.ts';
import { readIdentityFile } from '../../adapters/data/identity-file.ts';
import { readRecipient } from '../../adapters/data/identity-store.ts';
import { createPolicyReader } from '../../core/creation-policy.ts';
import type { LayerFile, ServiceInputs } from '../../core/inputs.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import { parseRecipients } from '../../core/recipients.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import type { ConnectionFile } from '../connection-file.ts';
import type { CliContext } from '../context.ts';
import { recipientOf } from '../enrollment.ts';
import { readUserFile } from '../user-file.ts';
import { attempt, type Check, ok, problem, skip } from './check.ts';

/** What the daemon of a data folder follows, as far as it lies on this machine. */
export interface SecretsScene {
  readonly folder: DataFolder;
  readonly repository: ConfigRepository;
}

/** Opens the scene for `look`; `null` when there is no folder, or the repository is elsewhere. */
export async function withSecretsScene<T>(
  data: string | null,
  look: (scene: SecretsScene | null) => Promise<T>,
): Promise<T> {
  const scene = data === null ? null : await openScene(data);
  try {
    return await look(scene);
  } finally {
    await scene?.repository.close();
  }
}

async function openScene(data: string): Promise<SecretsScene | null> {
  try {
    const folder = await openDataFolder(data, { exclusive: false });
    const followed = (await readDaemonFile(folder.path))?.git ?? null;
    const path = followed === null || /^[a-z+]+:\/\//.test(followed) ? folder.repoDir : followed;
    return { folder, repository: await openConfigRepository(path, { anyHead: true }) };
  } catch {
    return null; // whatever is wrong with either stands in a line of its own
  }
}

/** Of the daemon: does every secrets file name it, and has every service with secrets a recipient? */
export function checkSecrets(scene: SecretsScene | null): Promise<Check> {
  return attempt('secrets', async () => {
    if (scene === null) return skip('secrets', 'give --data, on the machine of the daemon');
    const recipient = await readRecipient(scene.folder);
    if (recipient === null) return skip('secrets', 'the daemon has no identity yet: it was never started');
    const services = await servicesWithSecrets(scene.repository);
    if (services.length === 0)
      return ok('secrets', `no secrets yet; the daemon opens files for ${recipient}`);
    const closed = await findClosed(scene, services, recipient);
    if (closed !== null) {
      return problem(
        'secrets',
        `the daemon cannot open ${closed.path}: its rule does not name ${closed.recipient}`,
        `Add ${closed.recipient} to the rule of that path in .sops.yaml, then: sops updatekeys ${closed.path}`,
      );
    }
    const lonely = services.find(({ recipients }) => recipients === null);
    if (lonely !== undefined) {
      const { service, env } = lonely;
      return problem(
        'secrets',
        `${service} in ${env} has secrets and no recipient, so nobody receives them`,
        `Enroll it: headwater enroll ${service} --env ${env}`,
      );
    }
    return ok('secrets', `${services.length} with secrets, all for ${recipient} and with recipients`);
  });
}

/** Of an enrolled service: is its identity among the recipients of its secrets? */
export function checkRecipient(
  scene: SecretsScene | null,
  { file, connection }: { readonly file: string; readonly connection: ConnectionFile },
  context: CliContext,
): Promise<Check> {
  return attempt('recipient', async () => {
    const { service, env, identityFile } = connection;
    if (identityFile === undefined) return skip('recipient', 'the service has no identity: no secrets');
    if (scene === null) return skip('recipient', 'give --data, on the machine of the daemon');
    const text = await readUserFile(context, resolve(file, '..', identityFile), 4096);
    const own = await recipientOf(Buffer.from(text).toString('utf8'));
    if (own === null)
      return problem('recipient', 'its identity file holds none', 'Enroll it again with --rotate.');
    const inputs = (await scene.repository.index()).inputs(service, env);
    if (inputs === null) return skip('recipient', `there is no ${service} in ${env}`);
    if (inputs.recipients && (await readRecipients(scene, inputs.recipients)).includes(own))
      return ok('recipient', `${inputs.recipients.path} names its identity`);
    return problem(
      'recipient',
      `${inputs.recipients?.path ?? `${inputs.folder}/recipients.${env}.txt`} does not name its identity ${own}`,
      'Enroll it again with --rotate, or add the key there.',
    );
  });
}

async function readRecipients({ repository }: SecretsScene, file: LayerFile): Promise<readonly string[]> {
  const bytes = await repository.reader.readBlob(file.oid, maxFileBytes);
  return parseRecipients(Buffer.from(bytes).toString('utf8')).recipients;
}

async function servicesWithSecrets(repository: ConfigRepository): Promise<readonly ServiceInputs[]> {
  const index = await repository.index();
  return index.environments().flatMap((env) =>
    [...index.services(env)].flatMap((service) => {
      const inputs = index.inputs(service, env);
      return inputs !== null && inputs.secrets.length > 0 ? [inputs] : [];
    }),
  );
}

/** The first file whose rule leaves the daemon out; what is wrong with a rule itself is a held commit. */
async function findClosed(
  { folder, repository }: SecretsScene,
  services: readonly ServiceInputs[],
  recipient: string,
): Promise<{ readonly path: string; readonly recipient: string } | null> {
  const byEnv = await recipientsByEnv(folder);
  const policyFor = createPolicyReader((oid, maxBytes) => repository.reader.readBlob(oid, maxBytes));
  for (const { secrets, creationRules } of services) {
    for (const { path, layer } of secrets) {
      const own = byEnv.get(layer) ?? recipient;
      const asked = await policyFor(creationRules, path);
      if ('policy' in asked && !asked.policy.recipients.includes(own)) return { path, recipient: own };
    }
  }
  return null;
}

async function recipientsByEnv({ keysDir }: DataFolder): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(keysDir)) {
    const env = /^secrets\.(.+)\.identity$/.exec(name)?.[1];
    const [first] =
      env !== undefined && isName(env) ? ((await readIdentityFile(join(keysDir, name))) ?? []) : [];
    if (env !== undefined && first) found.set(env, first.recipient);
  }
  return found;
}
