import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { equivocationsIn, fallsIn, startRecorder } from '../support/recorder.ts';
import { type Stack, startStack } from '../support/stack.ts';

const config = 'services/stt-worker/config.json';

/** When the daemon dies after the first of three pushes of a round has begun: before, in the middle of and after publishing. */
const killAfterMs = [30, 90, 150, 210, 300];
/** `make faults` goes through them more often, a little later each time. */
const repeats = Number(process.env.HW_FAULT_REPEATS ?? 1);
const kills = Array.from({ length: repeats }, (_, repeat) => killAfterMs.map((ms) => ms + 7 * repeat)).flat();

async function pushThree(stack: Stack, round: number): Promise<string> {
  let tip = '';
  for (let i = 0; i < 3; i++) {
    tip = await stack.edit(config, (value) => ({ ...value, vad_threshold: (round * 3 + i + 1) / 1_000 }));
  }
  return tip;
}

test(
  'killed while commits stream in, the daemon comes back to the tip, and its clients never see it go back',
  async () => {
    // Without a gate: what is pushed while no daemon runs must be found by the next one.
    await using stack = await startStack({ repository: 'followed' });
    const connection = await stack.enroll('stt-worker');
    await using recorder = await startRecorder(connection);
    let tip = '';
    for (const [round, delayMs] of kills.entries()) {
      const pushing = pushThree(stack, round);
      await sleep(delayMs);
      await stack.daemon.kill('SIGKILL');
      tip = await pushing;
      await stack.restart();
      await recorder.waitFor(({ kind, epoch }) => kind === 'snapshot' && epoch.commit === tip);
      await recorder.waitFor(({ kind, epoch }) => kind === 'epoch' && epoch.commit === tip);
    }
    expect(recorder.refused).toEqual([]);
    expect(fallsIn(recorder.all)).toEqual([]);
    expect(equivocationsIn(recorder.all)).toEqual([]);
    const status = await stack.headwater('status', '--data', stack.data, '--json');
    expect(status.stdout.split(tip).length).toBeGreaterThan(2); // both environments
    expect((await stack.git('fsck', '--no-dangling')).split('\n').filter(Boolean)).toEqual([]);
  },
  60_000 * repeats,
);

test('damaged, missing and unwritable last-known-good copies stop nothing, are told, and heal', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const before = stack.ready;
  await stack.daemon.kill('SIGTERM');
  const lkg = join(stack.data, 'lkg');
  const [damaged, missing] = (await readdir(join(lkg, 'dev'))).filter((name) => name.endsWith('.lkg'));
  await writeFile(join(lkg, 'dev', damaged as string), 'half a fi');
  await rm(join(lkg, 'dev', missing as string));
  await rm(join(lkg, 'prod'), { recursive: true });
  await writeFile(join(lkg, 'prod'), 'where a folder belongs');

  await stack.restart();
  expect(stack.ready.trust).toEqual(before.trust);
  await stack.daemon.waitFor(/copy refused, moving it to quarantine/);
  await stack.daemon.waitFor(/copies cannot be written; config is published all the same/);
  await using recorder = await startRecorder(connection);
  const tip = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.9 }));
  await recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === tip);

  const status = await stack.headwater('status', '--data', stack.data);
  expect(status.stdout).toContain('HW_STORAGE_FAILED');
  await rename(join(lkg, 'prod'), join(stack.folder, 'aside'));
  await stack.daemon.waitFor(/copies are written again/);
  expect(await readdir(join(lkg, 'prod'))).toContain('stt-worker.lkg');
  const healed = await stack.headwater('status', '--data', stack.data);
  expect(healed.stdout).not.toContain('HW_STORAGE_FAILED');
});
