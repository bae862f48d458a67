import type {
  PresetDocument,
  PresetList,
  PresetSummary,
  ValueDifference,
  ValuesDryRun,
} from '@headwater/schemas/http';
import { HeadwaterError, isHeadwaterError, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand, addGroup, type CommandText } from '../command.ts';
import {
  addDaemonOptions,
  type DaemonAnswer,
  type DaemonApi,
  type DaemonOptions,
  openDaemon,
} from '../daemon-api.ts';
import { clean, columns, showValue } from '../output.ts';
import { addChangeOptions, type ChangeCommandOptions, differText, sendChange } from '../send-change.ts';

type Options = DaemonOptions &
  ChangeCommandOptions & { readonly env: string; readonly title?: string; readonly replace?: boolean };

export function registerPreset(program: Command): void {
  const group = addGroup(program, 'preset', 'save and activate values of many services');
  const add = (usage: string, text: CommandText) => addDaemonOptions(addCommand(group, usage, text));
  const layerOption = ['--env <env>', 'environment whose overlays are written, or "base"'] as const;

  act<DaemonOptions>(add('list', { summary: 'list presets' }), async (io, options) => {
    const api = await openDaemon(options, io);
    const { presets } = (await api.get('/api/v1/presets')).body as unknown as PresetList;
    const lines = presets.length === 0 ? ['There are none.'] : columns(presets.map(rowOf));
    io.out.result({ presets }, lines.join('\n'));
    return true;
  });

  act<DaemonOptions, [string]>(
    add('show <name>', { summary: 'print the values of a preset' }),
    async (io, options, raw) => {
      const api = await openDaemon(options, io);
      const preset = await read(api, parseName(raw, 'preset'));
      io.out.result(preset, clean(JSON.stringify(preset.services, null, 2)).replaceAll('\\u000a', '\n'));
      return true;
    },
  );

  const save = addChangeOptions(
    add('save <name>', {
      summary: 'save all values that are live in an environment',
      examples: ['headwater preset save night --env prod --title "Night mode"'],
    }),
  )
    .requiredOption('--env <env>', 'environment whose values are saved')
    .option('--title <text>', 'what it is for')
    .option('--replace', 'replace the preset of that name');
  act<Options, [string]>(save, async (io, options, raw) => {
    const name = parseName(raw, 'preset');
    const api = await openDaemon(options, io);
    if (!options.replace && (await exists(api, name))) throw taken(name);
    const { title, message } = options;
    const body = {
      from: { env: parseName(options.env, 'environment') },
      ...(title === undefined ? {} : { title }),
      ...(message === undefined ? {} : { message }),
    };
    return sendChange(io, api, { method: 'PUT', path: pathOf(name), body, dryRun: options.dryRun });
  });

  const diff = add('diff <name>', {
    summary: 'show what activating would change, and who changed it since it was saved',
    description: 'Shows what differs between a preset and a layer. Exits with 1 when something does.',
  }).requiredOption(...layerOption);
  act<Options, [string]>(diff, async (io, options, raw) => {
    const api = await openDaemon(options, io);
    const path = `${pathOf(parseName(raw, 'preset'))}/activate?dryRun=true`;
    const answer = await io.out.progress('Comparing', api.send('POST', path, { layer: options.env }));
    const { differences, missing, more } = answer.body as unknown as ValuesDryRun;
    io.out.result({ equal: differences.length === 0, differences, missing, more }, headOf(answer).join('\n'));
    return differences.length === 0;
  });

  const activate = addChangeOptions(
    add('activate <name>', {
      summary: 'write what differs into one layer, in one commit',
      description:
        'Activates a preset: for all of its services one commit, so one epoch. Only what differs is written.',
      examples: [
        'headwater preset activate night --env prod --dry-run',
        'headwater preset activate night --env prod',
      ],
    }),
  ).requiredOption(...layerOption);
  act<Options, [string]>(activate, async (io, options, raw) => {
    const api = await openDaemon(options, io);
    const message = options.message === undefined ? {} : { message: options.message };
    return sendChange(io, api, {
      ...{ method: 'POST', path: `${pathOf(parseName(raw, 'preset'))}/activate`, head: headOf },
      ...{ body: { layer: options.env, ...message }, dryRun: options.dryRun },
    });
  });

  const remove = addChangeOptions(add('delete <name>', { summary: 'remove a preset' }));
  act<Options, [string]>(remove, async (io, options, raw) => {
    const api = await openDaemon(options, io);
    return sendChange(io, api, {
      method: 'DELETE',
      path: pathOf(parseName(raw, 'preset')),
      body: {},
      dryRun: options.dryRun,
    });
  });
}

const pathOf = (name: string): string => `/api/v1/presets/${name}`;

async function read(api: DaemonApi, name: string): Promise<PresetDocument> {
  return (await api.get(pathOf(name))).body as unknown as PresetDocument;
}

async function exists(api: DaemonApi, name: string): Promise<boolean> {
  try {
    await api.get(pathOf(name));
    return true;
  } catch (error) {
    if (isHeadwaterError(error, 'HW_NOT_FOUND')) return false;
    throw error;
  }
}

function rowOf({ name, title, services, saved }: PresetSummary): string[] {
  const when = saved ? `${saved.time.slice(0, 16).replace('T', ' ')} ${saved.author.name}` : '';
  return [clean(name), `${services.length} services`, clean(when), clean(title ?? '')];
}

function headOf({ body }: DaemonAnswer): string[] {
  const { differences, missing } = body as unknown as ValuesDryRun;
  return [
    `${differText(differences.length)}.`,
    ...differences.map(differenceText),
    ...missing.map((service) => `${clean(service)} is not there any more: left out`),
  ];
}

function differenceText({ service, pointer, from, to, changed }: ValueDifference): string {
  const by = changed
    ? `  changed ${changed.commit.slice(0, 7)} ${changed.time.slice(0, 16).replace('T', ' ')} by ${changed.author.name}`
    : '';
  return `  ${clean(service)} ${clean(pointer)}: ${showValue(from)} → ${showValue(to)}${clean(by)}`;
}

function taken(name: string): HeadwaterError {
  return new HeadwaterError('HW_USAGE', {
    message: `there is a preset "${name}" already`,
    hint: 'Choose another name, or replace it with --replace.',
  });
}
