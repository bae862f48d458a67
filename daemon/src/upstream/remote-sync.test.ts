import { HeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main, openSyncScene } from './testing.ts';

describe('a look at the host', () => {
  test('brings what is new, and asks for no object when nothing is', async () => {
    const scene = openSyncScene();
    const first = scene.commit(null, '1');
    scene.remote.hostRefs.set(main, first);
    await scene.sync.request();
    expect(await scene.local()).toBe(first);
    expect(await scene.local('refs/upstream/heads/main')).toBe(first);
    expect(scene.remote.calls).toEqual(['tips', 'fetch']);
    await scene.sync.request();
    expect(scene.remote.calls).toEqual(['tips', 'fetch', 'tips']);
    const second = scene.commit(first, '2');
    scene.remote.hostRefs.set(main, second);
    await scene.sync.request();
    expect(await scene.local()).toBe(second);
    expect(scene.codes()).toEqual([]);
  });

  test('brings proposals and what Headwater keeps, and no other branch', async () => {
    const scene = openSyncScene();
    const [a, b] = [scene.commit(null, 'a'), scene.commit(null, 'b')];
    scene.remote.hostRefs.set(main, a);
    await scene.sync.request();
    const others = ['refs/heads/proposals/p1', 'refs/headwater/epochs', 'refs/headwater/proposals/p1'];
    for (const ref of [...others, 'refs/heads/other']) scene.remote.hostRefs.set(ref, b);
    await scene.sync.request();
    for (const ref of others) expect(await scene.local(ref)).toBe(b);
    expect(await scene.local('refs/heads/other')).toBeNull();
    // A proposal may be rebased; a ledger never goes back.
    scene.remote.hostRefs.set('refs/heads/proposals/p1', a);
    await scene.git.refs.compareAndSwap('refs/headwater/epochs', b, scene.commit(b, 'ours'));
    const ahead = await scene.local('refs/headwater/epochs');
    await scene.sync.first();
    expect(await scene.local('refs/heads/proposals/p1')).toBe(a);
    expect(await scene.local('refs/headwater/epochs')).toBe(ahead);
  });

  test('of many requests at once one more look comes of it', async () => {
    const scene = openSyncScene();
    await Promise.all(Array.from({ length: 50 }, () => scene.sync.request()));
    expect(scene.remote.calls).toEqual(['tips']);
  });

  test('a branch that moved between two questions is asked for again', async () => {
    const scene = openSyncScene();
    const [lost, found] = [scene.commit(null, 'lost'), scene.commit(null, 'found')];
    scene.remote.hostRefs.set(main, lost);
    scene.remote.before = (call) => {
      if (call !== 'fetch') return;
      scene.git.forget(lost);
      scene.remote.hostRefs.set(main, found);
    };
    await scene.sync.request();
    expect(await scene.local()).toBe(found);
    expect(scene.codes()).toEqual([]);
  });

  test('a ref name that cannot be kept here does not stop the others', async () => {
    const scene = openSyncScene();
    const id = scene.commit(null, '1');
    scene.remote.hostRefs.set(main, id);
    const refs = scene.git.refs;
    const read = vi.spyOn(refs, 'read').mockImplementation(async (ref) => {
      if (ref.includes('odd')) throw new HeadwaterError('HW_NAME_INVALID', { message: ref });
      return null;
    });
    scene.remote.hostRefs.set('refs/heads/proposals/odd', id);
    const swapped: string[] = [];
    vi.spyOn(refs, 'compareAndSwap').mockImplementation(async (ref) => void swapped.push(ref));
    await scene.sync.request();
    expect(swapped).toContain(main);
    expect(scene.codes()).toEqual([]);
    read.mockRestore();
  });
});

describe('a branch that went back', () => {
  test('is believed only when the host still shows it after a while', async () => {
    const scene = openSyncScene();
    const first = scene.commit(null, '1');
    const second = scene.commit(first, '2');
    scene.remote.hostRefs.set(main, second);
    await scene.sync.request();
    scene.remote.hostRefs.set(main, first);
    await scene.sync.request();
    expect(await scene.local()).toBe(second);
    scene.time += 4_000;
    // One of the host's machines was behind.
    scene.remote.hostRefs.set(main, second);
    await scene.sync.request();
    scene.remote.hostRefs.set(main, first);
    scene.time += 7_000;
    await scene.sync.request();
    expect(await scene.local()).toBe(second);
    scene.time += 10_000;
    await scene.sync.request();
    expect(await scene.local()).toBe(first);
    expect(scene.log.join('\n')).toContain('followed branch was moved back or rewritten at its host');
  });

  test('or to another line, waits for the same host to say the same', async () => {
    const scene = openSyncScene();
    const first = scene.commit(null, '1');
    scene.remote.hostRefs.set(main, first);
    await scene.sync.request();
    const others = [scene.commit(null, 'x'), scene.commit(null, 'y')];
    for (const other of [...others, ...others]) {
      scene.remote.hostRefs.set(main, other);
      scene.time += 9_000;
      await scene.sync.request();
    }
    expect(await scene.local()).toBe(first);
  });

  test('or went away leaves everything as it is, and says so', async () => {
    const scene = openSyncScene();
    const first = scene.commit(null, '1');
    scene.remote.hostRefs.set(main, first);
    await scene.sync.request();
    scene.remote.hostRefs.delete(main);
    await scene.sync.request();
    expect(await scene.local()).toBe(first);
    expect(scene.codes()).toEqual(['HW_BRANCH_MISSING']);
    scene.remote.hostRefs.set(main, scene.commit(first, '2'));
    await scene.sync.request();
    expect(scene.codes()).toEqual([]);
  });
});

describe('a host that is away', () => {
  test('is one problem that names how old the mirror is, and it goes by itself', async () => {
    const scene = openSyncScene();
    scene.remote.hostRefs.set(main, scene.commit(null, '1'));
    await scene.sync.request();
    const syncedAt = scene.time;
    expect(scene.sync.state).toEqual({ url: scene.remote.url, reachable: true, syncedAt });
    scene.remote.fault = () => 'down';
    for (let i = 0; i < 5; i++) {
      scene.time += 60_000;
      await scene.sync.request();
    }
    expect(scene.sync.state).toEqual({ url: scene.remote.url, reachable: false, syncedAt });
    expect(scene.codes()).toEqual(['HW_UPSTREAM_UNREACHABLE']);
    expect(scene.problems.list()[0]?.message).toContain(`in step until ${new Date(syncedAt).toISOString()}`);
    expect(scene.log.filter((line) => line.includes('needs attention'))).toHaveLength(1);
    scene.remote.fault = () => null;
    await scene.sync.request();
    expect(scene.codes()).toEqual([]);
    expect(scene.sync.state).toMatchObject({ reachable: true, syncedAt: scene.time });
  });

  test('what was known before a restart is known after it', async () => {
    const scene = openSyncScene({ markedAt: 1_600_000_000_000 });
    scene.remote.fault = () => 'refused';
    await scene.sync.request();
    expect(scene.sync.state).toMatchObject({ reachable: false, syncedAt: 1_600_000_000_000 });
    expect(scene.codes()).toEqual(['HW_UPSTREAM_REFUSED']);
  });

  test('the first clone says what is in the way', async () => {
    const scene = openSyncScene();
    scene.remote.fault = () => 'down';
    await expect(scene.sync.first()).rejects.toMatchObject({ code: 'HW_UPSTREAM_UNREACHABLE' });
  });
});

test('whether the host takes pushes is learned when it is first there, and again while it does not', async () => {
  const scene = openSyncScene();
  const probe = vi.spyOn(scene.remote, 'takesPushes');
  scene.remote.fault = () => 'down';
  await scene.sync.request();
  expect([probe.mock.calls.length, scene.sync.takesPushes]).toEqual([0, true]);
  scene.remote.fault = (call) => (call === 'push' ? 'refused' : null);
  await scene.sync.request();
  expect([probe.mock.calls.length, scene.sync.takesPushes]).toEqual([1, false]);
  await scene.sync.request();
  expect(probe.mock.calls.length).toBe(1);
  scene.remote.fault = () => null;
  scene.time += 11 * 60_000;
  await scene.sync.request();
  expect([probe.mock.calls.length, scene.sync.takesPushes]).toEqual([2, true]);
  scene.time += 11 * 60_000;
  await scene.sync.request();
  expect(probe.mock.calls.length).toBe(2);
  expect(scene.log.filter((line) => /takes (no )?pushes/.test(line))).toHaveLength(2);
});

test('a fetch that takes longer than a second tells where it is, once a second', async () => {
  const scene = openSyncScene();
  scene.remote.hostRefs.set(main, scene.commit(null, '1'));
  vi.spyOn(scene.remote, 'fetch').mockImplementation(async (_tips, onProgress) => {
    for (let percent = 0; percent <= 100; percent += 5) {
      scene.time += 200;
      onProgress?.({ phase: 'Receiving objects', percent });
    }
  });
  await scene.sync.request();
  const told = scene.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'fetching');
  expect(told.map(({ percent }) => percent)).toEqual([20, 45, 70, 95]);
  expect(told[0]).toMatchObject({ url: scene.remote.url, phase: 'Receiving objects' });
});

describe('over time', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('the host is asked again and again, less often while it is away, and never after the stop', async () => {
    const scene = openSyncScene({ pollMs: 1_000 });
    const asked = async (ms: number) => {
      const before = scene.remote.calls.length;
      for (let passed = 0; passed < ms; passed += 100) {
        scene.time += 100;
        await vi.advanceTimersByTimeAsync(100);
      }
      return scene.remote.calls.length - before;
    };
    scene.sync.start();
    expect(await asked(12_000)).toBeGreaterThanOrEqual(9);
    scene.remote.fault = () => 'down';
    expect(await asked(600_000)).toBeLessThanOrEqual(22);
    scene.remote.fault = () => null;
    await asked(75_000);
    expect(await asked(12_000)).toBeGreaterThanOrEqual(9);
    await scene.sync.stop();
    expect(await asked(60_000)).toBe(0);
    await scene.sync.request();
    expect(await asked(60_000)).toBe(0);
  });

  test('a host that asks for patience gets it, from webhooks too', async () => {
    const scene = openSyncScene({ pollMs: 1_000 });
    vi.spyOn(scene.remote, 'tips').mockRejectedValueOnce(
      new HeadwaterError('HW_UPSTREAM_UNREACHABLE', {
        message: 'patience',
        details: { retryAfterMs: 30_000 },
      }),
    );
    await scene.sync.request();
    scene.time += 29_000;
    await scene.sync.request();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(scene.remote.calls).toEqual([]);
    scene.time += 5_000;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(scene.remote.calls.length).toBeGreaterThan(0);
    await scene.sync.stop();
  });
});
