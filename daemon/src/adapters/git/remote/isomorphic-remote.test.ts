import { expect, test, vi } from 'vitest';
import { remoteContract } from '../../../testing/remote.contract.ts';
import { openRemoteScene } from '../../../testing/remote-scene.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

remoteContract('isomorphic-git over HTTP', () => openRemoteScene('isomorphic'), { canPush: false });

test('a host whose HEAD leads nowhere is fetched from all the same, objects and their packs in place', async () => {
  const at = await openRemoteScene('isomorphic');
  try {
    const [first = '', second = ''] = await at.host.build([
      { parents: [], set: { 'services/a/config.json': '{}' } },
      { parents: [0], set: { 'services/a/config.json': '{"n":1}' } },
    ]);
    at.host.setRef('refs/heads/live', first);
    await at.remote.fetch(await at.remote.tips(['refs/heads/live']));
    at.mirror.git('update-ref', 'refs/heads/live', first);
    at.host.setRef('refs/heads/live', second);
    await at.remote.fetch(await at.remote.tips(['refs/heads/live']));
    expect(at.mirror.git('fsck', '--no-dangling', second)).toBe('');
    // No ref, no shallow list, no setting was written by the library.
    expect(at.mirror.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/live');
    expect(at.mirror.git('config', '--list', '--local')).not.toContain('upstream');
  } finally {
    await at.close();
  }
});
