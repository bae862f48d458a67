// Question: does the cost of a change follow the change, not the repository? The peer is one run of `git diff-tree`, which only tells
// which files differ.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeScaleRepository } from './make-repository.mjs';
import { startChild } from './support/processes.mjs';
import { summarize } from './support/stats.mjs';

const rounds = 30;
/** Before the first commit it reads fifty thousand services. */
const patienceMs = 180_000;

/** In one folder or in a hundred; the last one behind a long history. */
const shapes = [
  { name: '1k sharded', services: 1_000, groups: 100, commits: 1 },
  { name: '10k sharded', services: 10_000, groups: 100, commits: 1, limitMs: 2 },
  { name: '50k sharded', services: 50_000, groups: 100, commits: 1 },
  { name: '1k flat', services: 1_000, groups: 0, commits: 1 },
  { name: '10k flat', services: 10_000, groups: 0, commits: 1, limitMs: 6 },
  { name: '50k flat', services: 50_000, groups: 0, commits: 1 },
  { name: '10k sharded, 10k commits', services: 10_000, groups: 100, commits: 10_000, limitMs: 2 },
];
/** Services that one commit changes, in the repository of ten thousand. */
const bursts = [1, 10, 100, 1_000];

export const title = 'commit → plan ready, by the size of the repository';

/** @param {import('./run.mjs').Context} context */
export async function measure({ folder, progress }) {
  const found = [];
  let byChange = [];
  for (const shape of shapes) {
    const { name, limitMs, ...size } = shape;
    progress(`${name}: writing`);
    const repository = join(folder, 'repository.git');
    await makeScaleRepository(repository, { ...size, environments: 2 });
    const isExample = name === '10k sharded';
    const settings = { repository, ...size, rounds, bursts: isExample ? bursts : [] };
    const child = startChild('scale', settings, { patienceMs });
    await child.next('started');
    progress(`${name}: ${rounds} commits`);
    const measured = await child.next('measured');
    await child.stop();
    rmSync(repository, { recursive: true });
    const { native, isomorphic, peer } = measured.samples;
    const one = {
      native: summarize(native),
      isomorphic: summarize(isomorphic),
      peer: summarize(peer),
    };
    found.push({ name, limitMs, ...one });
    progress(
      `${name}: ${Object.entries(one)
        .map(([side, { p50 }]) => `${side} ${p50.toFixed(2)} ms`)
        .join(', ')}`,
    );
    if (isExample)
      byChange = measured.byChange.map(({ changed, samples }) => ({ changed, ...summarize(samples) }));
  }
  return { shapes: found, byChange };
}
