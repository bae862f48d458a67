import { HeadwaterError, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { addChangeOptions, type ChangeCommandOptions, sendChange } from '../send-change.ts';

interface RevertOptions extends DaemonOptions, ChangeCommandOptions {
  readonly service?: string;
  readonly setting?: string;
  readonly env?: string;
  readonly to?: string;
  readonly all?: boolean;
}

export function registerRevert(program: Command): void {
  const command = addCommand(program, 'revert [commit]', {
    summary: 'undo a commit, or go back to an earlier state',
    description:
      'Undoes with one new commit; nothing is removed from the history. What came later and touches other settings stays. What cannot\n' +
      'be undone cleanly is told, setting by setting, and nothing changes. --to takes a commit or a time (2026-03-01T12:00:00Z).',
    examples: [
      'headwater revert 9f3c2e1 --dry-run',
      'headwater revert --service stt-worker --setting vad_threshold --env prod   # the value before the last change',
      'headwater revert --service stt-worker --to 2026-03-01T12:00:00Z',
      'headwater revert --all --to 9f3c2e1 -m "Back to before the migration"',
    ],
  })
    .option('--service <name>', 'go back with one service')
    .option('--setting <pointer>', 'go back with one setting of it')
    .option(
      '--env <env>',
      'its overlay of one environment, or "base" (default: the whole service; a setting: base)',
    )
    .option('--to <commit|time>', 'where to go back to')
    .option('--all', 'go back with every service');
  addDaemonOptions(addChangeOptions(command));
  act<RevertOptions, [string | undefined]>(command, async (io, options, commit) => {
    const body = bodyOf(commit, options);
    const api = await openDaemon(options, io);
    const message = options.message === undefined ? {} : { message: options.message };
    return sendChange(io, api, {
      ...{ method: 'POST', path: '/api/v1/reverts', body: { ...body, ...message } },
      dryRun: options.dryRun,
    });
  });
}

function bodyOf(commit: string | undefined, { service, setting, env, to, all }: RevertOptions): object {
  if (commit !== undefined) {
    if (service !== undefined || to !== undefined || all) throw usage('a commit is undone as a whole');
    return { commit };
  }
  if (all) {
    if (to === undefined || service !== undefined) throw usage('--all goes --to a commit or time');
    return { to };
  }
  if (service === undefined) throw usage('say what to undo: a commit, --service, or --all');
  const name = parseName(service, 'service');
  if (setting !== undefined)
    return { service: name, pointer: setting, layer: env ?? 'base', ...(to === undefined ? {} : { to }) };
  if (to === undefined) throw usage('a service goes back --to a commit or time');
  return { service: name, to, ...(env === undefined ? {} : { layer: env }) };
}

function usage(message: string): HeadwaterError {
  return new HeadwaterError('HW_USAGE', { message, hint: 'See headwater revert --help.' });
}
