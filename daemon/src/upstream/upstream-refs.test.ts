import { describe, expect, test } from 'vitest';
import { main, openSyncScene, type SyncScene } from './testing.ts';

async function opened(): Promise<{ scene: SyncScene; first: string; next: string }> {
  const scene = openSyncScene();
  const first = scene.commit(null, '1');
  scene.remote.hostRefs.set(main, first);
  await scene.sync.request();
  return { scene, first, next: scene.commit(first, 'ours') };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => error.code,
  );

test('a swap is done at the host and here', async () => {
  const { scene, first, next } = await opened();
  await scene.upstreamRefs.compareAndSwap(main, first, next);
  expect(scene.remote.hostRefs.get(main)).toBe(next);
  expect(await scene.upstreamRefs.read(main)).toBe(next);
  await scene.upstreamRefs.compareAndSwap('refs/headwater/epochs', null, next);
  expect(scene.remote.hostRefs.get('refs/headwater/epochs')).toBe(next);
});

test('the local ref moves only after the host agreed', async () => {
  const { scene, first, next } = await opened();
  scene.remote.before = (call) => {
    if (call === 'push') expect(scene.remote.hostRefs.get(main)).toBe(first);
  };
  const seen: (string | null)[] = [];
  const watcher = scene.git.watcher(main);
  await watcher.start((tip) => seen.push(tip));
  scene.remote.fault = (call) => (call === 'push' ? 'refused' : null);
  expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, first, next))).toBe('HW_UPSTREAM_REFUSED');
  expect(seen).toEqual([first]);
  expect(scene.remote.hostRefs.get(main)).toBe(first);
});

test('who lost against another pusher finds the new tip here', async () => {
  const { scene, first, next } = await opened();
  const theirs = scene.commit(first, 'theirs');
  scene.remote.hostRefs.set(main, theirs);
  const failure = await scene.upstreamRefs.compareAndSwap(main, first, next).catch((error) => error);
  expect(failure).toMatchObject({ code: 'HW_REF_MOVED', details: { actual: theirs } });
  expect(await scene.local()).toBe(theirs);
});

test('a caller who is behind the mirror is told without asking the host', async () => {
  const { scene, first, next } = await opened();
  const calls = scene.remote.calls.length;
  expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, null, next))).toBe('HW_REF_MOVED');
  expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, next, first))).toBe('HW_REF_MOVED');
  expect(scene.remote.calls.length).toBe(calls);
});

test('with the host away nothing is done, nowhere', async () => {
  const { scene, first, next } = await opened();
  scene.remote.fault = () => 'down';
  expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, first, next))).toBe('HW_UPSTREAM_UNREACHABLE');
  expect(await scene.local()).toBe(first);
  // Nothing went out, so nobody has to wait for what became of it.
  expect(scene.remote.calls.at(-1)).toBe('push');
});

describe('a push whose answer was lost', () => {
  test('counts when the host took it', async () => {
    const { scene, first, next } = await opened();
    scene.remote.fault = (call) => (call === 'push' ? 'lose-answer' : null);
    await scene.upstreamRefs.compareAndSwap(main, first, next);
    expect(await scene.local()).toBe(next);
  });

  test('counts when others already went on from it', async () => {
    const { scene, first, next } = await opened();
    const later = scene.commit(next, 'later');
    scene.remote.fault = (call) => (call === 'push' ? 'lose-answer' : null);
    scene.remote.before = (call) => {
      if (call === 'tips' && scene.remote.hostRefs.get(main) === next) scene.remote.hostRefs.set(main, later);
    };
    await scene.upstreamRefs.compareAndSwap(main, first, next);
    expect(await scene.local()).toBe(later);
  });

  test('does not count when the host never got it', async () => {
    const { scene, first, next } = await opened();
    scene.remote.fault = (call) => (call === 'push' ? 'lose-push' : null);
    expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, first, next))).toBe(
      'HW_UPSTREAM_UNREACHABLE',
    );
    expect(await scene.local()).toBe(first);
    scene.remote.fault = () => null;
    await scene.upstreamRefs.compareAndSwap(main, first, next);
    expect(await scene.local()).toBe(next);
  });

  test('does not count when another change got there in its place', async () => {
    const { scene, first, next } = await opened();
    const theirs = scene.commit(first, 'theirs');
    scene.remote.fault = (call) => (call === 'push' ? 'lose-push' : null);
    scene.remote.before = (call) => {
      if (call === 'tips') scene.remote.hostRefs.set(main, theirs);
    };
    expect(await codeOf(scene.upstreamRefs.compareAndSwap(main, first, next))).toBe('HW_REF_MOVED');
    expect(await scene.local()).toBe(theirs);
  });

  test('is reported as unknown when the host is gone, and found by the next look if it was taken', async () => {
    const { scene, first, next } = await opened();
    scene.remote.fault = (call) => (call === 'push' ? 'lose-answer' : 'down');
    const failure = await scene.upstreamRefs.compareAndSwap(main, first, next).catch((error) => error);
    expect(failure).toMatchObject({ code: 'HW_UPSTREAM_UNREACHABLE', details: { commit: next } });
    expect(failure.message).toContain('not known whether it took');
    expect(await scene.local()).toBe(first);
    scene.remote.fault = () => null;
    await scene.sync.request();
    expect(await scene.local()).toBe(next);
  });

  test('waits for a host that is still at work on it', async () => {
    const { scene, first, next } = await opened();
    scene.remote.fault = (call) => (call === 'push' ? 'lose-push' : null);
    let looks = 0;
    scene.remote.before = (call) => {
      if (call === 'tips' && ++looks === 2) scene.remote.hostRefs.set(main, next);
    };
    await scene.upstreamRefs.compareAndSwap(main, first, next);
    expect(await scene.local()).toBe(next);
  });
});

test('a look that began before a push cannot take the branch back after it', async () => {
  const { scene, first, next } = await opened();
  let answer: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const tips = scene.remote.tips.bind(scene.remote);
  let isFirst = true;
  scene.remote.tips = async (refs) => {
    const now = await tips(refs);
    if (isFirst) {
      isFirst = false;
      await held;
    }
    return now;
  };
  const look = scene.sync.request();
  const swap = scene.upstreamRefs.compareAndSwap(main, first, next);
  answer();
  await Promise.all([look, swap]);
  expect(await scene.local()).toBe(next);
  expect(scene.log.join('\n')).not.toContain('moved back');
});

test('of many writers each change arrives once, in one line', async () => {
  const { scene, first } = await opened();
  let taken = 0;
  scene.remote.fault = (call) => (call === 'push' && ++taken % 3 === 0 ? 'lose-answer' : null);
  const write = async (n: number) => {
    for (;;) {
      const tip = await scene.upstreamRefs.read(main);
      try {
        await scene.upstreamRefs.compareAndSwap(main, tip, scene.commit(tip, `${n}`));
        return;
      } catch (error) {
        expect((error as { code: string }).code).toBe('HW_REF_MOVED');
      }
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => write(n)));
  const line: string[] = [];
  for await (const { commit } of scene.git.reader.firstParentLog((await scene.local()) ?? ''))
    line.push(commit.id);
  expect(line).toHaveLength(21);
  expect(line.at(-1)).toBe(first);
  expect(scene.remote.hostRefs.get(main)).toBe(line[0]);
});
