import { describe, expect, test } from 'vitest';
import type { EpochEngine } from './epoch-engine.ts';
import { createWorld, schemaFile, settingsFile, summaryOf } from './testing.ts';

const base = {
  'headwater.json': settingsFile(['dev', 'prod']),
  'schemas/a.schema.json': schemaFile,
  'schemas/b.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
  'services/b/config.json': '{"value":"1"}',
};

const live = (engine: EpochEngine, env: string, service: string) =>
  engine.environments.get(env)?.live.get(service);

describe('environment epochs', () => {
  test('the newest commit valid as a whole is the epoch, and a bad one holds everything until it is mended', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const bad = world.commit([first], {
      'services/a/config.json': '{"value":"bad"}',
      'services/b/config.json': '{"value":"2"}',
    });
    const mended = world.commit([bad], { 'services/a/config.json': '{"value":"3"}' });
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(bad);
    const track = engine.environments.get('dev');
    expect(track?.epoch?.commit).toBe(first);
    expect(live(engine, 'dev', 'b')?.epoch.commit).toBe(first);
    expect(track?.held).toMatchObject([
      { service: 'a', since: { commit: bad, seq: 2 }, finding: { code: 'HW_CONFIG_INVALID' } },
    ]);

    await engine.moveTo(mended);
    expect(track?.epoch).toEqual({ commit: mended, seq: 3 });
    expect(track?.held).toEqual([]);
    expect(live(engine, 'dev', 'a')?.epoch).toEqual({ commit: mended, seq: 3 });
    expect(live(engine, 'dev', 'b')?.epoch).toEqual({ commit: bad, seq: 2 });
    expect(track?.recent[0]).toEqual({ commit: mended, seq: 3, services: { a: 3, b: 2 } });
  });

  test('an overlay of one environment leaves the others alone', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], { 'services/a/config.prod.json': '{"value":"bad"}' });
    const engine = world.engine();
    await engine.start(second);
    expect(engine.environments.get('dev')?.epoch?.commit).toBe(second);
    expect(engine.environments.get('prod')?.epoch?.commit).toBe(first);
    expect(live(engine, 'dev', 'a')?.epoch.commit).toBe(first);
  });

  test('nothing is live while nothing was ever valid', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'services/a/config.json': '{"value":"bad"}' });
    const engine = world.engine();
    await engine.start(first);
    expect(engine.environments.get('dev')?.epoch).toBeNull();
    expect(engine.environments.get('dev')?.live.size).toBe(0);
    expect(engine.environments.get('dev')?.held).toHaveLength(1);
  });

  test('a broken headwater.json holds every environment and removes none', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const broken = world.commit([first], { 'headwater.json': '{' });
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(broken);
    for (const env of ['dev', 'prod']) {
      expect(engine.environments.get(env)?.epoch?.commit).toBe(first);
      expect(engine.environments.get(env)?.held[0]).toMatchObject({
        service: '*',
        since: { commit: broken },
      });
      expect(engine.environments.get(env)?.live.size).toBe(2);
    }
  });

  test('an environment that is no longer declared is dropped', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], { 'headwater.json': settingsFile(['dev']) });
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(second);
    expect([...engine.environments.keys()]).toEqual(['dev']);
  });
});

describe('atomicity: service', () => {
  const files = { ...base, 'headwater.json': settingsFile(['dev'], 'service') };

  test('each service waits only for itself', async () => {
    const world = createWorld();
    const first = world.commit([], files);
    const bad = world.commit([first], {
      'services/a/config.json': '{"value":"bad"}',
      'services/b/config.json': '{"value":"2"}',
    });
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(bad);
    expect(engine.environments.get('dev')?.epoch?.commit).toBe(bad);
    expect(live(engine, 'dev', 'b')?.epoch.commit).toBe(bad);
    expect(live(engine, 'dev', 'a')?.epoch.commit).toBe(first);
    expect(engine.environments.get('dev')?.held.map((item) => item.service)).toEqual(['a']);
  });

  test('switching back takes effect at the first commit valid as a whole', async () => {
    const world = createWorld();
    const first = world.commit([], files);
    const bad = world.commit([first], { 'services/a/config.json': '{"value":"bad"}' });
    const back = world.commit([bad], {
      'headwater.json': settingsFile(['dev']),
      'services/b/config.json': '{"value":"2"}',
    });
    const mended = world.commit([back], { 'services/a/config.json': '{"value":"2"}' });
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(back);
    expect(engine.environments.get('dev')?.mode).toBe('service');
    expect(live(engine, 'dev', 'b')?.epoch.commit).toBe(back);
    await engine.moveTo(mended);
    expect(engine.environments.get('dev')?.mode).toBe('environment');
  });
});

describe('the removal guard', () => {
  const many = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`services/s${i}/config.json`, '{"value":"1"}']).concat(
      Array.from({ length: 12 }, (_, i) => [`schemas/s${i}.schema.json`, schemaFile]),
    ),
  );
  const removed = (count: number) =>
    Array.from({ length: count }, (_, i) => [
      `services/s${i}/config.json`,
      `schemas/s${i}.schema.json`,
    ]).flat();

  test('many services that vanish at once are held, and a trailer lets them go', async () => {
    const world = createWorld();
    const first = world.commit([], { 'headwater.json': settingsFile(['dev']), ...many });
    const fewer = world.commit([first], {}, { remove: removed(4) });
    const allowed = world.commit(
      [fewer],
      {},
      { message: 'Retire the old ones\n\nHeadwater-Allow-Removal: 4\n' },
    );
    const engine = world.engine();
    await engine.start(first);
    await engine.moveTo(fewer);
    expect(engine.environments.get('dev')?.epoch?.commit).toBe(first);
    expect(engine.environments.get('dev')?.held[0]?.finding.code).toBe('HW_MASS_REMOVAL');
    await engine.moveTo(allowed);
    expect(engine.environments.get('dev')?.epoch?.commit).toBe(allowed);
    expect(engine.environments.get('dev')?.live.size).toBe(8);

    const fresh = world.engine();
    await fresh.start(allowed);
    expect(summaryOf(fresh)).toEqual(summaryOf(engine));
    const held = world.engine();
    await held.start(fewer);
    expect(held.environments.get('dev')?.epoch?.commit).toBe(first);
  });

  test('three services may go without a word, and a trailer for fewer than vanish does not help', async () => {
    const world = createWorld();
    const first = world.commit([], { 'headwater.json': settingsFile(['dev']), ...many });
    const three = world.commit([first], {}, { remove: removed(3) });
    const tooFew = world.commit(
      [first],
      {},
      { remove: removed(5), message: 'Retire\n\nHeadwater-Allow-Removal: 4' },
    );
    for (const [tip, epoch] of [
      [three, three],
      [tooFew, first],
    ] as const) {
      const engine = world.engine();
      await engine.start(tip);
      expect(engine.environments.get('dev')?.epoch?.commit).toBe(epoch);
    }
  });
});

describe('what is held says which commit to undo', () => {
  test('each reason names the commit that brought it, not the one that began the wait', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const badA = world.commit([first], { 'services/a/config.json': '{"value":"bad"}' });
    const badB = world.commit([badA], {
      'services/a/config.json': '{"value":"2"}',
      'services/b/config.json': '{"value":"bad"}',
    });
    const engine = world.engine();
    await engine.start(badB);
    expect(engine.environments.get('dev')?.held).toMatchObject([{ service: 'b', since: { commit: badB } }]);
  });

  test('a headwater.json that cannot be read is one reason, and not also the loss of every service', async () => {
    const world = createWorld();
    const more = Object.fromEntries(manyServices.map((path) => [path, '{}']));
    const first = world.commit([], { ...base, ...more });
    const broken = world.commit([first], { 'headwater.json': '{' });
    const engine = world.engine();
    await engine.start(broken);
    expect(engine.environments.get('dev')?.held.map(({ finding }) => finding.code)).toEqual([
      'HW_JSON_SYNTAX',
    ]);
  });
});

test('a daemon that starts today lists the same newest commits as one that saw them', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const changed = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  const noted = world.commit([changed], { 'README.md': 'hello' });
  const removed = world.commit([noted], {}, { remove: ['services/b/config.json', 'schemas/b.schema.json'] });
  const engine = world.engine();
  await engine.start(first);
  await engine.moveTo(removed);
  const fresh = world.engine();
  await fresh.start(removed);
  expect(fresh.environments.get('dev')?.recent).toEqual(engine.environments.get('dev')?.recent);
  expect(fresh.environments.get('dev')?.recent).toEqual([
    { commit: removed, seq: 4, services: { b: 4 } },
    { commit: noted, seq: 3, services: {} },
    { commit: changed, seq: 2, services: { a: 2 } },
    { commit: first, seq: 1, services: { a: 1, b: 1 } },
  ]);
});

test('a service moved to another folder is the same service at a new epoch', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const moved = world.commit(
    [first],
    { 'services/group/a/config.json': '{"value":"1"}' },
    { remove: ['services/a/config.json'] },
  );
  const engine = world.engine();
  await engine.start(first);
  const before = live(engine, 'dev', 'a');
  await engine.moveTo(moved);
  expect(live(engine, 'dev', 'a')?.epoch.commit).toBe(moved);
  expect(live(engine, 'dev', 'a')?.resolved.digest).toBe(before?.resolved.digest);
  expect(engine.environments.get('dev')?.gone.size).toBe(0);
});

test('the request id of a service is that of the commit that changed it, in a burst too', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const byRequest = world.commit(
    [first],
    { 'services/a/config.json': '{"value":"2"}' },
    { message: 'Two\r\n\r\nHeadwater-Request-Id: req-7\r\n' },
  );
  const byHand = world.commit(
    [byRequest],
    { 'services/b/config.json': '{"value":"2"}' },
    { message: 'Quotes\n\nHeadwater-Request-Id: req-8\n\nin its text only.' },
  );
  const engine = world.engine();
  await engine.start(first);
  await engine.moveTo(byHand);
  expect(live(engine, 'dev', 'a')?.requestId).toBe('req-7');
  expect(live(engine, 'dev', 'b')?.requestId).toBeUndefined();
});

test('a message of a million trailers is read, not choked on', async () => {
  const world = createWorld();
  const message = `Many\n\n${'Headwater-Allow-Removal: 1\n'.repeat(200_000)}`;
  const engine = world.engine();
  const tip = world.commit([], base, { message });
  await engine.start(tip);
  expect(engine.at?.commit).toBe(tip);
});

test('a branch that went back or aside is a rewrite and changes nothing', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  const aside = world.commit([first], { 'services/a/config.json': '{"value":"3"}' });
  const foxtrot = world.commit([aside, second], {});
  const engine = world.engine();
  await engine.start(second);
  for (const tip of [first, aside, foxtrot]) {
    expect(await engine.moveTo(tip)).toBe('rewritten');
    expect(engine.at?.commit).toBe(second);
  }
});

test('seq is the generation number, not the first-parent distance', async () => {
  const world = createWorld();
  const root = world.commit([], base);
  const side = [root];
  for (let i = 0; i < 4; i++)
    side.push(world.commit([side.at(-1) as string], { 'services/b/config.json': `{"value":"s${i}"}` }));
  const merge = world.commit([root, side.at(-1) as string], { 'services/b/config.json': '{"value":"s3"}' });
  const engine = world.engine();
  await engine.start(root);
  await engine.moveTo(merge);
  expect(engine.at).toEqual({ commit: merge, seq: 6 });
});

const manyServices = Array.from({ length: 5 }, (_, i) => [
  `services/many/m${i}/config.json`,
  `schemas/m${i}.schema.json`,
]).flat();
