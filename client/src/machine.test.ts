import { beforeEach, describe, expect, test } from 'vitest';
import type { Effect } from './machine-state.ts';
import { MachineWorld, target } from './test-support/machine-world.ts';
import { newKey } from './testing/message-maker.ts';
import { serviceMark } from './trust.ts';

let world: MachineWorld;
beforeEach(() => {
  world = new MachineWorld();
});

const at = (seq: number, config: object) => ({ epoch: world.maker.epoch(seq), config: config as never });
const fetchDelay = (effects: readonly Effect[]) =>
  effects
    .flatMap((effect) => (effect.type === 'timer' && effect.name === 'fetch' ? [effect.delayMs] : []))
    .at(-1);

/** A client that is live at #1 and has settled its statement. */
function goLive(): void {
  world.publish(1, { a: 1 });
  world.connect();
  expect(world.state.status).toEqual({ state: 'live', reason: null });
}

describe('subscriptions', () => {
  test('keys come first, the snapshot is read at once at process start and left afterwards', () => {
    world.publish(1, { a: 1 });
    world.connect();
    const topics = world.effects.flatMap((effect) => (effect.type === 'subscribe' ? effect.topics : []));
    expect(topics).toEqual(['keys', 'epoch', 'schema', 'diff', 'snapshot']);
    expect([...world.subscribed]).toEqual(['keys', 'epoch', 'schema', 'diff']);
    expect(world.count('fetches')).toBe(0);
  });

  test('a reconnect with nothing missed reads no snapshot', () => {
    goLive();
    world.disconnect();
    world.connect();
    world.wait(40_000);
    expect(world.subscribed).not.toContain('snapshot');
  });

  test('a change missed while disconnected is fetched within two seconds of the reconnect', () => {
    goLive();
    world.disconnect();
    world.publish(2, { a: 2 }, at(1, { a: 1 }));
    world.connect();
    expect(world.config).toEqual({ a: 1 });
    world.wait(2_000);
    expect(world.config).toEqual({ a: 2 });
  });
});

describe('gaps', () => {
  test('a diff that does not continue what is held waits for the snapshot, and the diffs after it too', () => {
    goLive();
    world.retained.set('snapshot', world.maker.snapshot(world.maker.epoch(3), { a: 3 }));
    const effects = world.deliver('diff', world.maker.diff(at(2, { a: 2 }), world.maker.epoch(3), { a: 3 }));
    expect(fetchDelay(effects)).toBe(1_000);
    world.deliver('diff', world.maker.diff(at(3, { a: 3 }), world.maker.epoch(4), { a: 4 }));
    expect(world.config).toEqual({ a: 1 });
    world.wait(1_000);
    expect(world.config).toEqual({ a: 4 });
    expect(world.subscribed).not.toContain('snapshot');
    expect(world.refusals).toEqual([]);
  });

  test('without the snapshot the client says it is behind after ten seconds, and asks again more and more rarely', () => {
    goLive();
    world.retained.delete('snapshot');
    world.deliver('diff', world.maker.diff(at(2, { a: 2 }), world.maker.epoch(3), { a: 3 }));
    world.wait(1_000 + 9_999);
    expect(world.state.status.state).toBe('live');
    world.wait(1);
    expect(world.state.status).toEqual({ state: 'stale', reason: 'behind' });
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      const due = world.timers.get('fetch') as number;
      delays.push(due - world.now);
      world.wait(due - world.now);
    }
    expect(delays).toEqual([15_000, 30_000, 45_000, 45_000, 45_000]);
    world.send('snapshot', world.maker.snapshot(world.maker.epoch(3), { a: 3 }), true);
    expect(world.config).toEqual({ a: 3 });
    expect(world.state.isBehind).toBe(false);
  });

  test('a result with another digest than the signed one is refused and healed by the snapshot', () => {
    goLive();
    const lying = { epoch: world.maker.epoch(1), config: { a: 1 } };
    const good = world.maker.diff(lying, world.maker.epoch(2), { a: 2 });
    const text = Buffer.from(good).toString();
    const payload = JSON.parse(text.slice(text.indexOf('\n') + 1));
    payload.ops = [{ op: 'replace', path: '/a', value: 7 }];
    world.deliver('diff', world.maker.sign('diff', payload));
    expect(world.refusals).toEqual(['HW_DIGEST_MISMATCH']);
    expect(world.config).toEqual({ a: 1 });
    world.retained.set('snapshot', world.maker.snapshot(world.maker.epoch(2), { a: 2 }));
    world.wait(2_000);
    expect(world.config).toEqual({ a: 2 });
  });
});

describe('epoch statements', () => {
  const statement = (seq: number, services: Record<string, number> | '*', ...older: readonly number[]) =>
    world.maker.statement(world.maker.epoch(seq), [
      { seq, commit: world.maker.epoch(seq).commit, services },
      ...older.map((one) => ({ seq: one, commit: world.maker.epoch(one).commit, services: {} })),
    ]);

  test('one that names the service above its mark is fetched until that epoch came, not an older one', () => {
    goLive();
    world.deliver('epoch', statement(3, { [target.service]: 3 }, 1));
    world.wait(2_000);
    expect(world.state.fetch?.subscribed).toBe(true);
    world.send('snapshot', world.maker.snapshot(world.maker.epoch(2), { a: 2 }), true);
    expect(world.state.fetch).not.toBeNull();
    world.send('snapshot', world.maker.snapshot(world.maker.epoch(3), { a: 3 }), true);
    expect(world.state.fetch).toBeNull();
    expect(world.config).toEqual({ a: 3 });
  });

  test('one that names other services settles without a fetch', () => {
    goLive();
    world.deliver('epoch', statement(2, { camera: 2 }, 1));
    expect(world.state.fetch).toBeNull();
    expect(world.state.marks.settled?.seq).toBe(2);
  });

  test('"*" makes a connected client look once, spread over thirty seconds; any verified snapshot settles it', () => {
    goLive();
    world.luck = 0.9;
    const effects = world.deliver('epoch', statement(2, '*', 1));
    expect(fetchDelay(effects)).toBe(27_000);
    world.wait(27_000);
    expect(world.state.fetch).toBeNull();
    expect(world.state.marks.settled?.seq).toBe(2);
    world.deliver('epoch', statement(2, '*', 1));
    expect(world.state.fetch).toBeNull();
    expect(world.count('fetches')).toBe(1);
  });

  test('a snapshot that comes while it waits to look does not settle it: only one after subscribing does', () => {
    goLive();
    world.deliver('epoch', statement(3, '*', 1));
    world.deliver('diff', world.maker.snapshot(world.maker.epoch(2), { a: 2 }));
    expect(world.state.marks.settled?.seq).toBe(1);
    world.retained.set('snapshot', world.maker.snapshot(world.maker.epoch(3), { a: 3 }));
    world.wait(30_000);
    expect(world.config).toEqual({ a: 3 });
    expect(world.state.marks.settled?.seq).toBe(3);
  });

  test('a window that does not reach back to what was settled makes it look', () => {
    goLive();
    world.deliver('epoch', statement(9, { camera: 9 }, 8, 7));
    expect(world.state.fetch).not.toBeNull();
    world.wait(30_000);
    expect(world.state.fetch).toBeNull();
  });

  test('a new era is fetched until a snapshot of that era came', () => {
    goLive();
    const epoch = world.maker.epoch(1, 2);
    world.deliver('epoch', world.maker.statement(epoch, []));
    world.wait(30_000);
    expect(world.state.fetch?.subscribed).toBe(true);
    world.send('snapshot', world.maker.snapshot(epoch, { a: 9 }), true);
    expect(world.state.fetch).toBeNull();
    expect(world.state.held?.epoch.era).toBe(2);
  });

  test('an older one is a rollback, another commit at its place equivocation', () => {
    goLive();
    world.deliver('epoch', statement(3, {}, 1));
    world.deliver('epoch', statement(2, {}, 1));
    world.deliver('epoch', world.maker.statement({ ...world.maker.epoch(3), commit: 'f'.repeat(40) }));
    expect(world.refusals).toEqual(['HW_ROLLBACK', 'HW_EQUIVOCATION']);
  });
});

describe('freshness', () => {
  test('without a newer statement for ninety seconds the client is stale, and a newer one makes it live again', () => {
    goLive();
    world.wait(89_999);
    expect(world.state.status.state).toBe('live');
    world.wait(1);
    expect(world.state.status).toEqual({ state: 'stale', reason: 'no-statement' });
    world.deliver('epoch', world.maker.statement(world.maker.epoch(1), world.recent(1)));
    expect(world.state.status.state).toBe('live');
  });

  test('a replayed statement does not pretend that the daemon is there', () => {
    goLive();
    const old = world.retained.get('epoch') as Uint8Array;
    world.wait(60_000);
    world.deliver('epoch', old);
    world.wait(30_000);
    expect(world.state.status.reason).toBe('no-statement');
  });

  test('an issue time far from the local clock changes nothing', () => {
    goLive();
    world.deliver(
      'epoch',
      world.maker.statement(world.maker.epoch(1), world.recent(1), { issuedAt: '2099-01-01T00:00:00Z' }),
    );
    expect(world.state.status.state).toBe('live');
  });
});

describe('keys', () => {
  test('messages of a signer that is not known yet are kept, and judged when the key list moves', () => {
    world = new MachineWorld({}, false);
    world.retained.set('snapshot', world.maker.snapshot(world.maker.epoch(1), { a: 1 }));
    world.retained.set('epoch', world.maker.statement(world.maker.epoch(1), world.recent(1)));
    world.connect();
    expect(world.state.held).toBeNull();
    world.deliver('keys', world.maker.keys());
    expect(world.config).toEqual({ a: 1 });
    expect(world.state.status.state).toBe('live');
    expect(world.refusals).toEqual([]);
  });

  test('a key list of no trusted root, and an older one, are refused', () => {
    goLive();
    world.deliver('keys', world.maker.keys(3));
    world.deliver('keys', world.maker.keys(2));
    world.deliver('keys', new MachineWorld().maker.keys(9));
    expect(world.refusals).toEqual(['HW_ROLLBACK', 'HW_SIGNER_UNKNOWN']);
    expect(world.state.marks.keysVersion).toBe(3);
  });

  test('a stolen key that ran ahead is undone by revoking it', () => {
    goLive();
    const thief = newKey();
    const both = [world.maker.signer(), world.maker.signer(thief)];
    world.deliver('keys', world.maker.keys(2, both));
    const far = { era: 1, seq: Number.MAX_SAFE_INTEGER, commit: 'e'.repeat(40) };
    world.deliver('diff', world.maker.snapshot(far, { a: 666 }, { by: [thief] }));
    const statementOfThief = { ...JSON.parse(payloadText(world.maker.statement(far))) };
    world.deliver('epoch', world.maker.sign('epoch', statementOfThief, [thief]));
    expect(world.config).toEqual({ a: 666 });

    const revoked = { revoked: '2026-02-01T00:00:00Z' };
    world.deliver('keys', world.maker.keys(3, [world.maker.signer(), world.maker.signer(thief, revoked)]));
    expect(world.config).toEqual({ a: 666 });
    expect(world.state.status.reason).toBe('signer-revoked');
    world.wait(2_000);
    expect(world.config).toEqual({ a: 1 });
    expect(world.state.held?.epoch.seq).toBe(1);

    world.publish(2, { a: 2 }, at(1, { a: 1 }));
    expect(world.config).toEqual({ a: 2 });
    world.deliver('diff', world.maker.snapshot({ ...far, seq: 99 }, { a: 1 }, { by: [thief] }));
    expect(world.refusals).toEqual(['HW_SIGNER_REVOKED']);
    expect(world.state.status).toEqual({ state: 'live', reason: null });
  });

  test('what a revoked key claimed is forgotten: nobody waits for an epoch that only a thief named', () => {
    goLive();
    const thief = newKey();
    world.deliver('keys', world.maker.keys(2, [world.maker.signer(), world.maker.signer(thief)]));
    const far = { era: 1, seq: 10_000, commit: 'e'.repeat(40) };
    const claim = world.maker.statement(far, [
      { seq: far.seq, commit: far.commit, services: { [target.service]: far.seq } },
    ]);
    world.deliver('epoch', world.maker.sign('epoch', JSON.parse(payloadText(claim)), [thief]));
    world.wait(20_000);
    expect(world.state.status.reason).toBe('behind');
    const revoked = { revoked: '2026-02-01T00:00:00Z' };
    world.deliver('keys', world.maker.keys(3, [world.maker.signer(), world.maker.signer(thief, revoked)]));
    world.deliver('epoch', world.maker.statement(world.maker.epoch(1), world.recent(1)));
    world.wait(60_000);
    expect(world.state.status).toEqual({ state: 'live', reason: null });
    expect(world.state.fetch).toBeNull();
  });

  test('a document that only a revoked key signed is replaced by an equal one under a good key', () => {
    goLive();
    const fresh = newKey();
    const revoked = { revoked: '2026-02-01T00:00:00Z' };
    world.deliver(
      'keys',
      world.maker.keys(2, [world.maker.signer(world.maker.key, revoked), world.maker.signer(fresh)]),
    );
    const effects = world.deliver(
      'diff',
      world.maker.snapshot(world.maker.epoch(1), { a: 1 }, { by: [fresh] }),
    );
    expect(effects.map((effect) => effect.type)).toContain('applied');
    expect(world.state.held?.signers).toHaveLength(1);
    expect(world.state.status.reason).toBeNull();
  });
});

const payloadText = (bytes: Uint8Array) => {
  const text = Buffer.from(bytes).toString();
  return text.slice(text.indexOf('\n') + 1);
};

describe('the own schema', () => {
  beforeEach(() => {
    world.check = (config) => (config.a === 13 ? '/a: expected another number' : null);
    goLive();
  });

  test('a refused config leaves the one in force, is reported once, and is not fetched again', () => {
    world.publish(2, { a: 13 }, at(1, { a: 1 }));
    expect(world.config).toEqual({ a: 1 });
    expect(world.state.status).toEqual({ state: 'rejected', reason: 'HW_CONFIG_REJECTED' });
    world.deliver('snapshot', world.retained.get('snapshot') as Uint8Array);
    world.wait(80_000);
    expect(world.refusals).toEqual(['HW_CONFIG_REJECTED']);
    expect(world.count('fetches')).toBe(0);
    expect(serviceMark(world.state.marks, world.state.keyring)?.epoch.seq).toBe(1);
  });

  test('the next config that fits is taken although its diff builds on the refused one', () => {
    world.publish(2, { a: 13 }, at(1, { a: 1 }));
    world.publish(3, { a: 3 }, at(2, { a: 13 }));
    world.wait(2_000);
    expect(world.config).toEqual({ a: 3 });
    expect(world.state.status.state).toBe('live');
  });
});

describe('removal', () => {
  test('a tombstone keeps the config and says removed; a newer snapshot revives, an old one does not', () => {
    goLive();
    const snapshot = world.retained.get('snapshot') as Uint8Array;
    world.deliver('diff', world.maker.tombstone(world.maker.epoch(2)));
    expect(world.state.status.state).toBe('removed');
    expect(world.config).toEqual({ a: 1 });
    world.deliver('snapshot', snapshot);
    expect(world.refusals).toEqual(['HW_ROLLBACK']);
    world.deliver('diff', world.maker.snapshot(world.maker.epoch(3), { a: 1 }));
    expect(world.state.status.state).toBe('live');
  });
});

describe('schema messages', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  test('one is used when the document that names it comes, before or after it', () => {
    goLive();
    const document = { type: 'object' };
    world.deliver('schema', world.maker.schema(world.maker.epoch(2), digest, document));
    expect(world.state.schema).toBeNull();
    world.deliver('diff', world.maker.snapshot(world.maker.epoch(2), { a: 2 }, { schema: digest }));
    expect(world.state.schema?.document).toEqual(document);
  });

  test('a missing one never delays config', () => {
    goLive();
    world.deliver('diff', world.maker.snapshot(world.maker.epoch(2), { a: 2 }, { schema: digest }));
    expect(world.config).toEqual({ a: 2 });
    world.deliver('schema', world.maker.schema(world.maker.epoch(2), digest, {}));
    expect(world.state.schema?.digest).toBe(digest);
  });
});

test('an empty message on any topic changes nothing and is reported', () => {
  goLive();
  for (const topic of ['keys', 'epoch', 'schema', 'diff', 'snapshot'] as const)
    world.deliver(topic, new Uint8Array());
  expect(world.refusals).toEqual(Array(5).fill('HW_MESSAGE_EMPTY'));
  expect(world.state.status.state).toBe('live');
});
