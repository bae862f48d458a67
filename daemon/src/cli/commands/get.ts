import type { HeadwaterClient } from '@headwater/client';
import {
  describeEpoch,
  type Epoch,
  HeadwaterError,
  isEpoch,
  isHeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  parseName,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { didYouMean } from '../../core/suggest.ts';
import { act, addCommand, type Io } from '../command.ts';
import { connectAsService } from '../connect-as-service.ts';
import {
  addDaemonOptions,
  type DaemonAnswer,
  type DaemonApi,
  type DaemonOptions,
  openDaemon,
} from '../daemon-api.ts';
import { clean, showValue } from '../output.ts';

export function registerGet(program: Command): void {
  const command = addCommand(program, 'get <service> [pointer]', {
    summary: "print a service's resolved config",
    description:
      'Prints the live config of a service, or one setting of it, and says which layer set it.\n' +
      'A pointer without "/" names a top-level setting. Secrets show as [secret].\n' +
      'With --connection it prints what the service itself gets: from the broker, every message verified.',
    examples: [
      'headwater get stt-worker --env dev --data .headwater/data',
      'headwater get stt-worker vad_threshold --env dev',
      'headwater get stt-worker --env dev --json | jq .config',
      'headwater get stt-worker openai_api_key --env prod --connection stt-worker.prod.connection.json',
    ],
  })
    .requiredOption('--env <env>', 'environment')
    .option('--connection <file>', 'ask as the service, with its connection file');
  addDaemonOptions(command);
  act<DaemonOptions & { env: string; connection?: string }, [string, string | undefined]>(
    command,
    async (io, options, rawName, raw) => {
      const service = parseName(rawName, 'service');
      const env = parseName(options.env, 'environment');
      const pointer = raw === undefined ? '' : raw.startsWith('/') ? raw : `/${raw}`;
      parsePointer(pointer);
      if (options.connection !== undefined)
        return getAsService(io, service, env, pointer, options.connection);
      const api = await openDaemon(options, io);
      const { body } = await io.out.progress('Asking the daemon', askFor(api, service, env));
      const { config, epoch, origins, secrets } = parseView(body);
      const isSecretSet = Object.hasOwn(secrets, pointer)
        ? isObject(secrets[pointer]) && secrets[pointer].set === true
        : null;
      if (isSecretSet === false) throw notSet(service, env, pointer);
      const value = isSecretSet ? shownSecret : (valueAt(config, pointer) as JsonValue | undefined);
      if (value === undefined) throw noSetting(service, env, pointer, config);
      const origin = origins[pointer];
      const place = { service, env, epoch, pointer };
      if (pointer === '') {
        io.out.note(`${service} in ${env}, ${describeEpoch(epoch)}`);
        io.out.result({ ...place, config: value, origins }, cleanLines(JSON.stringify(value, null, 2)));
        return true;
      }
      io.out.note(`${describeEpoch(epoch)}${origin === undefined ? '' : `, from ${clean(origin)}`}`);
      io.out.result({ ...place, value, ...(origin === undefined ? {} : { origin }) }, textOf(value));
      return true;
    },
  );
}

/** What a secret looks like here as everywhere. */
const shownSecret = '[secret]';

const textOf = (value: JsonValue): string =>
  typeof value === 'string' ? clean(value) : showValue(value, Number.POSITIVE_INFINITY);

async function getAsService(
  io: Io,
  service: string,
  env: string,
  pointer: string,
  connection: string,
): Promise<boolean> {
  const client = await connectAsService(io, service, env, connection);
  try {
    return printSetting(io, client, { service, env, pointer });
  } finally {
    await client.close();
  }
}

/** Prints what a client of the service reads. @returns False for a secret that it cannot read. */
export function printSetting(
  { out }: Pick<Io, 'out'>,
  client: HeadwaterClient<JsonObject>,
  { service, env, pointer }: { readonly service: string; readonly env: string; readonly pointer: string },
): boolean {
  const explanation = client.explain(pointer);
  // Through JSON, where secrets are masked already: nothing here reads one.
  const { value } = JSON.parse(JSON.stringify(explanation)) as { readonly value?: JsonValue };
  if (value === undefined) throw noSetting(service, env, pointer, client.config as JsonObject);
  const { epoch, source } = explanation;
  const place = { service, env, epoch, state: client.state, pointer };
  const at = epoch === null ? 'defaults' : describeEpoch(epoch);
  out.note(pointer === '' ? `${service} in ${env}, ${at}, ${source}` : `${at}, from ${source}`);
  if (pointer === '') out.result({ ...place, config: value }, cleanLines(JSON.stringify(value, null, 2)));
  else out.result({ ...place, value, origin: source }, textOf(value));
  try {
    return explanation.value !== undefined;
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_SECRET_UNAVAILABLE')) throw error;
    out.note(`${clean(error.message)}${error.hint ? `\n  ${clean(error.hint)}` : ''}`);
    return false;
  }
}

/** @throws HeadwaterError `HW_NOT_FOUND` in words that fit the command line, and as `DaemonApi.get`. */
async function askFor(api: DaemonApi, service: string, env: string): Promise<DaemonAnswer> {
  try {
    return await api.get(`/api/v1/services/${service}?env=${env}`);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_NOT_FOUND')) throw error;
    const { body } = await api.get(`/api/v1/services?env=${env}`);
    const listed = isObject(body) && Array.isArray(body.services) ? body.services : [];
    const names = listed.flatMap((one) =>
      isObject(one) && typeof one.service === 'string' ? [one.service] : [],
    );
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `no service "${service}" is live in ${env}`,
      hint: didYouMean(
        service,
        names,
        names.length > 0 ? `Live there: ${names.slice(0, 10).join(', ')}.` : 'None is.',
      ),
      cause: error,
    });
  }
}

interface ConfigView {
  readonly config: JsonValue;
  readonly epoch: Epoch;
  readonly origins: Readonly<Record<string, string>>;
  /** By pointer: `{set}`. */
  readonly secrets: Readonly<Record<string, JsonValue>>;
}

function parseView(body: JsonValue): ConfigView {
  if (isObject(body) && isObject(body.config) && isEpoch(body.epoch)) {
    return {
      config: body.config,
      epoch: body.epoch,
      origins: (isObject(body.origins) ? body.origins : {}) as Record<string, string>,
      secrets: isObject(body.secrets) ? body.secrets : {},
    };
  }
  throw new HeadwaterError('HW_INTERNAL', {
    message: 'the daemon answered with something else than a config',
    hint: 'Check that the daemon and this program have the same version.',
  });
}

function notSet(service: string, env: string, pointer: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `the secret ${pointer} of ${service} is not set in ${env}`,
    hint: `Set it: headwater secrets set ${service} ${pointer} --env ${env}`,
  });
}

function noSetting(service: string, env: string, pointer: string, config: JsonValue): HeadwaterError {
  const names = isObject(config) ? Object.keys(config).map((name) => `/${name}`) : [];
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `${service} has no setting ${pointer} in ${env}`,
    hint: didYouMean(pointer, names, `See all: headwater get ${service} --env ${env}`),
  });
}

/** Pretty JSON keeps its own line ends. */
function cleanLines(text: string): string {
  return text.split('\n').map(clean).join('\n');
}
