import { parseJsonBytes } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { createWorld } from './epochs/testing.ts';
import { type HealthDeps, healthOf, lastWill, lastWord } from './health-reporter.ts';
import { base, bench, prefix } from './testing/pipeline-bench.ts';

async function scene() {
  const world = createWorld();
  const first = world.commit([], base);
  const one = await bench(world, first);
  const deps: HealthDeps = {
    daemonId: 'a1',
    deployment: 'tars',
    branch: 'main',
    brokerKind: 'outside',
    startedAt: '2026-06-01T00:00:00Z',
    clock: one.clock,
    problems: one.problems,
    upstream: null,
  };
  return { world, first, one, deps };
}

test('what waits for a person makes health say no, and its end makes it say yes again', async () => {
  const { world, first, one, deps } = await scene();
  expect(healthOf(deps, one.pipeline)).toMatchObject({ ok: true, problems: [] });
  const bad = world.commit([first], { 'services/a/config.json': '{"value":"bad"}' });
  await one.to(bad);
  expect(healthOf(deps, one.pipeline)).toMatchObject({
    ok: false,
    environments: { dev: { status: 'degraded', heldTotal: 1, epoch: { commit: first } } },
    repo: { tip: bad },
  });
  one.publisher.disconnect('cable');
  expect(healthOf(deps, one.pipeline)).toMatchObject({ ok: false, broker: { connected: false } });
  await one.to(world.commit([bad], { 'services/a/config.json': '{"value":"3"}' }));
  one.publisher.reconnect();
  await one.pipeline.idle();
  expect(healthOf(deps, one.pipeline)).toMatchObject({ ok: true, broker: { connected: true }, problems: [] });
});

test('a daemon that vanished and one that was stopped say which of the two it was', async () => {
  const { one, deps } = await scene();
  for (const [message, text] of [
    [lastWill(deps, prefix), 'gone without a word'],
    [lastWord(deps, one.pipeline, prefix), 'was stopped'],
  ] as const) {
    expect(message.topic).toBe(`${prefix}/daemons/a1/health`);
    expect(parseJsonBytes(message.payload)).toMatchObject({
      ok: false,
      problems: [{ code: 'HW_DAEMON_NOT_RUNNING', message: expect.stringContaining(text) }],
    });
  }
});

test('the host that is mirrored is told with its age, and nothing is told where there is none', async () => {
  const { one, deps } = await scene();
  expect(healthOf(deps, one.pipeline)).not.toHaveProperty('git');
  const upstream = {
    takesPushes: false,
    state: {
      url: 'https://git.example/c.git',
      reachable: false,
      syncedAt: Date.parse('2026-06-01T00:00:00Z'),
    },
    request: async () => {},
  };
  expect(healthOf({ ...deps, upstream }, one.pipeline).git).toEqual({
    upstream: 'https://git.example/c.git',
    reachable: false,
    syncedAt: '2026-06-01T00:00:00.000Z',
    takesPushes: false,
  });
});
