import type { EpochEntry, EpochList } from '@headwater/schemas/http';
import { describeEpoch, HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { clean, columns } from '../output.ts';

interface LogOptions extends DaemonOptions {
  readonly service?: string;
  readonly path?: string;
  readonly author?: string;
  readonly limit: string;
}

export function registerLog(program: Command): void {
  const command = addCommand(program, 'log', {
    summary: 'list what changed, when, and by whom',
    description:
      'Lists the epochs of the followed branch, newest first, with the services that each one touches.',
    examples: ['headwater log --data .headwater/data', 'headwater log --service stt-worker --limit 5'],
  })
    .option('--service <name>', 'only what touches this service')
    .option('--path <text>', 'only what changes a file with this in its path')
    .option('--author <text>', 'only by this person')
    .option('--limit <count>', 'at most this many, up to 200', '20');
  addDaemonOptions(command);
  act<LogOptions>(command, async (io, options) => {
    if (!/^\d{1,3}$/.test(options.limit))
      throw new HeadwaterError('HW_USAGE', {
        message: '--limit is a number from 1 to 200',
        hint: 'See headwater log --help.',
      });
    const query = new URLSearchParams({ limit: options.limit });
    for (const name of ['service', 'path', 'author'] as const) {
      const value = options[name];
      if (value !== undefined) query.set(name, value);
    }
    const api = await openDaemon(options, io);
    const { body } = await io.out.progress('Asking the daemon', api.get(`/api/v1/epochs?${query}`));
    const { epochs, next } = body as unknown as EpochList;
    const lines = epochs.length === 0 ? ['Nothing was found.'] : columns(epochs.map(rowOf));
    io.out.result({ epochs, next }, lines.join('\n'));
    if (next !== null) io.out.note('There is more: give a larger --limit.');
    return true;
  });
}

function rowOf({ epoch, time, author, subject, services, live }: EpochEntry): string[] {
  const touched = services === '*' ? 'everything' : services.slice(0, 3).join(', ');
  const more = services !== '*' && services.length > 3 ? ` and ${services.length - 3} more` : '';
  return [
    describeEpoch(epoch),
    clean(time.slice(0, 16).replace('T', ' ')),
    clean(author.name),
    clean(subject),
    clean(`${touched}${more}`),
    live.length === 0 ? '' : `live: ${clean(live.join(', '))}`,
  ];
}
