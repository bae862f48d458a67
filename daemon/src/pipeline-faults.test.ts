/** Nothing is lost, nothing is published too early, whatever fails and whoever else publishes. */
import { HeadwaterError, type OpenedMessage, openMessage, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createWorld, schemaFile, settingsFile } from './epochs/testing.ts';
import type { OutgoingMessage } from './ports.ts';
import {
  type Bench,
  base,
  bench,
  codesOf,
  key,
  keyring,
  keyringOf,
  prefix,
  short,
  statementOf,
  storedBy,
  topicOf,
} from './testing/pipeline-bench.ts';

const withoutB = { remove: ['services/b/config.json', 'schemas/b.schema.json'] };
const value = (text: string) => ({ 'services/a/config.json': `{"value":"${text}"}` });

const retainedOf = (one: Bench, service: string): OpenedMessage<'snapshot' | 'tombstone'> =>
  openMessage(
    one.publisher.retained.get(topicOf(service, 'snapshot')) as Uint8Array,
    ['snapshot', 'tombstone'],
    { deployment: 'tars' },
    keyring,
    nodeCrypto,
  );
const placeOf = (one: Bench, service: string) => {
  const { kind, epoch } = retainedOf(one, service).payload;
  return `${kind} ${epoch.seq}`;
};

/** Makes the next publishes on topics that match fail with `error`, as often as `times` says. */
function failOn(one: Bench, pattern: RegExp, error: unknown, times = 1): void {
  const real = one.publisher.publish.bind(one.publisher);
  let left = times;
  one.publisher.publish = async (message: OutgoingMessage) => {
    if (left > 0 && pattern.test(message.topic)) {
      left -= 1;
      throw error;
    }
    await real(message);
  };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('what left while nobody looked', () => {
  test('a service removed while the daemon was down gets its tombstone at the next start', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const gone = world.commit([first], {}, withoutB);
    const later = world.commit([gone], { 'README.md': 'later' });
    const two = await bench(world, later, { stored: storedBy(one), connectFirst: true });
    expect(placeOf(two, 'b')).toBe('tombstone 2');
  });

  test('a restarted daemon says nothing before it knows the tip: what it stored may be older than what clients saw', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const two = await bench(world, world.commit([first], value('2')), {
      stored: storedBy(one),
      connectFirst: true,
    });
    const seqs = two
      .news()
      .filter(({ topic }) => topic === topicOf('a', 'snapshot'))
      .map(({ payload }) => JSON.parse(Buffer.from(payload).toString().split('\n')[1] ?? '').epoch.seq);
    expect(seqs).toEqual([2]);
  });

  test('an environment taken out and back in one burst leaves no service behind', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const away = world.commit([first], { 'headwater.json': settingsFile(['qa']) });
    const less = world.commit([away], {}, withoutB);
    await one.to(world.commit([less], { 'headwater.json': settingsFile(['dev']) }));
    expect(placeOf(one, 'a')).toBe('snapshot 4');
    expect(placeOf(one, 'b')).toBe('tombstone 2');
  });

  test('a service removed by the commit that lets a stuck engine go on gets its tombstone', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const hidden = world.commit([first], value('hidden'));
    const oid = (await world.git.reader.listFiles(hidden)).find(({ path }) =>
      path.includes('/a/config'),
    )?.oid;
    world.git.forget(oid as string);
    await one.to(hidden);
    await one.to(world.commit([hidden], value('3'), withoutB));
    expect(placeOf(one, 'b')).toBe('tombstone 3');
    expect(codesOf(one)).toEqual([]);
  });

  test('what a daemon without its copies finds on the broker and not in the repository is ended', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'headwater.json': settingsFile(['dev', 'old']) });
    const one = await bench(world, first);
    const next = world.commit([first], { 'headwater.json': settingsFile(['dev']) }, withoutB);
    const two = await bench(world, next, { retained: new Map(one.publisher.retained) });
    expect(placeOf(two, 'b')).toBe('tombstone 2');
    const old = openMessage(
      two.publisher.retained.get(`${prefix}/old/epoch`) as Uint8Array,
      ['epoch'],
      { deployment: 'tars', env: 'old' },
      keyring,
      nodeCrypto,
    );
    expect(old.payload.status).toBe('removed');
  });
});

describe('a commit that cannot be read', () => {
  test('holds back itself, not the commits before it in the same burst', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const good = world.commit([first], value('2'));
    const hidden = world.commit([good], { 'services/b/config.json': '{"value":"hidden"}' });
    const oid = (await world.git.reader.listFiles(hidden)).find(({ path }) =>
      path.includes('/b/config'),
    )?.oid;
    world.git.forget(oid as string);
    await one.to(hidden);
    expect(placeOf(one, 'a')).toBe('snapshot 2');
    expect(statementOf(one)).toMatchObject({ status: 'degraded', epoch: { seq: 2 } });
    expect(codesOf(one)).toEqual(['HW_OBJECT_MISSING']);
  });
});

describe('a publish that fails', () => {
  test.each([
    ['a bug', new TypeError('x is undefined'), 'HW_INTERNAL'],
    [
      'a refusal',
      new HeadwaterError('HW_BROKER_REFUSED', { message: 'denied', hint: 'Allow it.' }),
      'HW_BROKER_REFUSED',
    ],
  ])(
    '%s in the middle of an environment is a problem, is done again, and heals',
    async (_name, error, code) => {
      const world = createWorld();
      const first = world.commit([], base);
      const one = await bench(world, first);
      one.news();
      failOn(one, /\/a\/diff$/, error);
      await one.to(world.commit([first], { ...value('2'), 'services/b/config.json': '{"value":"2"}' }));
      expect(codesOf(one)).toEqual([code]);
      expect(short(one.news())).not.toContain('dev/epoch: epoch'); // it would name what did not go out
      one.clock.ms += 1_000;
      await one.pipeline.refreshStatements();
      expect(codesOf(one)).toEqual([]);
      // The diff of `a` may be gone: its snapshot stands, and the statement sends its clients there.
      expect(short(one.news()).slice(-2)).toEqual(['dev/services/b/diff: diff', 'dev/epoch: epoch']);
      expect([placeOf(one, 'a'), placeOf(one, 'b')]).toEqual(['snapshot 2', 'snapshot 2']);
      expect(statementOf(one).recent[0]?.services).toEqual({ a: 2, b: 2 });
    },
  );

  test('one environment that fails does not hold back the others', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'headwater.json': settingsFile(['dev', 'prod']) });
    const one = await bench(world, first);
    one.news();
    failOn(one, /\/dev\/services/, new TypeError('x is undefined'));
    await one.to(world.commit([first], value('2')));
    expect(short(one.news())).toContain('prod/services/a/diff: diff');
  });

  test('a first look at the broker that fails is repeated, and everything goes out then', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    one.publisher.disconnect();
    const real = one.publisher.readRetained.bind(one.publisher);
    one.publisher.readRetained = async () => {
      throw new HeadwaterError('HW_BROKER_REFUSED', { message: 'no marker', hint: 'Allow it.' });
    };
    one.publisher.reconnect({ empty: true });
    await one.pipeline.idle();
    expect(codesOf(one)).toContain('HW_BROKER_REFUSED');
    one.publisher.readRetained = real;
    await one.to(world.commit([first], value('2')));
    expect(placeOf(one, 'a')).toBe('snapshot 2');
    expect(placeOf(one, 'b')).toBe('snapshot 1');
    expect(codesOf(one)).toEqual([]);
  });

  test('a broker lost between snapshot and diff leaves what its clients can fetch', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const lost = new HeadwaterError('HW_BROKER_UNREACHABLE', { message: 'the connection was closed' });
    failOn(one, /\/a\/diff$/, lost);
    await one.to(world.commit([first], value('2')));
    one.publisher.disconnect();
    one.publisher.reconnect();
    one.clock.ms += 1_000;
    await one.pipeline.idle();
    expect(placeOf(one, 'a')).toBe('snapshot 2');
    expect(statementOf(one).recent[0]).toMatchObject({ seq: 2, services: { a: 2 } });
    expect(codesOf(one)).toEqual([]);
    expect(one.saved.get('dev/a')?.epoch.seq).toBe(2);
  });

  test('stop during a publication finishes it and publishes nothing more', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    one.news();
    const running = one.to(world.commit([first], value('2')));
    await one.pipeline.stop();
    await running;
    const published = one.news();
    await one.pipeline.onTip(world.commit([first], value('3')));
    await one.pipeline.refreshStatements();
    expect(short(published)).not.toContain('dev/services/b/snapshot: snapshot');
    expect(one.news()).toEqual([]);
  });
});

describe('the statement', () => {
  test('waits for a publication that runs, although its timer is due', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const second = world.commit([first], value('2'));
    await one.pipeline.onTip(second); // the clock stands still: its statement waits
    one.news();
    let letGo = (): void => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const real = one.publisher.publish.bind(one.publisher);
    one.publisher.publish = async (message) => {
      if (message.topic.includes('/services/')) await gate;
      await real(message);
    };
    const running = one.pipeline.onTip(world.commit([second], value('3')));
    await new Promise((resolve) => setImmediate(resolve));
    one.clock.ms += 1_000;
    vi.advanceTimersByTime(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(one.news()).toEqual([]);
    letGo();
    await running;
    await one.pipeline.idle();
    expect(short(one.news()).at(-1)).toBe('dev/epoch: epoch');
    expect(statementOf(one).epoch.seq).toBe(3);
  });

  test('an older one of ours that comes back is replaced by the newest', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const old = one.publisher.retained.get(`${prefix}/dev/epoch`) as Uint8Array;
    await one.to(world.commit([first], value('2')));
    one.publisher.receive(`${prefix}/dev/epoch`, old, true);
    await one.pipeline.idle();
    expect(statementOf(one).epoch.seq).toBe(2);
  });

  test('is later than any verified one seen, also when another clock runs ahead', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const ahead = await bench(world, first);
    ahead.clock.ms += 3_600_000;
    await ahead.pipeline.refreshStatements();
    const issuedAt = statementOf(ahead).issuedAt;
    const one = await bench(world, first, { retained: new Map(ahead.publisher.retained) });
    expect(Date.parse(statementOf(one).issuedAt)).toBe(Date.parse(issuedAt) + 1);
  });
});

describe('other daemons and strangers', () => {
  test('garbage twice within a second is replaced twice', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const world = createWorld();
    const one = await bench(world, world.commit([], base));
    const topic = topicOf('a', 'snapshot');
    for (let i = 0; i < 2; i++) {
      one.publisher.receive(topic, utf8('garbage'), true);
      await one.pipeline.idle();
    }
    one.clock.ms += 1_000;
    vi.advanceTimersByTime(1_000);
    await one.pipeline.idle();
    expect(placeOf(one, 'a')).toBe('snapshot 1');
  });

  test('a statement of a commit that is not here is another daemon ahead: it is left alone, and followed once the commit comes', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], value('2'));
    const third = world.commit([second], { 'README.md': 'three' });
    const ahead = await bench(world, third);
    const copy = createWorld(); // another clone, to which the same commits come later
    const behind = await bench(copy, copy.commit([], base), {
      retained: new Map(ahead.publisher.retained),
    });
    behind.news();
    await behind.to(copy.commit([first], value('2')));
    expect(behind.news()).toEqual([]);
    expect(codesOf(behind)).toEqual([]); // a moment behind is no problem
    expect(behind.pipeline.historyProblem?.code).toBe('HW_HISTORY_REWRITTEN'); // but nothing is built on it
    await behind.to(copy.commit([second], { 'README.md': 'three' }));
    expect(statementOf(behind).epoch.commit).toBe(third);
    expect(behind.pipeline.historyProblem).toBeNull();
  });

  test('a daemon on another line of history stands still and says so, at once where both lines can be seen', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const theirs = await bench(world, world.commit([first], { 'README.md': 'theirs' }));
    const copy = createWorld();
    copy.commit([], base);
    for (const [clone, codes] of [
      [world, ['HW_HISTORY_REWRITTEN']],
      [copy, []],
    ] as const) {
      let tip = clone.commit([first], { 'README.md': 'ours' });
      const ours = await bench(clone, tip, { retained: new Map(theirs.publisher.retained) });
      ours.news();
      for (let i = 0; i < 3; i++) {
        tip = clone.commit([tip], value(`ours ${i}`));
        await ours.to(tip);
      }
      expect(ours.news()).toEqual([]);
      expect(codesOf(ours)).toEqual(codes);
      ours.clock.ms += 60_000;
      await ours.pipeline.refreshStatements();
      expect(codesOf(ours)).toEqual(['HW_HISTORY_REWRITTEN']);
      // The other daemon is silent for too long: what was live is said again, and nothing else.
      expect(short(ours.news())).toEqual(['dev/epoch: epoch']);
      expect(statementOf(ours)).toMatchObject({
        ...statementOf(theirs),
        issuedAt: expect.anything(),
        expiresAt: expect.anything(),
        status: 'degraded',
      });
    }
  });

  test('foreign keys that go away let the daemon go on', async () => {
    const world = createWorld();
    const one = await bench(world, world.commit([], base));
    one.publisher.disconnect();
    one.publisher.retained.set(`${prefix}/keys`, keyringOf(key(9)).envelope);
    one.publisher.reconnect();
    await one.pipeline.idle();
    expect(codesOf(one)).toContain('HW_FOREIGN_KEYS');
    one.publisher.receive(`${prefix}/keys`, keyring.envelope, true);
    await one.pipeline.idle();
    await one.pipeline.refreshStatements();
    expect(codesOf(one)).toEqual([]);
  });
});

describe('history', () => {
  test('a start on a rewritten branch keeps speaking of what was live', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], value('2'));
    const one = await bench(world, second);
    const beside = world.commit([first], value('3'));
    const two = await bench(world, beside, { stored: storedBy(one), connectFirst: true });
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect(placeOf(two, 'a')).toBe('snapshot 2');
    expect(statementOf(two)).toMatchObject({ status: 'degraded', epoch: { commit: second } });
    await two.to(second);
    expect(codesOf(two)).toEqual([]);
  });

  test('published commits that a merge brings in from the side are not on the line', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const second = world.commit([first], value('2'));
    const one = await bench(world, second);
    const foxtrot = world.commit([world.commit([first], value('3')), second], value('3'));
    const two = await bench(world, foxtrot, { stored: storedBy(one) });
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
  });

  test('a branch that is away for a moment loses nothing', async () => {
    const world = createWorld();
    const first = world.commit([], base);
    const one = await bench(world, first);
    const second = world.commit([first], value('2'));
    one.clock.ms += 1_000;
    await Promise.all([one.pipeline.onTip(null), one.pipeline.onTip(second)]);
    expect(codesOf(one)).toEqual([]);
    expect(placeOf(one, 'a')).toBe('snapshot 2');
  });
});

test('six hundred services at once keep the order: schemas, snapshots, diffs, the statement', async () => {
  const world = createWorld();
  const files: Record<string, string> = { 'headwater.json': settingsFile(['dev']) };
  for (let i = 0; i < 600; i++) {
    files[`schemas/s${i}.schema.json`] = schemaFile;
    files[`services/s${i}/config.json`] = '{"value":"1"}';
  }
  const one = await bench(world, world.commit([], files));
  const kinds = one.news().map((message: OutgoingMessage) => message.topic.split('/').at(-1));
  const runs = kinds.filter((kind, i) => kind !== kinds[i - 1]);
  expect(runs).toEqual(['keys', 'schema', 'snapshot', 'diff', 'epoch']);
  expect(kinds).toHaveLength(1 + 3 * 600 + 1);
});
