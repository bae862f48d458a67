/** `secrets set` and `secrets remove`: one value, one commit; here or by the daemon. */
import {
  HeadwaterError,
  isHeadwaterError,
  isObject,
  parseName,
  parsePointer,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { changeSecretsFile } from '../../../secrets/change-secrets-file.ts';
import { act, addCommand, type Io } from '../../command.ts';
import { openConfigRepository } from '../../config-repository.ts';
import { addDaemonOptions, type DaemonAnswer, openDaemon } from '../../daemon-api.ts';
import {
  addIdentityOption,
  cannotEdit,
  type IdentityOptions,
  identitiesOf,
} from '../../secrets/identities.ts';
import { readSecretValue, refuseTypedValue } from '../../secrets/read-value.ts';
import { saveSecrets } from '../../secrets/save-secrets.ts';
import {
  closing,
  findSecretsPlace,
  repositoryOf,
  type WhereOptions,
} from '../../secrets/secrets-repository.ts';

interface ChangeOptions extends WhereOptions, IdentityOptions {
  readonly env: string;
  readonly message?: string;
}

/** What is to be done to which setting. */
interface Change {
  readonly service: string;
  readonly pointer: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly message: string;
}

export function registerSet(group: Command): void {
  const command = addCommand(group, 'set <service> <pointer> [value...]', {
    summary: 'set one secret',
    description:
      'Encrypts one secret and commits the file. The value is piped in or asked for, never given on the command line.\n' +
      'In a clone (the current folder, or --repo) the commit is yours, to be pushed: a new file needs no key, an existing one needs an\n' +
      'age identity that opens it. With a daemon (--data, or --url and --token) it does both, and you need no key: role editor.',
    examples: [
      'headwater secrets set llm-worker openai_api_key --env prod            # asks for the value',
      'pass show llm/openai | headwater secrets set llm-worker openai_api_key --env prod --data /var/lib/headwater',
      'headwater secrets set llm-worker openai_api_key --env base < key.txt  # for every environment',
    ],
  });
  // The value is declared only to be refused in the right words, so it must not show as something to give.
  command.usage('<service> <pointer> [options]');
  addPlaceOptions(command);
  act<ChangeOptions, [string, string, string | undefined]>(
    command,
    async (io, options, rawService, rawPointer, rest) => {
      const given = Array.isArray(rest) ? (rest as readonly string[]) : [];
      const change = changeOf(rawService, rawPointer, options, 'Set secret');
      const { service, pointer, layer } = change;
      refuseTypedValue(given, `headwater secrets set ${service} ${pointer} --env ${layer}`);
      const where = await repositoryOf(options, io);
      const value = await readSecretValue(`${pointer} of ${service} (${layer}): `, io);
      if (where === null) return byDaemon(io, options, change, value);
      return inRepository(io, where, options, change, value);
    },
  );
}

export function registerRemove(group: Command): void {
  const command = addCommand(group, 'remove <service> <pointer>', {
    summary: 'remove one secret',
    description:
      'Takes one secret out of its file and commits that. Who could read it before keeps what they know: change the value at its source.',
    examples: ['headwater secrets remove llm-worker gemini_api_key --env prod'],
  });
  addPlaceOptions(command);
  act<ChangeOptions, [string, string]>(command, async (io, options, rawService, rawPointer) => {
    const change = changeOf(rawService, rawPointer, options, 'Remove secret');
    const where = await repositoryOf(options, io);
    if (where === null) return byDaemon(io, options, change, null);
    return inRepository(io, where, options, change, null);
  });
}

function addPlaceOptions(command: Command): void {
  command
    .requiredOption('--env <env>', 'environment, or "base": every environment')
    .option('-m, --message <text>', 'message of the commit (default: written for you)')
    .option('--repo <dir>', 'a clone of the config repository (default: the current folder, if it is one)');
  addIdentityOption(addDaemonOptions(command));
}

function changeOf(rawService: string, rawPointer: string, options: ChangeOptions, verb: string): Change {
  const service = parseName(rawService, 'service');
  const layer = options.env === 'base' ? 'base' : parseName(options.env, 'environment');
  const pointer = rawPointer.startsWith('/') ? rawPointer : `/${rawPointer}`;
  if (parsePointer(pointer).includes('')) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${JSON.stringify(rawPointer)} names no setting`,
      hint: 'Name one: openai_api_key, or /db/password.',
    });
  }
  const place = layer === 'base' ? '' : ` in ${layer}`;
  return { service, pointer, layer, message: options.message ?? `${verb} ${pointer} of ${service}${place}` };
}

async function inRepository(
  io: Io,
  folder: string,
  options: ChangeOptions,
  { service, pointer, layer, message }: Change,
  value: string | null,
): Promise<boolean> {
  await using repository = closing(await openConfigRepository(folder));
  const place = await findSecretsPlace(repository, service, layer);
  const identities = await identitiesOf(options, io);
  const { policy, path, before } = place;
  const changes = new Map([[pointer, value]]);
  const { content, changed } = await changeSecretsFile(before, changes, {
    ...{ policy, keys: { identities }, now: new Date() },
  }).catch((error: unknown) => {
    throw isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY') ? cannotEdit(path, error) : error;
  });
  const commit =
    changed.length === 0 ? null : await saveSecrets(repository, [{ path, content }], message, identities, io);
  const done = value === null ? 'Removed' : 'Set';
  io.out.result(
    { service, env: layer, pointer, file: path, changed: commit !== null, commit },
    commit === null
      ? `Nothing to change: ${pointer} of ${service} (${layer}) is like that already.`
      : `${done} ${pointer} of ${service} (${layer}) in ${path}, commit ${commit.slice(0, 7)}`,
  );
  return true;
}

async function byDaemon(
  io: Io,
  options: ChangeOptions,
  change: Change,
  value: string | null,
): Promise<boolean> {
  const { service, pointer, layer, message } = change;
  const api = await openDaemon(options, io);
  const query = new URLSearchParams({ env: layer, pointer });
  const path = `/api/v1/services/${service}/secrets?${query}`;
  const headers = { 'headwater-message': encodeURIComponent(message) };
  const sent =
    value === null
      ? api.send('DELETE', path, undefined, { headers })
      : api.send('PUT', path, { value }, { headers });
  const answer = await io.out.progress('Asking the daemon', sent);
  const { commit, changed, held } = resultIn(answer);
  const waits = held.length === 0 ? '' : `; it waits in ${held.join(', ')}: see headwater status`;
  io.out.result(
    answer.body,
    changed
      ? `${value === null ? 'Removed' : 'Set'} ${pointer} of ${service} (${layer}), commit ${commit.slice(0, 7)}${waits}`
      : `Nothing to change: ${pointer} of ${service} (${layer}) is not set.`,
  );
  return true;
}

function resultIn({ body }: DaemonAnswer): { commit: string; changed: boolean; held: string[] } {
  const { commit, changed, held } = isObject(body) ? body : {};
  const waiting = Array.isArray(held) ? held : [];
  return {
    commit: typeof commit === 'string' ? commit : '',
    changed: changed === true,
    held: waiting.flatMap((one) => (isObject(one) && typeof one.env === 'string' ? [one.env] : [])),
  };
}
