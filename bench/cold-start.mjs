// Question: how long does a service wait for its config when it starts? Bundled to one file, in a fresh process each time.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { msBetween, now, sleep } from './support/clock.mjs';
import { makeRepository, serviceName, startDaemon } from './support/headwater.mjs';
import { run } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const starts = 40;

export const title = 'process start → verified config';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const bundle = join(folder, 'service.cjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./children/cold-start.mjs', import.meta.url))],
    outfile: bundle,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'error',
  });
  const daemon = await startDaemon(folder, await makeRepository(folder, 50));
  const { file } = await daemon.enroll(serviceName(0));
  const cache = join(folder, 'cache');
  const keep = join(folder, 'kept-cache');
  const service = async () => {
    const at = now();
    const times = JSON.parse(await run(process.execPath, [bundle, file, cache]));
    await sleep(30);
    return {
      liveMs: msBetween(at, times.liveAt),
      usableMs: msBetween(at, times.usableAt),
      connectMs: msBetween(times.calledAt, times.usableAt),
      state: times.state,
    };
  };
  await service();
  cpSync(cache, keep, { recursive: true });
  const samples = { bare: [], first: [], again: [], usable: [], lkg: [] };
  for (let i = 0; i < starts; i++) {
    if (i % 10 === 0) progress(`start ${i + 1} of ${starts}`);
    const at = now();
    await run(process.execPath, ['-e', '0']);
    samples.bare.push(msBetween(at, now()));
    rmSync(cache, { recursive: true });
    samples.first.push((await service()).liveMs);
    rmSync(cache, { recursive: true });
    cpSync(keep, cache, { recursive: true });
    const again = await service();
    if (again.state !== 'lkg') throw new Error(`expected a start from the cached copy, got ${again.state}`);
    samples.again.push(again.liveMs);
    samples.usable.push(again.usableMs);
    samples.lkg.push(again.connectMs);
  }
  await daemon.stop();
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, summarize(list)]));
}
