import {
  applyPatch,
  digestOf,
  equalBytes,
  openMessage,
  parseEnvelope,
  parsePayload,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { describe, expect, test } from 'vitest';
import { createWorld, schemaFile, settingsFile } from './epochs/testing.ts';
import { createMessageSigner } from './publishing/message-signer.ts';
import type { PublishedService } from './publishing/plan.ts';
import {
  base,
  bench,
  key,
  keyring,
  keyringOf,
  onTopic,
  prefix,
  short,
  signing,
  statementOf,
  topicOf,
} from './testing/pipeline-bench.ts';

describe('what a commit puts on the broker', () => {
  test('first keys, then schemas, snapshots, diffs, and the statement last', async () => {
    const world = createWorld();
    const one = await bench(world, world.commit([], base));
    expect(short(one.news())).toEqual([
      'keys: keys',
      'dev/services/a/schema: schema',
      'dev/services/b/schema: schema',
      'dev/services/a/snapshot: snapshot',
      'dev/services/b/snapshot: snapshot',
      'dev/services/a/diff: snapshot',
      'dev/services/b/diff: snapshot',
      'dev/epoch: epoch',
    ]);
    expect(statementOf(one)).toMatchObject({ status: 'ok', epoch: { era: 1, seq: 1 }, heldTotal: 0 });
  });

  test('a change is one snapshot and one diff that leads to the signed digest', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const before = openMessage(
      one.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array,
      ['snapshot'],
      { deployment: 'tars' },
      keyring,
      nodeCrypto,
    );
    one.news();
    const second = world.commit(
      [first],
      { 'services/a/config.json': '{"value":"2"}' },
      { message: 'Two\n\nHeadwater-Request-Id: req-7\n' },
    );
    await one.to(second);
    const messages = one.news();
    expect(short(messages)).toEqual([
      'dev/services/a/snapshot: snapshot',
      'dev/services/a/diff: diff',
      'dev/epoch: epoch',
    ]);
    const diff = openMessage(
      onTopic(messages, topicOf('a', 'diff')),
      ['diff'],
      { deployment: 'tars', env: 'dev', service: 'a' },
      keyring,
      nodeCrypto,
    ).payload;
    expect(diff).toMatchObject({
      base: { seq: 1, commit: first },
      baseDigest: before.payload.digest,
      epoch: { seq: 2, commit: second },
      requestId: 'req-7',
    });
    const snapshot = openMessage(
      onTopic(messages, topicOf('a', 'snapshot')),
      ['snapshot'],
      { deployment: 'tars' },
      keyring,
      nodeCrypto,
    ).payload;
    expect(applyPatch(before.payload.config, diff.ops)).toEqual(snapshot.config);
    expect(snapshot.digest).toBe(diff.digest);
    await one.pipeline.idle();
    expect(one.saved.get('dev/a')?.epoch.commit).toBe(second);
  });

  test('a bad commit publishes nothing but where it stands and what is held', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    one.news();
    const bad = world.commit([first], { 'services/a/config.json': '{"value":"bad"}' });
    await one.to(bad);
    expect(short(one.news())).toEqual(['dev/epoch: epoch']);
    expect(statementOf(one)).toMatchObject({
      status: 'degraded',
      epoch: { commit: first },
      held: [{ service: 'a', since: bad, code: 'HW_CONFIG_INVALID', pointer: '/value' }],
    });
    expect(one.problems.list()[0]?.hint).toContain(`git revert ${bad.slice(0, 7)}`);
  });

  test('a service that is removed leaves a tombstone on both topics, and comes back with its snapshot', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    one.news();
    const gone = world.commit([first], {}, { remove: ['services/b/config.json', 'schemas/b.schema.json'] });
    await one.to(gone);
    expect(short(one.news())).toEqual([
      'dev/services/b/snapshot: tombstone',
      'dev/services/b/diff: tombstone',
      'dev/epoch: epoch',
    ]);
    const back = world.commit([gone], {
      'services/b/config.json': '{"value":"9"}',
      'schemas/b.schema.json': schemaFile,
    });
    await one.to(back);
    expect(short(one.news())).toEqual([
      'dev/services/b/schema: schema',
      'dev/services/b/snapshot: snapshot',
      'dev/services/b/diff: snapshot',
      'dev/epoch: epoch',
    ]);
  });

  test('an environment that is no longer declared ends with tombstones and a last statement', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'headwater.json': settingsFile(['dev', 'old']) });
    const one = await bench(world, first);
    one.news();
    await one.to(world.commit([first], { 'headwater.json': settingsFile(['dev']) }));
    const messages = one.news().filter(({ topic }) => topic.startsWith(`${prefix}/old/`));
    expect(short(messages).sort()).toEqual([
      'old/epoch: epoch',
      'old/services/a/diff: tombstone',
      'old/services/a/snapshot: tombstone',
      'old/services/b/diff: tombstone',
      'old/services/b/snapshot: tombstone',
    ]);
    expect(
      parsePayload('epoch', parseEnvelope(onTopic(messages, `${prefix}/old/epoch`)).payload).status,
    ).toBe('removed');
  });

  test('a branch that was rewritten or deleted changes nothing and says so', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const one = await bench(world, second);
    one.news();
    for (const [tip, code] of [
      [world.commit([first], { 'services/a/config.json': '{"value":"3"}' }), 'HW_HISTORY_REWRITTEN'],
      [null, 'HW_BRANCH_MISSING'],
    ] as const) {
      await one.to(tip);
      expect(one.problems.list().map((problem) => problem.code)).toContain(code);
      expect(short(one.news()).filter((text) => !text.endsWith(': epoch'))).toEqual([]);
      await one.to(second);
      expect(one.problems.list()).toEqual([]);
    }
  });
});

describe('a broker that fails', () => {
  test('what was committed while it was away is published when it is back', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    one.publisher.disconnect('cable');
    expect(one.problems.list()[0]?.code).toBe('HW_BROKER_UNREACHABLE');
    one.news();
    const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    await one.to(second);
    expect(one.news()).toEqual([]);
    expect(one.saved.get('dev/a')?.epoch.commit).toBe(first);
    one.publisher.reconnect();
    await one.pipeline.idle();
    expect(short(one.news())).toContain('dev/services/a/diff: diff');
    expect(one.saved.get('dev/a')?.epoch.commit).toBe(second);
    expect(one.problems.list()).toEqual([]);
  });

  test('one that lost everything gets the same messages again, byte for byte', async () => {
    const world = createWorld();
    const one = await bench(world, world.commit([], base));
    const before = new Map(one.publisher.retained);
    one.publisher.disconnect();
    one.publisher.reconnect({ empty: true });
    await one.pipeline.idle();
    for (const [topic, payload] of before) {
      if (!topic.endsWith('/epoch'))
        expect(equalBytes(one.publisher.retained.get(topic) as Uint8Array, payload)).toBe(true);
    }
    expect([...one.publisher.retained.keys()].sort()).toEqual([...before.keys()].sort());
  });

  test('a restarted daemon publishes its stored messages, not new ones', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const stored = new Map([
      [
        'dev',
        new Map(['a', 'b'].map((service) => [service, one.saved.get(`dev/${service}`) as PublishedService])),
      ],
    ]);
    const two = await bench(world, first, { stored });
    expect(
      equalBytes(
        two.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array,
        one.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array,
      ),
    ).toBe(true);
  });

  test('a daemon whose branch lies behind what it published stands still', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const one = await bench(world, second);
    const stored = new Map([['dev', new Map([['a', one.saved.get('dev/a') as PublishedService]])]]);
    const two = await bench(world, first, { stored });
    expect(two.problems.list().map((problem) => problem.code)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect(
      equalBytes(
        two.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array,
        stored.get('dev')?.get('a')?.envelope as Uint8Array,
      ),
    ).toBe(true);
  });
});

describe('others on our topics', () => {
  test.each([
    ['an empty message', () => new Uint8Array()],
    ['garbage', () => utf8('{"config":{}}')],
    ['an older message', (old: Uint8Array) => old],
  ])('%s is replaced by the stored one', async (_name, make) => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const old = one.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array;
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    const ours = one.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array;
    one.publisher.receive(topicOf('a', 'snapshot'), make(old), true);
    await one.pipeline.idle();
    expect(equalBytes(one.publisher.retained.get(topicOf('a', 'snapshot')) as Uint8Array, ours)).toBe(true);
  });

  test('nothing is published below a newer verified message of another daemon', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const ahead = await bench(world, second);
    const behind = await bench(world, first, { retained: new Map(ahead.publisher.retained) });
    expect(short(behind.news()).filter((text) => text.includes('/a/'))).toEqual([]);
    expect(statementOf(behind).epoch.commit).toBe(second);
  });

  test('other content at the very same epoch is reported, not fought over, and a new epoch settles it', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const mine = one.saved.get('dev/a') as PublishedService;
    const theirs = createMessageSigner(() => [signing], nodeCrypto).sign({
      ...parsePayload('snapshot', parseEnvelope(mine.envelope).payload),
      config: { texts: ['other'] },
      digest: digestOf({ texts: ['other'] }, nodeCrypto),
    });
    const retained = new Map([...one.publisher.retained, [topicOf('a', 'snapshot'), theirs]]);
    const two = await bench(world, first, { retained });
    expect(two.problems.list().map((problem) => problem.code)).toEqual(['HW_EQUIVOCATION']);
    expect(short(two.news()).filter((text) => text.includes('/a/'))).toEqual([]);
    await two.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect(two.problems.list()).toEqual([]);
  });

  test('keys of another root stop everything', async () => {
    const world = createWorld();
    const retained = new Map([[`${prefix}/keys`, keyringOf(key(9)).envelope]]);
    const one = await bench(world, world.commit([], base), { retained });
    expect(one.news()).toEqual([]);
    expect(one.problems.list().map((problem) => problem.code)).toEqual(['HW_FOREIGN_KEYS']);
  });
});

test('a commit that cannot be read leaves everything as it is, and the engine starts afresh once it can', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const one = await bench(world, first);
  one.news();
  const second = world.commit([first], { 'services/a/config.json': '{"value":"hidden"}' });
  const oid = (await world.git.reader.listFiles(second)).find(
    (file) => file.path === 'services/a/config.json',
  )?.oid as string;
  world.git.forget(oid);
  await one.to(second);
  expect(one.problems.list().map((problem) => problem.code)).toEqual(['HW_OBJECT_MISSING']);
  expect(short(one.news())).toEqual(['dev/epoch: epoch']);
  expect(statementOf(one)).toMatchObject({ status: 'degraded', epoch: { commit: first } });
  const third = world.commit([second], { 'services/a/config.json': '{"value":"3"}' });
  await one.to(third);
  expect(one.problems.list()).toEqual([]);
  expect(short(one.news())).toContain('dev/services/a/diff: diff');
});

test('statements are at most two a second, and the last word is never lost', async () => {
  const world = createWorld();
  let tip = world.commit([], base);
  const one = await bench(world, tip);
  one.clock.ms += 1_000;
  one.news();
  for (let i = 0; i < 5; i++) {
    tip = world.commit([tip], { 'services/a/config.json': `{"value":"v${i}"}` });
    await one.pipeline.onTip(tip); // the clock stands still
  }
  expect(short(one.news()).filter((text) => text === 'dev/epoch: epoch')).toHaveLength(1);
  one.clock.ms += 1_000;
  await one.pipeline.refreshStatements();
  expect(statementOf(one).epoch.commit).toBe(tip);
});

test('whoever listens is told what goes live, what is held, and what heals', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const one = await bench(world, first);
  const heard: unknown[] = [];
  one.events.subscribe(({ event }) => heard.push(event));
  const bad = world.commit([first], { 'services/a/config.json': '{"value":"bad"}' });
  await one.to(bad);
  const good = world.commit([bad], { 'services/a/config.json': '{"value":"2"}' });
  await one.to(good);
  expect(heard).toEqual([
    { type: 'tip', commit: bad },
    { type: 'held', env: 'dev', total: 1 },
    { type: 'tip', commit: good },
    { type: 'epoch', env: 'dev', epoch: { era: 1, seq: 3, commit: good }, services: ['a'] },
    { type: 'held', env: 'dev', total: 0 },
  ]);
});
