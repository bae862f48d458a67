/** Writers here, a pusher there, and a host that fails at random: what was acknowledged is upstream, once, in one line. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { expect, test, vi } from 'vitest';
import { createCommitWriter } from '../adapters/git/commit-writer.ts';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { Attention } from '../attention.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { testPerson } from '../testing/git-history.ts';
import type { GitHttpServer, HostFault } from '../testing/git-http-server.ts';
import { openRemoteScene } from '../testing/remote-scene.ts';
import { RemoteSync } from './remote-sync.ts';
import { createUpstreamRefs } from './upstream-refs.ts';

vi.setConfig({ testTimeout: 600_000 });

const main = 'refs/heads/main';
/** `make faults` goes through more of them. */
const seeds = Array.from({ length: process.env.HW_FAULT_REPEATS === undefined ? 1 : 8 }, (_, i) => i + 1);
const writers = 3;
const editsEach = 3;

/** mulberry32: small, and the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const faults: readonly HostFault[] = [
  { kind: 'lose-answer' },
  { kind: 'swallow' },
  { kind: 'cut', afterBytes: 20 },
  { kind: 'shorten', afterBytes: 30 },
  { kind: 'status', status: 503 },
  { kind: 'slow', ms: 50 },
];

test.each(seeds)('seed %i', async (seed) => {
  const random = randomOf(seed);
  const scene = await openRemoteScene('http', { silenceMs: { ask: 5_000, transfer: 5_000, push: 5_000 } });
  const { upstream, repo, reader, remote } = scene;
  const server = scene.server as GitHttpServer;
  const [first = ''] = await upstream.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  upstream.git('update-ref', main, first);
  const log = createLog({ stream: { write: () => undefined }, level: 'silent' });
  const problems = new Problems();
  const local = createRefStore(repo);
  const sync = new RemoteSync({
    remote,
    refs: local,
    reader,
    ref: main,
    clock: systemClock,
    log,
    attention: new Attention(problems, log),
    mark: { read: () => null, write: () => {} },
    pollMs: 60_000,
  });
  // This host has done its work before the connection goes.
  const refs = createUpstreamRefs({ remote, refs: local, sync, settleWaitsMs: [0, 10, 50] });
  const writer = createCommitWriter(repo, reader, refs);
  try {
    await sync.first();
    server.fault = () => (random() < 0.2 ? (faults[Math.floor(random() * faults.length)] ?? null) : null);
    const acknowledged: string[] = [];
    let theirs = 0;
    /** Somebody pushes past us, straight into the repository at the host. */
    const pushThere = () => {
      const tip = upstream.git('rev-parse', main);
      const blob = upstream.gitWithInput(String(theirs), 'hash-object', '-w', '--stdin');
      const listed = upstream.git('ls-tree', '-r', tip);
      const tree = upstream.gitWithInput(
        `${listed}\n100644 blob ${blob}\ttheirs-${theirs++}\n`.replace(/^\n/, ''),
        'mktree',
        '--missing',
      );
      const commit = upstream.git('commit-tree', tree, '-p', tip, '-m', `theirs ${theirs}`);
      upstream.git('update-ref', main, commit, tip);
    };
    const write = async (name: string) => {
      for (let n = 0; n < editsEach; ) {
        const expected = await refs.read(main);
        try {
          acknowledged.push(
            await writer.commit({
              ref: main,
              expected,
              edits: [{ path: `writer-${name}-${n}`, content: Buffer.from(`${name} ${n}`) }],
              message: `${name} ${n}`,
              author: testPerson,
              committer: testPerson,
            }),
          );
          n++;
        } catch (error) {
          if (!isHeadwaterError(error)) throw error;
          expect(['HW_REF_MOVED', 'HW_UPSTREAM_UNREACHABLE', 'HW_OBJECT_MISSING']).toContain(error.code);
        }
      }
    };
    const work = Promise.all(Array.from({ length: writers }, (_, i) => write(String(i))));
    let isOver = false;
    void work.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      if (random() < 0.3) pushThere();
      // Looks race with the writers, as webhooks make them.
      await sync.request();
    }
    await work;

    server.fault = () => null;
    await sync.request();
    const tip = upstream.git('rev-parse', main);
    expect(await refs.read(main)).toBe(tip);
    expect(problems.list()).toEqual([]);
    const line = upstream.git('rev-list', '--first-parent', tip).split('\n');
    for (const commit of acknowledged) expect(line).toContain(commit);
    expect(line.at(-1)).toBe(first);
    expect(upstream.git('rev-list', '--merges', tip)).toBe('');
    const files = upstream.git('ls-tree', '-r', '--name-only', tip).split('\n');
    for (let i = 0; i < writers; i++)
      for (let n = 0; n < editsEach; n++) expect(files).toContain(`writer-${i}-${n}`);
    for (const path of [upstream.path, repo.gitDir])
      expect(upstream.git('--git-dir', path, 'fsck', '--no-dangling', '--connectivity-only')).toBe('');
  } finally {
    await sync.stop();
    await scene.close();
  }
});
