/** Rewritten history: what was published stays live, whoever published it and whatever a daemon has forgotten, until somebody accepts. */
import { equalBytes, HeadwaterError, openMessage } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { describe, expect, test } from 'vitest';
import { createWorld, settingsFile } from '../epochs/testing.ts';
import { createFakeLedger } from '../testing/fake-ledger.ts';
import {
  type Bench,
  base,
  bench,
  codesOf,
  keyring,
  prefix,
  short,
  statementOf,
  storedBy,
  topicOf,
} from '../testing/pipeline-bench.ts';

const value = (text: string) => ({ 'services/a/config.json': `{"value":"${text}"}` });
const note = (text: string) => ({ 'README.md': text });

const placeOf = (one: Bench, service: string) => {
  const bytes = one.publisher.retained.get(topicOf(service, 'snapshot')) as Uint8Array;
  const target = { deployment: 'tars' };
  const { kind, epoch } = openMessage(bytes, ['snapshot', 'tombstone'], target, keyring, nodeCrypto).payload;
  return `${kind} ${epoch.era}.${epoch.seq}`;
};

/** first ← second (live, touches no service) and first ← beside: the branch was moved from second to beside. */
function rewrittenWorld() {
  const world = createWorld();
  const first = world.commit([], base);
  const second = world.commit([first], note('second'));
  const beside = world.commit([first], value('beside'));
  return { world, first, second, beside };
}

/** A daemon that published `second` and was stopped. */
async function published(world: ReturnType<typeof createWorld>, tip: string) {
  const ledger = createFakeLedger();
  const one = await bench(world, tip, { ledger });
  await one.pipeline.stop();
  return { ledger, one, retained: new Map(one.publisher.retained), stored: storedBy(one) };
}

describe('a rewritten branch is refused', () => {
  test.each([
    ['after a restart with its own broker', { stored: true, retained: false, ledger: true, embedded: true }],
    [
      'after a restart with an outside broker',
      { stored: true, retained: true, ledger: true, embedded: false },
    ],
    [
      'by a fresh replica that has the broker',
      { stored: false, retained: true, ledger: false, embedded: false },
    ],
    [
      'by a fresh replica that has the ledger',
      { stored: false, retained: false, ledger: true, embedded: true },
    ],
    [
      'by one whose broker is up first',
      { stored: false, retained: true, ledger: false, embedded: false, first: true },
    ],
  ])('%s, also when it touched no service', async (_name, has) => {
    const { world, second, beside } = rewrittenWorld();
    const before = await published(world, second);
    const two = await bench(world, beside, {
      ...(has.stored ? { stored: before.stored } : {}),
      ...(has.retained ? { retained: before.retained } : {}),
      ...(has.ledger ? { ledger: before.ledger } : {}),
      embedded: has.embedded,
      connectFirst: 'first' in has,
    });
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect(two.pipeline.historyProblem?.code).toBe('HW_HISTORY_REWRITTEN');
    expect(two.problems.list()[0]?.hint).toContain(`git update-ref refs/heads/main ${second}`);
    expect(two.problems.list()[0]?.hint).toContain('headwater epoch accept-rewrite');
    expect(two.pipeline.engine?.at?.commit).toBe(second);
    expect(short(two.news()).filter((text) => text.endsWith('diff'))).toEqual([]);
    two.clock.ms += 60_000;
    await two.pipeline.refreshStatements();
    expect(statementOf(two)).toMatchObject({ status: 'degraded', epoch: { era: 1, commit: second } });
    expect(placeOf(two, 'a')).toBe('snapshot 1.1');

    await two.to(second);
    expect(codesOf(two)).toEqual([]);
    expect(two.pipeline.historyProblem).toBeNull();
    expect(statementOf(two)).toMatchObject({ status: 'ok', epoch: { era: 1, commit: second } });
  });

  test('as a whole: an environment that only the new line has is not published either', async () => {
    const { world, first, second } = rewrittenWorld();
    const { retained } = await published(world, second);
    const beside = world.commit([first], { 'headwater.json': settingsFile(['dev', 'qa']) });
    const two = await bench(world, beside, { retained });
    expect(short(two.news()).filter((text) => text.startsWith('qa/'))).toEqual([]);
  });

  test('while the daemon runs, although nothing of it was read before', async () => {
    const { world, second, beside } = rewrittenWorld();
    const one = await bench(world, second, { embedded: true });
    one.news();
    await one.to(world.commit([beside], value('further')));
    expect(codesOf(one)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect(short(one.news())).toEqual(['dev/epoch: epoch']);
  });

  test('before anything is published: what the ledger names is looked up on the broker first', async () => {
    const world = createWorld();
    const old = world.commit([], { ...base, 'headwater.json': settingsFile(['gone']) });
    const before = await published(world, old);
    const later = world.commit([old], note('later'));
    const one = await bench(world, later); // the newest statement of "gone", which the ledger does not have yet
    const other = world.commit([old], { 'headwater.json': settingsFile(['dev']) });
    const two = await bench(world, other, {
      ledger: before.ledger,
      retained: new Map(one.publisher.retained),
    });
    expect(short(two.news()).filter((text) => text.startsWith('dev/'))).toEqual([]);
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
  });

  test('not while it is only behind: another daemon saw the branch move a moment earlier', async () => {
    const { world, first, second } = rewrittenWorld();
    const ahead = await bench(world, first);
    const behind = await bench(world, first, { retained: new Map(ahead.publisher.retained) });
    await ahead.to(second);
    behind.moveBranch(second);
    const topic = `${prefix}/dev/epoch`;
    behind.publisher.receive(topic, ahead.publisher.retained.get(topic) as Uint8Array, true);
    await behind.pipeline.idle();
    expect([codesOf(behind), behind.pipeline.historyProblem]).toEqual([[], null]);
    behind.news();
    await behind.pipeline.refreshStatements();
    expect(behind.news()).toEqual([]); // nor does it say anything older meanwhile
    await behind.to(second);
    expect(codesOf(behind)).toEqual([]);
  });

  test('a branch that only left what nobody ever published is followed', async () => {
    const { world, first, second, beside } = rewrittenWorld();
    const one = await bench(world, first);
    one.publisher.disconnect('cable');
    await one.to(second);
    await one.to(beside);
    one.publisher.reconnect();
    await one.pipeline.idle();
    expect(codesOf(one)).toEqual([]);
    expect(placeOf(one, 'a')).toBe('snapshot 1.2');
  });
});

describe('a published commit that is not in the repository', () => {
  /** A clone that was restored from a backup: it has only the first commit. */
  function restored() {
    const world = createWorld();
    return { world, first: world.commit([], base) };
  }

  test('makes a restored backup be refused at once: this daemon knows that it had more', async () => {
    const { world, second } = rewrittenWorld();
    const before = await published(world, world.commit([second], value('third')));
    const backup = restored();
    const two = await bench(backup.world, backup.first, {
      stored: before.stored,
      ledger: before.ledger,
      embedded: true,
    });
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect(two.problems.list()[0]?.hint).toContain('Bring the commit back');
    expect(two.pipeline.engine).toBeNull(); // what it has is not what is live
    expect(placeOf(two, 'a')).toBe('snapshot 1.3'); // the stored message
    expect(two.publisher.retained.has(`${prefix}/dev/epoch`)).toBe(false); // nobody knows what it said
    two.clock.ms += 60_000;
    await two.pipeline.refreshStatements();
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);

    backup.world.commit([backup.first], note('second'));
    backup.world.commit([backup.first], value('beside'));
    await two.to(backup.world.commit([second], value('third')));
    expect(codesOf(two)).toEqual([]);
    expect(statementOf(two).epoch.seq).toBe(3);
  });

  test('is missed also by a backup whose ledger is as old as its branch: the stored messages know better', async () => {
    const { world, first, second } = rewrittenWorld();
    const older = await published(world, first);
    const before = await published(world, world.commit([second], value('third')));
    const backup = restored();
    const two = await bench(backup.world, backup.first, {
      stored: before.stored,
      ledger: older.ledger,
      embedded: true,
    });
    for (let i = 0; i < 3; i++) {
      expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
      expect(two.publisher.retained.has(`${prefix}/dev/epoch`)).toBe(false);
      two.clock.ms += 60_000;
      await two.pipeline.refreshStatements();
    }
  });

  test('is fetched first, and waited for as long as that takes', async () => {
    const { world, second } = rewrittenWorld();
    const { retained } = await published(world, second);
    const copy = restored();
    const asked: string[] = [];
    let end = (): void => {};
    const fetching = new Promise<void>((resolve) => {
      end = resolve;
    });
    const two = await bench(copy.world, copy.first, {
      retained,
      fetchMissing: async (commit) => {
        asked.push(commit);
        await fetching;
      },
    });
    two.news();
    two.clock.ms += 120_000;
    await two.pipeline.refreshStatements();
    expect([asked, codesOf(two), two.news()]).toEqual([[second], [], []]);
    copy.world.commit([copy.first], note('second')); // it came, and the branch is still where it was
    end();
    await new Promise((resolve) => setImmediate(resolve));
    await two.pipeline.idle();
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
    await two.to(second);
    expect(codesOf(two)).toEqual([]);
  });

  test('is said again by a daemon that may say nothing else, once nobody else does', async () => {
    const { world, second } = rewrittenWorld();
    const { retained, one } = await published(world, second);
    const copy = restored();
    const two = await bench(copy.world, copy.first, { retained });
    two.news();
    for (const [ms, messages] of [
      [31_000, []],
      [10_000, []],
      [10_000, ['dev/epoch: epoch']],
      [30_000, ['dev/epoch: epoch']],
    ] as const) {
      two.clock.ms += ms;
      await two.pipeline.refreshStatements();
      expect(short(two.news())).toEqual(messages);
    }
    const { issuedAt, expiresAt } = statementOf(two);
    expect(statementOf(two)).toEqual({ ...statementOf(one), issuedAt, expiresAt, status: 'degraded' });
  });
});

describe('a branch that is gone', () => {
  test('leaves everything as it is, also over a restart, and is told with the way back', async () => {
    const { world, second } = rewrittenWorld();
    const { stored, ledger } = await published(world, second);
    const two = await bench(world, null, { stored, ledger, embedded: true });
    expect(codesOf(two)).toEqual(['HW_BRANCH_MISSING']);
    expect(two.pipeline.historyProblem?.code).toBe('HW_BRANCH_MISSING');
    expect(two.problems.list()[0]?.hint).toContain(`git update-ref refs/heads/main ${second}`);
    expect(statementOf(two)).toMatchObject({ status: 'degraded', epoch: { commit: second } });
    expect([placeOf(two, 'a'), placeOf(two, 'b')]).toEqual(['snapshot 1.1', 'snapshot 1.1']);
    await two.to(second);
    expect(codesOf(two)).toEqual([]);
  });
});

describe('an accepted rewrite', () => {
  test('starts an era in which every retained message is published anew, without diffs, and clients see a higher epoch', async () => {
    const { world, second, beside } = rewrittenWorld();
    const ledger = createFakeLedger();
    const one = await bench(world, world.commit([second], value('third')), { ledger });
    await one.to(beside);
    const before = new Map(one.publisher.retained);
    one.news();
    one.clock.ms += 1_000;
    const accepted = await one.pipeline.rewrites.accept(beside);
    expect(accepted).toEqual({ era: 2, start: { commit: beside, seq: 2 }, published: ['dev'] });
    expect(short(one.news())).toEqual([
      'dev/services/a/schema: schema',
      'dev/services/b/schema: schema',
      'dev/services/a/snapshot: snapshot',
      'dev/services/b/snapshot: snapshot',
      'dev/services/a/diff: snapshot',
      'dev/services/b/diff: snapshot',
      'dev/epoch: epoch',
    ]);
    expect([placeOf(one, 'a'), placeOf(one, 'b')]).toEqual(['snapshot 2.2', 'snapshot 2.1']);
    expect(statementOf(one)).toMatchObject({ status: 'ok', epoch: { era: 2, seq: 2, commit: beside } });
    expect(codesOf(one)).toEqual([]);
    expect(one.pipeline.historyProblem).toBeNull();
    for (const [topic, bytes] of before)
      if (!topic.endsWith('/keys'))
        expect(equalBytes(one.publisher.retained.get(topic) as Uint8Array, bytes)).toBe(false);
    expect(ledger.entry?.record).toMatchObject({ era: 2, start: { commit: beside } });

    await one.to(world.commit([beside], value('later')));
    expect(placeOf(one, 'a')).toBe('snapshot 2.3');
    expect(short(one.news()).filter((text) => text.endsWith('diff'))).toEqual(['dev/services/a/diff: diff']);
  });

  test('ends what the new history does not have, services and environments, each with the new era', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'headwater.json': settingsFile(['dev', 'old']) });
    const one = await bench(world, first);
    const gone = world.commit([first], {}, { remove: ['services/b/config.json', 'schemas/b.schema.json'] });
    await one.to(gone);
    expect(placeOf(one, 'b')).toBe('tombstone 1.2');
    const other = world.commit([], {
      'headwater.json': settingsFile(['dev']),
      'schemas/c.schema.json': base['schemas/a.schema.json'],
      'services/c/config.json': '{"value":"1"}',
    });
    await one.to(other);
    expect(codesOf(one)).toEqual(['HW_HISTORY_REWRITTEN']);
    expect((await one.pipeline.rewrites.preview()).environments).toMatchObject([
      { env: 'dev', added: { names: ['c'] }, changed: { total: 0 }, removed: { names: ['a'] } },
      { env: 'old', added: { total: 0 }, removed: { names: ['a'] } },
    ]);
    await one.pipeline.rewrites.accept(other);
    // A tombstone of the old era is published anew, too: every mark moves.
    expect(['a', 'b', 'c'].map((service) => placeOf(one, service))).toEqual([
      'tombstone 2.1',
      'tombstone 2.1',
      'snapshot 2.1',
    ]);
    const old = openMessage(
      one.publisher.retained.get(`${prefix}/old/epoch`) as Uint8Array,
      ['epoch'],
      { deployment: 'tars', env: 'old' },
      keyring,
      nodeCrypto,
    ).payload;
    expect(old).toMatchObject({ status: 'removed', epoch: { era: 2, commit: other } });
  });

  test('also says anew what had ended before: an environment that is long gone', async () => {
    const world = createWorld();
    const first = world.commit([], { ...base, 'headwater.json': settingsFile(['dev', 'old']) });
    const one = await bench(world, first);
    const second = world.commit([first], { 'headwater.json': settingsFile(['dev']) });
    await one.to(second);
    await one.to(world.commit([second], note('third')));
    const beside = world.commit([second], value('beside'));
    await one.to(beside);
    one.news();
    one.clock.ms += 1_000;
    await one.pipeline.rewrites.accept(beside);
    expect(
      short(one.news())
        .filter((text) => text.startsWith('old/'))
        .sort(),
    ).toEqual([
      'old/epoch: epoch',
      'old/services/a/diff: tombstone',
      'old/services/a/snapshot: tombstone',
      'old/services/b/diff: tombstone',
      'old/services/b/snapshot: tombstone',
    ]);
  });

  test('is also the way out of a ledger that cannot be believed, and then everything is published anew on the same line', async () => {
    const { world, second } = rewrittenWorld();
    const ledger = createFakeLedger();
    ledger.entry = {
      id: 'theirs',
      isFresh: true,
      record: { deployment: 'tars', era: 9, start: { commit: second, seq: 2 }, published: new Map() },
    };
    ledger.failure = new HeadwaterError('HW_LEDGER_FOREIGN', {
      message: 'not ours',
      details: { id: 'theirs' },
    });
    const one = await bench(world, second, { ledger });
    expect([codesOf(one), one.pipeline.era]).toEqual([['HW_LEDGER_FOREIGN'], 1]);
    expect(placeOf(one, 'a')).toBe('snapshot 1.1'); // it is no reason to be silent
    const preview = await one.pipeline.rewrites.preview();
    expect(preview).toMatchObject({
      lost: { total: 0 },
      environments: [],
      refused: { code: 'HW_LEDGER_FOREIGN' },
    });
    one.clock.ms += 1_000;
    expect((await one.pipeline.rewrites.accept(second)).era).toBe(2);
    expect(codesOf(one)).toEqual([]);
    expect([placeOf(one, 'a'), placeOf(one, 'b')]).toEqual(['snapshot 2.1', 'snapshot 2.1']);
    expect(statementOf(one).epoch).toEqual({ era: 2, seq: 2, commit: second });
  });

  test('shows before what it would lose: commits that are live and not in the new history, newest first', async () => {
    const { world, first, beside } = rewrittenWorld();
    let tip = first;
    const commits: string[] = [];
    for (let i = 1; i <= 12; i++) {
      tip = world.commit([tip], note(`${i}`), { message: `Change ${i}\n\nwith a reason\n` });
      commits.push(tip);
    }
    const one = await bench(world, tip);
    await one.to(beside);
    const preview = await one.pipeline.rewrites.preview();
    expect(preview).toMatchObject({
      branch: 'main',
      era: 1,
      nextEra: 2,
      tip: { commit: beside, seq: 2 },
      live: { commit: tip, seq: 13 },
      refused: { code: 'HW_HISTORY_REWRITTEN' },
      lost: { total: 12 },
      environments: [{ env: 'dev', neverValid: false, changed: { total: 1, names: ['a'] } }],
    });
    expect(preview.lost.commits.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 10 }, (_, i) => `Change ${12 - i}`),
    );
    expect(preview.lost.commits[0]).toMatchObject({ commit: tip, author: 'Tess Tér' });
    expect(one.pipeline.rewrites.state()).toMatchObject({
      era: 1,
      ledger: 'shared',
      refused: { code: 'HW_HISTORY_REWRITTEN' },
    });
  });

  test('is of the tip that was looked at, and only where something is refused', async () => {
    const { world, second, beside } = rewrittenWorld();
    const one = await bench(world, second);
    await expect(one.pipeline.rewrites.preview()).rejects.toMatchObject({ code: 'HW_NO_REWRITE' });
    await expect(one.pipeline.rewrites.accept(second)).rejects.toMatchObject({ code: 'HW_NO_REWRITE' });
    await one.to(beside);
    await expect(one.pipeline.rewrites.accept(second)).rejects.toMatchObject({ code: 'HW_REF_MOVED' });
    await one.to(null);
    await expect(one.pipeline.rewrites.accept(beside)).rejects.toMatchObject({ code: 'HW_BRANCH_MISSING' });
    await one.to(beside);
    expect((await one.pipeline.rewrites.accept(beside)).era).toBe(2);
    await expect(one.pipeline.rewrites.accept(beside)).rejects.toMatchObject({ code: 'HW_NO_REWRITE' });
  });

  test('counts only once the ledger has it; until then everything stays refused', async () => {
    const { world, second, beside } = rewrittenWorld();
    const ledger = createFakeLedger();
    const one = await bench(world, second, { ledger });
    await one.to(beside);
    ledger.failure = new Error('the disk is full');
    await expect(one.pipeline.rewrites.accept(beside)).rejects.toThrow('the disk is full');
    expect(one.pipeline.era).toBe(1);
    expect(codesOf(one)).toContain('HW_HISTORY_REWRITTEN');
    ledger.failure = null;
    expect((await one.pipeline.rewrites.accept(beside)).era).toBe(2);
    expect(codesOf(one)).toEqual([]);
  });

  test('is finished after a crash in the middle: what was not published yet is published in the era that was begun', async () => {
    const { world, second, beside } = rewrittenWorld();
    const before = await published(world, second);
    before.ledger.entry = {
      id: 'begun',
      isFresh: true,
      record: { deployment: 'tars', era: 2, start: { commit: beside, seq: 2 }, published: new Map() },
    };
    const two = await bench(world, beside, {
      stored: before.stored,
      retained: before.retained,
      ledger: before.ledger,
    });
    expect(codesOf(two)).toEqual([]);
    expect([placeOf(two, 'a'), placeOf(two, 'b')]).toEqual(['snapshot 2.2', 'snapshot 2.1']);
    expect(statementOf(two).epoch).toEqual({ era: 2, seq: 2, commit: beside });
  });

  test('an environment in which nothing is valid keeps what is live, and says so before', async () => {
    const { world, second } = rewrittenWorld();
    const other = world.commit([], { ...base, ...value('bad') });
    const one = await bench(world, second);
    await one.to(other);
    expect((await one.pipeline.rewrites.preview()).environments).toMatchObject([
      { env: 'dev', neverValid: true },
    ]);
    await one.pipeline.rewrites.accept(other);
    expect(placeOf(one, 'a')).toBe('snapshot 1.1');
    expect(codesOf(one)).toEqual(['HW_NEVER_VALID']);
    await one.to(world.commit([other], value('good')));
    expect(placeOf(one, 'a')).toBe('snapshot 2.2');
  });
});

describe('an era that another daemon began', () => {
  test('is taken over from the ledger, with a broker of its own', async () => {
    const { world, second, beside } = rewrittenWorld();
    const ledger = createFakeLedger();
    const one = await bench(world, second, { ledger, embedded: true });
    const two = await bench(world, second, { ledger, embedded: true });
    await one.to(beside);
    await two.to(beside);
    expect(codesOf(two)).toEqual(['HW_HISTORY_REWRITTEN']);
    one.clock.ms += 1_000;
    await one.pipeline.rewrites.accept(beside);
    two.clock.ms += 1_000;
    await two.pipeline.onLedger();
    expect([two.pipeline.era, codesOf(two)]).toEqual([2, []]);
    expect([placeOf(two, 'a'), placeOf(two, 'b')]).toEqual(['snapshot 2.2', 'snapshot 2.1']);
    expect(statementOf(two).epoch).toEqual(statementOf(one).epoch);
  });

  test('is taken over from a verified statement when the ledger cannot be shared, and written down here', async () => {
    const { world, second, beside } = rewrittenWorld();
    const one = await bench(world, second);
    const mine = createFakeLedger();
    const two = await bench(world, second, { retained: new Map(one.publisher.retained), ledger: mine });
    await one.to(beside);
    await two.to(beside);
    one.clock.ms += 1_000;
    await one.pipeline.rewrites.accept(beside);
    for (const [topic, bytes] of one.publisher.retained) two.publisher.receive(topic, bytes, true);
    await two.pipeline.idle();
    two.clock.ms += 1_000;
    await two.pipeline.refreshStatements();
    expect([two.pipeline.era, codesOf(two)]).toEqual([2, []]);
    expect([placeOf(two, 'a'), placeOf(two, 'b')]).toEqual(['snapshot 2.2', 'snapshot 2.1']);
    expect(statementOf(two).epoch).toEqual(statementOf(one).epoch);
    await two.pipeline.stop();
    expect(mine.entry?.record).toMatchObject({
      era: 2,
      published: new Map([['dev', { commit: beside, seq: 2 }]]),
    });
  });

  test('is never left again: a ledger or a broker of an earlier era changes nothing', async () => {
    const { world, second, beside } = rewrittenWorld();
    const ledger = createFakeLedger();
    const one = await bench(world, second, { ledger });
    const old = new Map(one.publisher.retained);
    await one.to(beside);
    one.clock.ms += 1_000;
    await one.pipeline.rewrites.accept(beside);
    const newer = new Map(one.publisher.retained);
    ledger.entry = {
      id: 'old',
      isFresh: true,
      record: { deployment: 'tars', era: 1, start: { commit: second, seq: 2 }, published: new Map() },
    };
    await one.pipeline.onLedger();
    for (const [topic, bytes] of old) if (!topic.endsWith('keys')) one.publisher.receive(topic, bytes, true);
    await one.pipeline.idle();
    expect(one.pipeline.era).toBe(2);
    for (const topic of [topicOf('a', 'snapshot'), `${prefix}/dev/epoch`])
      expect(
        equalBytes(one.publisher.retained.get(topic) as Uint8Array, newer.get(topic) as Uint8Array),
      ).toBe(true);
    await one.pipeline.stop();
    expect(ledger.entry?.record.era).toBe(2);
  });

  test('a daemon behind it says nothing of the old one, not even where its topics are empty', async () => {
    const { world, second, beside } = rewrittenWorld();
    const one = await bench(world, second);
    await one.to(beside);
    one.clock.ms += 1_000;
    await one.pipeline.rewrites.accept(beside);
    const copy = createWorld(); // a clone that was not fetched since
    const first = copy.commit([], base);
    copy.commit([first], note('second'));
    const statement = `${prefix}/dev/epoch`;
    const retained = new Map([[statement, one.publisher.retained.get(statement) as Uint8Array]]);
    const two = await bench(copy, second, { retained });
    expect(short(two.news())).toEqual(['keys: keys']);
    expect(two.pipeline.era).toBe(2);
  });
});
