import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { classifyPath } from '../../../core/layout.ts';
import { maxFileBytes } from '../../../core/parse-config.ts';
import { recipientNames } from '../../../core/recipient-names.ts';
import { parseRecipients } from '../../../core/recipients.ts';
import { parseSopsFile } from '../../../secrets/sops/parse-sops-file.ts';
import { act, addCommand, type Io } from '../../command.ts';
import { type ConfigRepository, openConfigRepository } from '../../config-repository.ts';
import { inFile } from '../../in-file.ts';
import { clean, columns, count } from '../../output.ts';
import { addIdentityOption, type IdentityOptions, identitiesOf } from '../../secrets/identities.ts';
import { type ReadableValue, readableBy } from '../../secrets/readable-by.ts';
import { closing } from '../../secrets/secrets-repository.ts';

interface RecipientsOptions extends IdentityOptions {
  readonly repo: string;
  readonly removed?: string;
}

/** Who opens one file. */
interface FileRecipients {
  readonly file: string;
  readonly service: string;
  /** "base" or an environment; of a recipients file `null` is every environment. */
  readonly layer: string | null;
  readonly recipients: readonly { readonly recipient: string; readonly name: string | null }[];
}

export function registerRecipients(group: Command): void {
  const command = addCommand(group, 'recipients', {
    summary: 'say who can read which secrets',
    description:
      'Lists the public keys that open every secrets file, and those that services get their secrets sealed for. Names come from the\n' +
      'comments in .sops.yaml and in recipients files. With --removed it lists what somebody could read, now or ever, and that is still in\n' +
      'use: these values have to be changed where they come from, because nobody forgets what they read. Public keys are enough for\n' +
      'that; with an age identity it also tells which of them changed since.',
    examples: [
      'headwater secrets recipients',
      'headwater secrets recipients --removed alice --identity ~/.config/sops/age/keys.txt',
      'headwater secrets recipients --removed age1qx…0hd --json | jq -r .values[].pointer',
    ],
  })
    .option('--repo <dir>', 'the config repository', '.')
    .option('--removed <name>', 'a name, or a public key');
  addIdentityOption(command);
  act<RecipientsOptions>(command, async (io, options) => {
    await using repository = closing(
      await openConfigRepository(resolve(io.cwd, options.repo), { anyHead: true }),
    );
    if (options.removed !== undefined) return showReadable(io, repository, options.removed, options);
    const { files, services } = await recipientsOf(repository);
    const lines = (list: readonly FileRecipients[]) =>
      list.flatMap(({ file, recipients }) => [
        file,
        ...columns(recipients.map(({ recipient, name }) => [`  ${recipient}`, clean(name ?? '')])),
      ]);
    io.out.result(
      { files, services },
      [
        files.length === 0 ? 'There is no secrets file.' : 'Open in the repository:',
        ...lines(files),
        ...(services.length === 0 ? [] : ['', 'Sealed for services:', ...lines(services)]),
      ].join('\n'),
    );
    return true;
  });
}

async function showReadable(
  io: Io,
  repository: ConfigRepository,
  who: string,
  options: IdentityOptions,
): Promise<boolean> {
  const looking = readableBy(repository, who, await identitiesOf(options, io));
  const { keys, opensNow, values } = await io.out.progress('Looking through the history', looking);
  if (keys.length === 0) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `no comment in .sops.yaml or a recipients file ever named ${JSON.stringify(who.slice(0, 80))}`,
      hint: 'Give the public key itself: age1…',
    });
  }
  const rows = values.map(({ service, layer, pointer, status }) => [
    `  ${service}`,
    layer,
    clean(pointer),
    status === 'unknown' ? 'perhaps changed since' : '',
  ]);
  io.out.result(
    { who, keys, opensNow, values },
    [
      `${clean(who)}: ${keys.join(', ')}`,
      opensNow.length === 0
        ? 'Opens no file of the repository as it is now.'
        : `Opens ${count(opensNow.length, 'file')} as the repository is now; to take that away: headwater secrets rotate --remove ${who.includes(' ') ? JSON.stringify(who) : who}`,
      ...(rows.length === 0
        ? ['No value that is in use was ever readable for them.']
        : [advice(values), ...columns(rows)]),
    ].join('\n'),
  );
  return true;
}

export function advice(values: readonly ReadableValue[]): string {
  const doubtful = values.filter(({ status }) => status === 'unknown').length;
  const perhaps =
    doubtful === 0 ? '' : ` (${doubtful} of them perhaps changed since: give --identity to tell)`;
  return `${count(values.length, 'value')} in use could be read${perhaps}. Change each where it comes from, then: headwater secrets set`;
}

async function recipientsOf(
  repository: ConfigRepository,
): Promise<{ files: readonly FileRecipients[]; services: readonly FileRecipients[] }> {
  const names = new Map<string, string>();
  const files: FileRecipients[] = [];
  const services: FileRecipients[] = [];
  const named = (keys: readonly string[]) =>
    keys.map((recipient) => ({ recipient, name: names.get(recipient) ?? null }));
  const read = async (oid: string) => repository.reader.readBlob(oid, maxFileBytes);
  const roles = (await repository.files()).map(({ path, oid }) => ({ path, oid, role: classifyPath(path) }));
  for (const { oid, role } of roles) {
    if (role.kind !== 'sops-rules' && role.kind !== 'recipients') continue;
    for (const [key, name] of recipientNames(Buffer.from(await read(oid)).toString('utf8')))
      names.set(key, name);
  }
  for (const { path, oid, role } of roles) {
    if (role.kind === 'secrets') {
      const { metadata } = await inFile(path, async () => parseSopsFile(await read(oid)));
      const keys = [...metadata.age.map(({ recipient }) => recipient), ...metadata.foreign.keys()];
      files.push({ file: path, service: role.service, layer: role.env ?? 'base', recipients: named(keys) });
    } else if (role.kind === 'recipients') {
      const { recipients } = parseRecipients(Buffer.from(await read(oid)).toString('utf8'));
      services.push({ file: path, service: role.service, layer: role.env, recipients: named(recipients) });
    }
  }
  return { files, services };
}
