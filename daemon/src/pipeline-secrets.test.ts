import { HeadwaterError, parseEnvelope, parsePayload, type SealedSecrets } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { createWorld, settingsFile } from './epochs/testing.ts';
import {
  base,
  bench,
  codesOf,
  onTopic,
  short,
  statementOf,
  storedBy,
  topicOf,
} from './testing/pipeline-bench.ts';

const key = `age1${'q'.repeat(58)}`;
const withSecrets = { ...base, 'services/a/secrets.json': '{"k":"1"}', 'services/a/recipients.txt': key };
const snapshotOf = (one: Awaited<ReturnType<typeof bench>>, service = 'a') =>
  parsePayload(
    'snapshot',
    parseEnvelope(one.publisher.retained.get(topicOf(service, 'snapshot')) as Uint8Array).payload,
  );
const diffOf = (messages: Parameters<typeof onTopic>[0]) =>
  parsePayload('diff', parseEnvelope(onTopic(messages, topicOf('a', 'diff'))).payload);
const rev = expect.stringMatching(/^[0-9a-f]{64}$/);

describe('secrets on their way', () => {
  test('a snapshot carries the bundle, sealed once; a service without secrets is never asked', async () => {
    const world = createWorld();
    const one = await bench(world, world.commit([], withSecrets));
    expect(snapshotOf(one).secrets).toEqual({ rev, recipients: [key], sealed: 'bundle 1' });
    expect(snapshotOf(one, 'b').secrets).toBeNull();
    expect(one.sealed).toEqual(['a']);
  });

  test('a change of config repeats the bundle byte for byte and calls it unchanged in the diff', async () => {
    const world = createWorld();
    const first = world.commit([], withSecrets);
    const one = await bench(world, first);
    one.news();
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect(diffOf(one.news()).secrets).toBe('unchanged');
    expect(snapshotOf(one).secrets).toMatchObject({ sealed: 'bundle 1' });
    expect(one.sealed).toEqual(['a']);
  });

  test('a change of a secrets file, or of the recipients, is a new bundle in snapshot and diff', async () => {
    const world = createWorld();
    const first = world.commit([], withSecrets);
    const one = await bench(world, first);
    const before = snapshotOf(one).secrets;
    one.news();
    const second = world.commit([first], { 'services/a/secrets.dev.json': '{"k":"2"}' });
    await one.to(second);
    const after = snapshotOf(one).secrets;
    expect(after).toEqual({ rev, recipients: [key], sealed: 'bundle 2' });
    expect(after?.rev).not.toBe(before?.rev);
    expect(diffOf(one.news())).toMatchObject({ secrets: after, ops: [] });
    await one.to(
      world.commit([second], { 'services/a/recipients.txt': `${key}\n${key.replace('qq', 'pp')}` }),
    );
    expect(snapshotOf(one).secrets?.sealed).toBe('bundle 3');
  });

  test('after a restart the stored copy brings the bundle along', async () => {
    const world = createWorld();
    const first = world.commit([], withSecrets);
    const one = await bench(world, first);
    await one.pipeline.stop();
    const next = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const again = await bench(world, next, { stored: storedBy(one) });
    expect(again.sealed).toEqual([]);
    expect(snapshotOf(again).secrets?.sealed).toBe('bundle 1');
  });

  test('what another replica sealed is taken over', async () => {
    const world = createWorld();
    const first = world.commit([], withSecrets);
    const other = await bench(world, first);
    await other.pipeline.stop();
    const next = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const one = await bench(world, next, { retained: other.publisher.retained });
    expect(one.sealed).toEqual([]);
    expect(snapshotOf(one)).toMatchObject({ epoch: { commit: next }, secrets: { sealed: 'bundle 1' } });
  });

  test('a bundle that an older version left out is made up for with the next epoch, and told in the diff', async () => {
    const world = createWorld();
    const first = world.commit([], withSecrets);
    const unsealed = {
      seal: async (live: { resolved: { secrets: unknown } }) => ({
        ...(live.resolved.secrets as SealedSecrets),
        sealed: null,
      }),
    };
    const one = await bench(world, first, { sealer: unsealed });
    await one.pipeline.stop();
    const next = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
    const again = await bench(world, next, { stored: storedBy(one) });
    expect(diffOf(again.news()).secrets).toMatchObject({ sealed: 'bundle 1' });
  });

  test('without a recipient there is a revision and nothing sealed', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'services/a/secrets.json': '{"k":"1"}' });
    const one = await bench(world, first);
    expect(snapshotOf(one).secrets).toEqual({ rev, recipients: [], sealed: null });
    await one.to(world.commit([first], { 'services/a/config.json': '{"value":"2"}' }));
    expect(one.sealed).toEqual(['a']);
  });
});

describe('a daemon that cannot open the secrets of an environment', () => {
  const unreadable = new HeadwaterError('HW_SECRET_UNREADABLE', { message: 'no identity', hint: 'Add one.' });
  const closed = { seal: () => Promise.reject(unreadable) };
  const files = {
    ...base,
    'headwater.json': settingsFile(['dev', 'prod']),
    'services/a/secrets.prod.json': '{"k":"1"}',
    'services/a/recipients.txt': key,
  };

  test('stands by for it: nothing of it is published, not even what has no secrets; others go on', async () => {
    const world = createWorld();
    const one = await bench(world, world.commit([], files), { sealer: closed });
    const news = short(one.news());
    expect(news.filter((message) => message.startsWith('prod/'))).toEqual([]);
    expect(news).toContain('dev/epoch: epoch');
    expect(codesOf(one)).toEqual(['HW_SECRET_UNREADABLE']);
  });

  test('renews what it said last, so that services see that somebody watches, and says nothing new', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first, { sealer: closed });
    const before = statementOf(one);
    one.news();
    const next = world.commit([first], {
      'services/a/secrets.json': '{"k":"1"}',
      'services/a/recipients.txt': key,
      'services/b/config.json': '{"value":"2"}',
    });
    await one.to(next);
    expect(short(one.news())).toEqual(['dev/epoch: epoch']);
    expect(statementOf(one)).toMatchObject({ epoch: { commit: first }, status: 'degraded' });
    expect(Date.parse(statementOf(one).issuedAt)).toBeGreaterThan(Date.parse(before.issuedAt));
    expect(codesOf(one)).toEqual(['HW_SECRET_UNREADABLE']);
    one.clock.ms += 30_000;
    await one.pipeline.refreshStatements();
    expect(short(one.news())).toEqual(['dev/epoch: epoch']);
    expect(codesOf(one)).toEqual(['HW_SECRET_UNREADABLE']);
  });

  test('goes on as soon as a commit leaves it nothing to open', async () => {
    const world = createWorld();
    const first = world.commit([], files);
    const one = await bench(world, first, { sealer: closed });
    one.news();
    await one.to(world.commit([first], {}, { remove: ['services/a/secrets.prod.json'] }));
    expect(short(one.news())).toContain('prod/services/a/snapshot: snapshot');
    expect(codesOf(one)).toEqual([]);
  });
});
