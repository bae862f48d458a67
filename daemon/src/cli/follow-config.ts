import type { Change, HeadwaterClient } from '@headwater/client';
import { describeEpoch, type Epoch, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import type { Io } from './command.ts';
import { clean, columns, count, showValue } from './output.ts';

/** Tells what there is, then every change, until the person has seen enough. */
export async function followConfig(
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
