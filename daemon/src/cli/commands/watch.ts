import { resolve } from 'node:path';
import type { Change, HeadwaterClient } from '@headwater/client';
import {
  describeEpoch,
  type Epoch,
  HeadwaterError,
  type JsonObject,
  type JsonValue,
  parseName,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand, type Io } from '../command.ts';
import { readConnectionFile } from '../connection-file.ts';
import { requireConnection } from '../find-connection.ts';
import { clean, columns, count, showValue } from '../output.ts';

export function registerWatch(program: Command): void {
  const command = addCommand(program, 'watch <service>', {
    summary: "follow a service's live config",
    description:
      'Follows the config of a service as the service itself gets it: from the broker, every message verified. Ends with Ctrl-C.\n' +
      'With --json one line per state: {"epoch", "state", "config", "changes": [{"path", "from", "to"}]}.',
    examples: [
      'headwater watch stt-worker --env dev',
      'headwater watch stt-worker --env dev --json | jq -c .changes',
    ],
  })
    .requiredOption('--env <env>', 'environment')
    .option('--connection <file>', 'connection file (default: the one that enroll wrote on this machine)');
  act<{ env: string; connection?: string }, [string]>(command, async (io, options, rawName) => {
    const service = parseName(rawName, 'service');
    const env = parseName(options.env, 'environment');
    const file = await requireConnection(io, service, env, options.connection);
    await refuseOther(io, file, service, env);
    // Loaded only here: no other command needs the client and its MQTT library.
    const { connect } = await import('@headwater/client');
    const environment = Object.fromEntries(
      Object.entries(io.env).filter(([name]) => name.startsWith('XDG_')),
    );
    const connection = resolve(io.cwd, file);
    const client = await io.out.progress(
      'Waiting for the config',
      connect({ connection, log: null, environment }),
    );
    try {
      await follow(io, service, env, client);
    } finally {
      await client.close();
    }
    return true;
  });
}

async function refuseOther(io: Io, file: string, service: string, env: string): Promise<void> {
  const found = await readConnectionFile(io, file);
  if (found.service === service && found.env === env) return;
  throw new HeadwaterError('HW_USAGE', {
    message: `${file} is of ${found.service} in ${found.env}, not of ${service} in ${env}`,
    hint: 'Give the connection file of that service and environment.',
  });
}

/** Tells what there is, then every change, until the person has seen enough. */
async function follow(
  io: Io,
  service: string,
  env: string,
  client: HeadwaterClient<JsonObject>,
): Promise<void> {
  const { style } = io.out;
  let last = '';
  const tell = (changes: readonly Change[], text: string) => {
    const { epoch, state, config } = client;
    const place = JSON.stringify([epoch, state]);
    // The state may have moved between being told and being read.
    if (changes.length === 0 && place === last) return;
    last = place;
    const plain = changes.map(({ path, from, to }) => ({ path, from: from ?? null, to: to ?? null }));
    io.out.event({ epoch, state, config, changes: plain }, text);
  };
  const stateText = () => `${client.state}${client.reason === null ? '' : ` (${clean(client.reason)})`}`;
  const settings = count(Object.keys(client.config).length, 'setting');
  tell([], `${style.bold(`${service} in ${env}`)}  ${stateText()}  ${placeOf(client.epoch)}  ${settings}`);
  client.on('change', ({ changes, epoch, restartPending }) => {
    const rows = columns(
      changes.map((change) => [nameOf(change.path), `${shown(change, 'from')} → ${shown(change, 'to')}`]),
    );
    const lines = rows.map((row, i) => {
      const waits = restartPending.includes(changes[i]?.path ?? '') ? style.yellow('   after a restart') : '';
      return `${row}   ${style.dim(`${placeOf(epoch)}   signature ok`)}${waits}`;
    });
    tell(changes, lines.join('\n'));
  });
  client.on('state', ({ state, previous }) => {
    if (state !== 'offline') tell([], style.dim(`${previous} → ${stateText()}`));
  });
  client.on('refused', ({ code, message }) =>
    io.out.note(`${style.red('refused')} ${clean(message)} (${code})`),
  );
  client.on('warning', ({ message, hint }) =>
    io.out.note(`${style.yellow('warning')} ${clean(message)}${hint ? `\n  ${clean(hint)}` : ''}`),
  );
  if (io.signal.aborted) return;
  await new Promise<void>((done) => io.signal.addEventListener('abort', () => done(), { once: true }));
}

const placeOf = (epoch: Epoch | null): string => (epoch === null ? 'defaults' : describeEpoch(epoch));

/** A top-level setting goes by its name; the slash is for those who nest. */
function nameOf(pointer: string): string {
  const isTop = pointer.lastIndexOf('/') === 0 && !pointer.includes('~');
  return clean(isTop ? pointer.slice(1) : pointer);
}

/** A secret comes as the words that stand for it, which are no text of the setting. */
function shown(change: Change, side: 'from' | 'to'): string {
  const value: JsonValue | undefined = change[side];
  return change.isSecret && typeof value === 'string' ? value : showValue(value, 60);
}
