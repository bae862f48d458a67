import type { DriftedClient, DriftList } from '@headwater/schemas/http';
import { describeEpoch, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { clean, columns, count } from '../output.ts';

export function registerDrift(program: Command): void {
  const command = addCommand(program, 'drift', {
    summary: 'list clients that do not run what is live',
    description:
      'Compares what connected clients say they run with what is live: another epoch or config, settings that wait for a restart,\n' +
      'settings that their environment overrides. Exits with 1 when there is a difference.',
    examples: ['headwater drift --data .headwater/data', 'headwater drift --env prod --json'],
  }).option('--env <env>', 'look at one environment (default: all)');
  addDaemonOptions(command);
  act<DaemonOptions & { env?: string }>(command, async (io, options) => {
    const query = options.env === undefined ? '' : `?env=${parseName(options.env, 'environment')}`;
    const api = await openDaemon(options, io);
    const { body } = await io.out.progress('Asking the daemon', api.get(`/api/v1/drift${query}`));
    const { connected, drifted } = body as unknown as DriftList;
    const lines =
      drifted.length === 0
        ? [
            `${count(connected, 'connected client')}, and ${connected === 1 ? 'it runs' : 'all run'} what is live.`,
          ]
        : columns(drifted.map(rowOf));
    io.out.result({ ok: drifted.length === 0, connected, drifted }, lines.join('\n'));
    return drifted.length === 0;
  });
}

const words: Readonly<Record<DriftedClient['reasons'][number], string>> = {
  epoch: 'another epoch',
  digest: 'another config',
  state: 'not live',
  restart: 'waits for a restart',
  override: 'overridden by its environment',
};

function rowOf({
  clientId,
  epoch,
  live,
  reasons,
  state,
  restartPending,
  envOverrides,
  envInvalid,
}: DriftedClient): string[] {
  return [
    clean(clientId),
    clean(state),
    epoch === null ? '—' : describeEpoch(epoch),
    live === null ? '—' : `live ${describeEpoch(live)}`,
    reasons.map((reason) => words[reason] ?? clean(reason)).join(', '),
    clean([...restartPending, ...envOverrides, ...envInvalid].slice(0, 5).join(' ')),
  ];
}
