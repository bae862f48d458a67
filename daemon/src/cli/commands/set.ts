import type { Me, ServiceDocument } from '@headwater/schemas/http';
import {
  eachSetting,
  HeadwaterError,
  isHeadwaterError,
  type JsonValue,
  parseJson,
  parseName,
  readSettings,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { setSetting } from '../../core/edit/set-setting.ts';
import { coerceText } from '../../core/env-values.ts';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonApi, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { addChangeOptions, type ChangeCommandOptions, sendChange } from '../send-change.ts';

interface SetOptions extends DaemonOptions, ChangeCommandOptions {
  readonly env: string;
  readonly unset?: boolean;
}

export function registerSet(program: Command): void {
  const command = addCommand(program, 'set <service> <pointer> [value]', {
    summary: 'set one setting',
    description:
      'Commits one change of one layer: the overlay of an environment, or "base". The value is JSON; what is no JSON is a text, and\n' +
      'where the schema wants a text, everything is. A pointer without "/" names a top-level setting.',
    examples: [
      'headwater set stt-worker vad_threshold 0.62 --env prod -m "Quieter room"',
      'headwater set stt-worker whisper_model small.en --env base --dry-run',
      'headwater set stt-worker vad_threshold --unset --env prod   # what base says counts again',
    ],
  })
    .requiredOption('--env <env>', 'environment whose overlay is written, or "base"')
    .option('--unset', 'take the setting out of the layer');
  addDaemonOptions(addChangeOptions(command));
  act<SetOptions, [string, string, string | undefined]>(command, async (io, options, rawName, raw, text) => {
    const service = parseName(rawName, 'service');
    const layer = options.env === 'base' ? 'base' : parseName(options.env, 'environment');
    const pointer = raw.startsWith('/') ? raw : `/${raw}`;
    if ((text === undefined) !== (options.unset === true))
      throw new HeadwaterError('HW_USAGE', {
        message: 'give a value, or --unset',
        hint: 'See headwater set --help.',
      });
    const api = await openDaemon(options, io);
    const { document, etag } = await readService(api, service, layer);
    const value = text === undefined ? undefined : typedValue(text, pointer, document);
    const message =
      options.message === undefined ? {} : { 'headwater-message': encodeURIComponent(options.message) };
    return sendChange(io, api, {
      method: 'PUT',
      path: `/api/v1/services/${service}?layer=${layer}`,
      body: setSetting(document.layers[layer] ?? {}, pointer, value),
      headers: { 'if-match': etag, ...message },
      dryRun: options.dryRun,
    });
  });
}

/** The service as an edit of the layer starts from it. */
async function readService(api: DaemonApi, service: string, layer: string) {
  const environments =
    layer === 'base' ? ((await api.get('/api/v1/me')).body as unknown as Me).environments : [layer];
  for (const [i, env] of environments.entries()) {
    try {
      const { body, headers } = await api.get(`/api/v1/services/${service}?env=${env}`);
      return { document: body as unknown as ServiceDocument, etag: headers.get('etag') ?? '' };
    } catch (error) {
      // A service need not be in every environment.
      if (!isHeadwaterError(error, 'HW_NOT_FOUND') || i === environments.length - 1) throw error;
    }
  }
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: 'this token sees no environment',
    hint: 'Ask an admin for one that does.',
  });
}

/** As the schema wants it; else JSON, else a text. */
function typedValue(text: string, pointer: string, { schema }: ServiceDocument): JsonValue {
  const setting = [...eachSetting(readSettings(schema))].find((one) => one.pointer === pointer);
  const coerced = setting && coerceText(text, setting);
  if (coerced !== undefined) return coerced;
  try {
    return parseJson(text);
  } catch (error) {
    if (isHeadwaterError(error)) return text;
    throw error;
  }
}
