import {
  describeEpoch,
  type Epoch,
  HeadwaterError,
  isEpoch,
  isHeadwaterError,
  isObject,
  type JsonValue,
  parseName,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { didYouMean } from '../../core/suggest.ts';
import { act, addCommand } from '../command.ts';
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
      'A pointer without "/" names a top-level setting.',
    examples: [
      'headwater get stt-worker --env dev --data .headwater/data',
      'headwater get stt-worker vad_threshold --env dev',
      'headwater get stt-worker --env dev --json | jq .config',
    ],
  }).requiredOption('--env <env>', 'environment');
  addDaemonOptions(command);
  act<DaemonOptions & { env: string }, [string, string | undefined]>(
    command,
    async (io, options, rawName, raw) => {
      const service = parseName(rawName, 'service');
      const env = parseName(options.env, 'environment');
      const pointer = raw === undefined ? '' : raw.startsWith('/') ? raw : `/${raw}`;
      parsePointer(pointer);
      const api = await openDaemon(options, io);
      const { body } = await io.out.progress('Asking the daemon', askFor(api, service, env));
      const { config, epoch, origins } = parseView(body);
      const value = valueAt(config, pointer) as JsonValue | undefined;
      if (value === undefined) throw noSetting(service, env, pointer, config);
      const origin = origins[pointer];
      const place = { service, env, epoch, pointer };
      if (pointer === '') {
        io.out.note(`${service} in ${env}, ${describeEpoch(epoch)}`);
        io.out.result({ ...place, config: value, origins }, cleanLines(JSON.stringify(value, null, 2)));
        return true;
      }
      io.out.note(`${describeEpoch(epoch)}${origin === undefined ? '' : `, from ${clean(origin)}`}`);
      io.out.result(
        { ...place, value, ...(origin === undefined ? {} : { origin }) },
        typeof value === 'string' ? clean(value) : showValue(value, Number.POSITIVE_INFINITY),
      );
      return true;
    },
  );
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
}

function parseView(body: JsonValue): ConfigView {
  if (isObject(body) && isObject(body.config) && isEpoch(body.epoch)) {
    return {
      config: body.config,
      epoch: body.epoch,
      origins: (isObject(body.origins) ? body.origins : {}) as Record<string, string>,
    };
  }
  throw new HeadwaterError('HW_INTERNAL', {
    message: 'the daemon answered with something else than a config',
    hint: 'Check that the daemon and this program have the same version.',
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
