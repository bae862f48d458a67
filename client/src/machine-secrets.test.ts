import type { JsonObject } from '@headwater/schemas/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Held } from './machine-state.ts';
import { MachineWorld } from './test-support/machine-world.ts';
import { sealPlainly } from './test-support/plain-secrets.ts';
import { newKey } from './testing/message-maker.ts';

let world: MachineWorld;
beforeEach(() => {
  world = new MachineWorld();
});

const held = () => world.state.held as Held;
const secretOf = (pointer = '/key') => {
  const { opened } = held();
  return opened.state === 'open' ? opened.values.get(pointer) : opened.state;
};
const snapshot = (
  seq: number,
  config: JsonObject,
  secrets: ReturnType<typeof sealPlainly> | null,
  more = {},
) => world.maker.snapshot(world.maker.epoch(seq), config, { secrets, ...more });
const diff = (
  seq: number,
  from: JsonObject,
  to: JsonObject,
  secrets: 'unchanged' | null | ReturnType<typeof sealPlainly>,
) =>
  world.maker.diff({ epoch: world.maker.epoch(seq - 1), config: from }, world.maker.epoch(seq), to, {
    secrets,
  });
const first = sealPlainly(1, { '/key': 'one' });

describe('secrets of a document', () => {
  test('come with it and go with it', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, first));
    expect([world.config, secretOf()]).toEqual([{ a: 1 }, 'one']);
    world.deliver('diff', diff(2, { a: 1 }, { a: 2 }, sealPlainly(2, { '/key': 'two' })));
    expect([world.config, secretOf()]).toEqual([{ a: 2 }, 'two']);
    world.deliver('diff', diff(3, { a: 2 }, { a: 3 }, null));
    expect([world.config, secretOf()]).toEqual([{ a: 3 }, 'none']);
  });

  test('that are unchanged are not opened again, and keep the envelope that carried them', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, first));
    const { envelope } = held();
    world.deliver('diff', diff(2, { a: 1 }, { a: 2 }, 'unchanged'));
    expect([secretOf(), held().rev, world.opener.opened]).toEqual(['one', first.rev, 1]);
    expect(held().secretsEnvelope).toBe(envelope);
  });

  test('of a revision that is open are not opened again, whoever sealed them anew, and keep the bundle that opened', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, first));
    const { envelope } = held();
    world.deliver('diff', snapshot(2, { a: 2 }, sealPlainly(1, { '/key': 'one' }, {}, 'of another replica')));
    world.deliver('diff', snapshot(3, { a: 3 }, { ...first, sealed: 'damaged' }));
    expect([world.config, secretOf(), world.opener.opened]).toEqual([{ a: 3 }, 'one', 1]);
    expect([held().secretsEnvelope, held().secrets]).toEqual([envelope, first]);
  });

  test('that cannot be opened do not keep the config back, and never leave an old value beside it', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, first));
    world.opener.hasIdentity = false;
    world.deliver('diff', diff(2, { a: 1 }, { a: 2 }, sealPlainly(2, { '/key': 'two' })));
    expect([world.config, secretOf()]).toEqual([{ a: 2 }, 'unavailable']);
    expect(world.refusals).toEqual([]);
    world.deliver('diff', snapshot(3, { a: 3 }, { ...sealPlainly(3, {}), sealed: null }));
    expect([world.config, secretOf()]).toEqual([{ a: 3 }, 'unavailable']);
  });

  test.each(['deployment', 'env', 'service', 'rev'])(
    'of another %s take their message with them: nothing moves, and it is alarmed',
    (field) => {
      world.deliver('diff', snapshot(1, { a: 1 }, first));
      const before = world.state;
      world.deliver('diff', snapshot(2, { a: 2 }, sealPlainly(2, { '/key': 'two' }, { [field]: 'other' })));
      expect(world.refusals).toEqual(['HW_SECRETS_FOREIGN']);
      expect(world.state.held).toBe(before.held);
      expect(world.state.marks).toEqual(before.marks);
      expect(world.state.status).toEqual(before.status);
      world.deliver('diff', snapshot(2, { a: 2 }, sealPlainly(2, { '/key': 'two' })));
      expect([world.config, secretOf()]).toEqual([{ a: 2 }, 'two']);
    },
  );

  test('of a diff that are foreign are healed by the snapshot', () => {
    world.publish(1, { a: 1 });
    world.connect();
    world.retained.set('snapshot', snapshot(2, { a: 2 }, first));
    world.deliver('diff', diff(2, { a: 1 }, { a: 2 }, sealPlainly(1, {}, { env: 'dev' })));
    expect(world.config).toEqual({ a: 1 });
    world.wait(2_000);
    expect([world.config, secretOf()]).toEqual([{ a: 2 }, 'one']);
  });

  test('that the own schema refuses take the config with them', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, first));
    world.check = (_, opened) => (opened.state === 'open' ? '/key: expected 9 characters or more' : null);
    world.deliver('diff', snapshot(2, { a: 2 }, sealPlainly(2, { '/key': 'short' })));
    expect([world.config, secretOf()]).toEqual([{ a: 1 }, 'one']);
    expect(world.refusals).toEqual(['HW_CONFIG_REJECTED']);
  });
});

describe('secrets that did not open', () => {
  const closed = () => {
    world.opener.hasIdentity = false;
    const seal = snapshot(1, { a: 1 }, first);
    world.retained.set('snapshot', seal);
    world.send('epoch', world.maker.statement(world.maker.epoch(1), world.window(1)), true);
    world.connect();
    expect(world.state.status).toEqual({ state: 'live', reason: 'secrets-unavailable' });
  };
  const statement = () => world.maker.statement(world.maker.epoch(1), world.window(1));

  test('are tried again with the next statement, and are there once the identity is', () => {
    closed();
    expect(world.deliver('epoch', statement()).map(({ type }) => type)).not.toContain('applied');
    world.opener.hasIdentity = true;
    expect(world.deliver('epoch', statement()).map(({ type }) => type)).toContain('applied');
    expect([secretOf(), world.state.status]).toEqual(['one', { state: 'live', reason: null }]);
    expect(world.deliver('epoch', statement()).map(({ type }) => type)).not.toContain('applied');
  });

  test('and turn out to be foreign stay closed, and are alarmed once', () => {
    world.opener.hasIdentity = false;
    world.deliver('diff', snapshot(1, { a: 1 }, sealPlainly(1, {}, { service: 'camera' })));
    world.opener.hasIdentity = true;
    world.deliver('epoch', statement());
    world.deliver('epoch', statement());
    expect(world.refusals).toEqual(['HW_SECRETS_FOREIGN']);
    expect([world.config, secretOf()]).toEqual([{ a: 1 }, 'unavailable']);
  });

  test('or break the schema stay closed', () => {
    closed();
    world.check = (_, opened) => (opened.state === 'open' ? '/key: expected less' : null);
    world.opener.hasIdentity = true;
    world.deliver('epoch', statement());
    expect([world.config, secretOf(), world.opener.opened]).toEqual([{ a: 1 }, 'unavailable', 1]);
  });

  test('are replaced when the same epoch comes with another bundle', () => {
    world.deliver('diff', snapshot(1, { a: 1 }, { ...first, recipients: [], sealed: null }));
    expect(secretOf()).toBe('unavailable');
    const effects = world.deliver('diff', snapshot(1, { a: 1 }, first));
    expect(effects.map(({ type }) => type)).toContain('applied');
    expect(secretOf()).toBe('one');
    expect(world.deliver('diff', snapshot(1, { a: 1 }, first)).map(({ type }) => type)).not.toContain(
      'applied',
    );
  });
});

describe('secrets that a key sealed which was revoked since', () => {
  const thief = newKey();
  const revoked = { revoked: '2026-02-01T00:00:00Z' };
  beforeEach(() => {
    world.publish(1, { a: 1 });
    world.connect();
    world.deliver('keys', world.maker.keys(2, [world.maker.signer(), world.maker.signer(thief)]));
    // The right revision with values of the thief: everybody else's message after it says "unchanged".
    world.deliver('diff', snapshot(2, { a: 2 }, sealPlainly(1, { '/key': 'of the thief' }), { by: [thief] }));
    world.deliver('diff', diff(3, { a: 2 }, { a: 3 }, 'unchanged'));
    expect([world.config, secretOf()]).toEqual([{ a: 3 }, 'of the thief']);
    world.deliver('keys', world.maker.keys(3, [world.maker.signer(), world.maker.signer(thief, revoked)]));
  });

  test('are doubted, and opened anew from the first message of a good key', () => {
    expect(world.state.status.reason).toBe('signer-revoked');
    world.retained.set('snapshot', snapshot(3, { a: 3 }, first));
    world.wait(2_000);
    expect([world.config, secretOf()]).toEqual([{ a: 3 }, 'one']);
    expect(world.state.status.reason).toBeNull();
  });

  test('are not carried on by a diff that leaves them unchanged', () => {
    world.retained.set('snapshot', snapshot(4, { a: 4 }, first));
    world.deliver('diff', diff(4, { a: 3 }, { a: 4 }, 'unchanged'));
    expect(world.config).toEqual({ a: 3 });
    world.wait(2_000);
    expect([world.config, secretOf()]).toEqual([{ a: 4 }, 'one']);
  });
});
