import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareEpochs } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { equivocationsIn, fallsIn, type Recorded, startRecorder } from '../support/recorder.ts';
import { headwaterBin, type Stack, startStack } from '../support/stack.ts';

const config = 'services/stt-worker/config.json';

/** A second daemon with a copy of the keys, on the same repository and broker. */
async function startSecond(stack: Stack, mqtt: string): Promise<RunningProcess> {
  const data = join(stack.folder, 'second');
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'version'), '1\n', { mode: 0o600 });
  await cp(join(stack.data, 'keys'), join(data, 'keys'), { recursive: true });
  const args = ['--data', data, '--repo', stack.ready.git, '--mqtt', mqtt, '--http', '127.0.0.1:0'];
  const second = startProcess(process.execPath, [headwaterBin, 'serve', ...args, '--log-format', 'text']);
  await second.waitFor(/broker in step/);
  return second;
}

async function edits(stack: Stack, count: number, from: number): Promise<string> {
  let tip = '';
  for (let i = 0; i < count; i++)
    tip = await stack.edit(config, (value) => ({ ...value, vad_threshold: (from + i) / 100 }));
  return tip;
}

const at =
  (kind: string, commit: string) =>
  (one: Recorded): boolean =>
    one.kind === kind && one.epoch.commit === commit;

/** Messages of each sort that arrived after the first one for `commit`. */
const countAt = (all: readonly Recorded[], commit: string): number =>
  all.filter(({ kind, epoch }) => kind !== 'epoch' && epoch.commit === commit).length;

test('two daemons on one broker and one repository come to rest: one content per epoch, statements that only grow, no fight', async () => {
  const mosquitto = await startMosquitto();
  try {
    await using stack = await startStack({ repository: 'followed', serve: ['--mqtt', mosquitto.url] });
    const connection = await stack.enroll('stt-worker');
    await using recorder = await startRecorder(connection, { password: 'any' });
    await using second = await startSecond(stack, mosquitto.url);

    const tip = await edits(stack, 8, 10);
    for (const kind of ['snapshot', 'diff: diff', 'epoch']) await recorder.waitFor(at(kind, tip));

    // One of them sleeps through some commits; what it then still wants to say is older and must not stand.
    second.child.kill('SIGSTOP');
    const missed = await edits(stack, 3, 30);
    await recorder.waitFor(at('epoch', missed));
    second.child.kill('SIGCONT');
    const woken = await edits(stack, 1, 50);
    await recorder.waitFor(at('epoch', woken));
    stack.daemon.child.kill('SIGSTOP');
    const alone = await edits(stack, 1, 60);
    await recorder.waitFor(at('epoch', alone));
    stack.daemon.child.kill('SIGCONT');
    const final = await edits(stack, 1, 70);
    await recorder.waitFor(at('epoch', final));

    await stack.daemon.kill('SIGTERM');
    await second.kill('SIGTERM');
    await using fresh = await startRecorder(connection, { password: 'any' });
    await fresh.waitFor(at('snapshot', final));
    await fresh.waitFor(at('epoch', final));

    expect(recorder.refused).toEqual([]);
    expect(equivocationsIn(recorder.all)).toEqual([]);
    // Two may speak in the same instant, just as one of them wakes up; the other one then has the last word at once.
    const falls = fallsIn(recorder.all);
    expect(falls.length, falls.join(', ')).toBeLessThanOrEqual(2);
    const statements = recorder.all.filter(({ kind }) => kind === 'epoch');
    const last = statements.at(-1);
    for (const { epoch } of statements)
      expect(compareEpochs(epoch, last?.epoch ?? epoch)).toBeLessThanOrEqual(0);
    // Each daemon says a thing once, and puts it right once more at most.
    for (const commit of [tip, final]) expect(countAt(recorder.all, commit)).toBeLessThanOrEqual(6);
    expect(stack.daemon.lines.join('\n')).not.toMatch(/needs attention/);
    expect(second.lines.join('\n')).not.toMatch(/needs attention/);
  } finally {
    await mosquitto.stop();
  }
});
