import type { HistoryEntry, ServiceDocument, ServiceHistory } from '@headwater/schemas/http';
import { describeEpoch, HeadwaterError, parseName, valueAt } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { clean, showValue } from '../output.ts';

export function registerWhy(program: Command): void {
  const command = addCommand(program, 'why <service> <pointer>', {
    summary: 'say who set a value, when, and what it was',
    description:
      'Says of one setting what it is now, which layer set it, and who changed it before, newest first.\n' +
      'A pointer without "/" names a top-level setting.',
    examples: ['headwater why stt-worker vad_threshold --env prod --data .headwater/data'],
  }).requiredOption('--env <env>', 'environment');
  addDaemonOptions(command);
  act<DaemonOptions & { env: string }, [string, string]>(command, async (io, options, rawName, raw) => {
    const service = parseName(rawName, 'service');
    const env = parseName(options.env, 'environment');
    const pointer = raw.startsWith('/') ? raw : `/${raw}`;
    const api = await openDaemon(options, io);
    const query = new URLSearchParams({ service, env, pointer, limit: '10' });
    const asking = Promise.all([
      api.get(`/api/v1/services/${service}?env=${env}`),
      api.get(`/api/v1/history?${query}`),
    ]);
    const [now, past] = await io.out.progress('Asking the daemon', asking);
    const document = now.body as unknown as ServiceDocument;
    const { entries } = past.body as unknown as ServiceHistory;
    const secret = document.secrets[pointer];
    const value = valueAt(document.config, pointer);
    if (value === undefined && secret === undefined && entries.length === 0)
      throw neverSet(service, env, pointer);
    const layer = document.origins[pointer];
    const shown = secret === undefined ? showValue(value) : secret.set ? '[secret]' : 'not set';
    const from = layer === undefined ? '' : ` (from ${clean(layer)})`;
    const lines = [
      `${pointer} of ${service} in ${env} is ${shown}${from}`,
      ...(entries.length === 0 ? ['No commit set it: it is what the schema says, or a secret.'] : []),
      ...entries.flatMap((entry) => entryText(entry)),
    ];
    const place = { service, env, pointer, ...(layer === undefined ? {} : { layer }) };
    io.out.result(
      { ...place, ...(secret === undefined ? { value } : { secret }), entries },
      lines.join('\n'),
    );
    return true;
  });
}

function entryText({ epoch, time, author, subject, changes }: HistoryEntry): string[] {
  return [
    `${describeEpoch(epoch)}  ${clean(time.slice(0, 16).replace('T', ' '))}  ${clean(author.name)}  ${clean(subject)}`,
    ...changes.map(({ pointer, from, to }) => `  ${clean(pointer)}: ${showValue(from)} → ${showValue(to)}`),
  ];
}

function neverSet(service: string, env: string, pointer: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `${service} has no setting ${pointer} in ${env}, and never had`,
    hint: `See all: headwater get ${service} --env ${env}`,
  });
}
