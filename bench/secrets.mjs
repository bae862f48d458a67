// Question: what do secrets cost the daemon: saving a change, opening a file, and sealing bundles for many services?
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

export const title = 'secrets files of 20 values; bundles for 1,000 services';

/** @param {import('./run.mjs').Context} context */
export async function measure({ progress }) {
  const child = startChild('secrets', { values: 20, bundles: 1_000 });
  progress('saving and opening');
  const { micros } = await child.next('files');
  progress('sealing');
  const { bundles } = await child.next('bundles');
  await child.stop();
  const summaries = Object.entries(micros).map(([name, samples]) => [name, summarize(samples)]);
  return { ...Object.fromEntries(summaries), bundles };
}
