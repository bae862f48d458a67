import { vi } from 'vitest';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { Attention } from '../attention.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { refStoreContract } from '../testing/ref-store.contract.ts';
import { openRemoteScene } from '../testing/remote-scene.ts';
import { RemoteSync } from './remote-sync.ts';
import { createUpstreamRefs } from './upstream-refs.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

refStoreContract('of a mirror, over a real host', async () => {
  const scene = await openRemoteScene('file');
  const refs = createRefStore(scene.repo);
  const log = createLog({ stream: { write: () => undefined }, level: 'silent' });
  const sync = new RemoteSync({
    remote: scene.remote,
    refs,
    reader: scene.reader,
    ref: 'refs/heads/main',
    clock: systemClock,
    log,
    attention: new Attention(new Problems(), log),
    mark: { read: () => null, write: () => {} },
    pollMs: 60_000,
  });
  return {
    refs: createUpstreamRefs({ remote: scene.remote, refs, sync }),
    build: scene.mirror.build,
    close: async () => {
      await sync.stop();
      await scene.close();
    },
  };
});
