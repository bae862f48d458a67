/**
 * Random schedules against a simple model: whatever the network, the disk, the identity file and the clock do, the config never goes
 * back, is always one that was committed, with the secrets of that very commit or none, and is the newest once things are well again.
 */
import { compareEpochs, type JsonObject, type SealedSecrets } from '@headwater/schemas/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialState } from './machine.ts';
import type { TopicKind } from './machine-state.ts';
import { noSecrets } from './secrets/opened-secrets.ts';
import { MachineWorld } from './test-support/machine-world.ts';
import { revOf, sealPlainly } from './test-support/plain-secrets.ts';
import { newKey } from './testing/message-maker.ts';
import { documentMark, type Marks } from './trust.ts';

type Sent = { readonly topic: TopicKind; readonly bytes: Uint8Array };
type Command = readonly [name: (typeof commands)[number], pick: number];
const commands = [
  'commit',
  'commit',
  'deliver',
  'deliver',
  'deliver',
  'drop',
  'duplicate',
  'reorder',
  'replay',
  'forge',
  'flip',
  'empty',
  'restart',
  'loseLkg',
  'disconnect',
  'connect',
  'wait',
  'jump',
  'wipe',
  'restoreOld',
  'loseIdentity',
  'findIdentity',
  'moveBundle',
] as const;

interface Commit {
  readonly config: JsonObject;
  /** Revision of the secrets; `null`: the service has none. */
  readonly secrets: number | null;
}
const secretValueOf = (revision: number) => `value of revision ${revision}`;

/** A daemon and a broker whose messages wait in a queue until the schedule lets them through. */
class Model {
  readonly world = new MachineWorld();
  readonly history: Commit[] = [];
  readonly queue: Sent[] = [];
  readonly log: Sent[] = [];
  readonly stranger = newKey();
  /** What is on the client's disk. */
  disk = { state: this.world.state, marks: this.world.state.marks };
  highest = 0;

  run([name, pick]: Command): void {
    const { world } = this;
    switch (name) {
      case 'commit':
        this.commit(pick);
        break;
      case 'deliver':
        this.deliver(this.queue.shift());
        break;
      case 'drop':
        this.queue.shift();
        break;
      case 'duplicate':
        this.queue.push(...this.queue.slice(0, 1));
        break;
      case 'reorder':
        this.queue.push(...this.queue.splice(pick % (this.queue.length || 1), 1));
        break;
      case 'replay':
        this.deliver(this.log[pick % (this.log.length || 1)]);
        break;
      case 'forge':
        this.forge(pick);
        break;
      case 'flip':
        this.flip(this.log[pick % (this.log.length || 1)], pick);
        break;
      case 'empty':
        this.deliver({ topic: pick % 2 ? 'snapshot' : 'epoch', bytes: new Uint8Array() });
        break;
      case 'restart':
        this.restart(true, this.disk.marks);
        break;
      case 'loseLkg':
        this.restart(false, this.disk.marks);
        break;
      case 'disconnect':
        if (world.state.isConnected) world.disconnect();
        break;
      case 'connect':
        this.connect();
        break;
      case 'wait':
        world.wait(pick * 100);
        break;
      case 'jump':
        world.wait(1_000_000);
        break;
      case 'wipe':
        world.retained.clear();
        break;
      case 'restoreOld': {
        const old = this.log.filter(({ topic }) => topic === 'snapshot')[pick % 3];
        if (old) world.retained.set('snapshot', old.bytes);
        break;
      }
      case 'loseIdentity':
        world.opener.hasIdentity = false;
        break;
      case 'findIdentity':
        world.opener.hasIdentity = true;
        break;
      case 'moveBundle':
        this.moveBundle(pick);
    }
    this.save();
  }

  commit(pick: number): void {
    const { maker } = this.world;
    const before = this.history.at(-1);
    const seq = this.history.length + 1;
    const config = { value: pick, list: Array.from({ length: pick % 4 }, (_, i) => i + pick), seq };
    const secrets = pick % 5 === 0 ? null : pick % 2 === 0 || !before ? seq : before.secrets;
    this.history.push({ config, secrets });
    const epoch = maker.epoch(seq);
    const snapshot = maker.snapshot(epoch, config, { secrets: sealed(secrets, pick) });
    const said = before?.secrets === secrets ? 'unchanged' : sealed(secrets, pick + 1);
    const base = { epoch: maker.epoch(seq - 1), config: before?.config ?? {} };
    const diff = before ? maker.diff(base, epoch, config, { secrets: said }) : snapshot;
    const statement = maker.statement(epoch, this.world.window(seq));
    this.world.retained.set('snapshot', snapshot).set('epoch', statement);
    const sent: Sent[] = [
      { topic: 'snapshot', bytes: snapshot },
      { topic: 'diff', bytes: diff },
      { topic: 'epoch', bytes: statement },
    ];
    this.queue.push(...sent);
    this.log.push(...sent);
  }

  /** A message of the right signer with the bundle of another service: whoever can open it must refuse it. */
  moveBundle(pick: number): void {
    if (!this.world.opener.hasIdentity) return;
    const { maker } = this.world;
    const secrets = sealPlainly(1_000 + pick, { '/key': 'of the camera' }, { service: 'camera' });
    const epoch = maker.epoch(this.history.length + 1);
    this.deliver({ topic: 'diff', bytes: maker.snapshot(epoch, { value: -2 }, { secrets }) });
  }

  deliver(sent: Sent | undefined): void {
    if (sent && this.world.state.isConnected) this.world.deliver(sent.topic, sent.bytes);
  }

  forge(pick: number): void {
    const { maker } = this.world;
    const epoch = maker.epoch(this.history.length + 1 + pick);
    this.deliver({ topic: 'diff', bytes: maker.snapshot(epoch, { value: -1 }, { by: [this.stranger] }) });
  }

  flip(sent: Sent | undefined, pick: number): void {
    if (!sent) return;
    const bytes = new Uint8Array(sent.bytes);
    const at = (pick * 37) % bytes.length;
    bytes[at] = (bytes[at] as number) ^ (1 << (pick % 8));
    this.deliver({ topic: sent.topic, bytes });
  }

  save(): void {
    this.disk = { state: this.world.state, marks: this.world.state.marks };
  }

  restart(hasLkg: boolean, marks: Marks): void {
    const { world } = this;
    const kept = hasLkg ? this.disk.state.held : null;
    const opened = kept?.secrets ? world.opener.open(kept.secrets) : noSecrets;
    const held = kept && ({ ...kept, opened, source: 'lkg' } as const);
    world.subscribed.clear();
    world.timers.clear();
    world.state = initialState({ keyring: this.disk.state.keyring, marks, held });
  }

  connect(): void {
    if (!this.world.state.isConnected) this.world.connect();
  }

  check(): void {
    const { held, marks, keyring } = this.world.state;
    const mark = documentMark(marks, keyring);
    expect(mark?.epoch.seq ?? 0).toBeGreaterThanOrEqual(this.highest);
    this.highest = mark?.epoch.seq ?? 0;
    if (held === null) return;
    expect(compareEpochs(held.epoch, mark?.epoch ?? held.epoch)).toBe(0);
    const { config, secrets } = this.history[held.epoch.seq - 1] as Commit;
    expect(held.config).toEqual(config);
    expect(held.rev).toBe(secrets === null ? null : revOf(secrets));
    if (secrets === null) expect(held.opened).toBe(noSecrets);
    if (held.opened.state === 'open')
      expect(held.opened.values.get('/key')).toBe(secretValueOf(secrets as number));
  }

  /** The network is well again and the daemon has asserted what is newest. */
  heal(): void {
    const { world } = this;
    world.opener.hasIdentity = true;
    this.queue.length = 0;
    this.commit(1);
    const [snapshot, , statement] = this.queue as [Sent, Sent, Sent];
    this.queue.length = 0;
    world.retained.set('snapshot', snapshot.bytes).set('epoch', statement.bytes);
    if (world.state.isConnected) world.disconnect();
    this.connect();
    world.wait(62_000);
  }
}

const sealed = (revision: number | null, pick: number): SealedSecrets | null =>
  revision === null ? null : sealPlainly(revision, { '/key': secretValueOf(revision) }, {}, `salt ${pick}`);

test('never backwards, never anything that was not committed, and at the newest once the network heals', () => {
  const command = fc.tuple(fc.constantFrom(...commands), fc.nat(50)) satisfies fc.Arbitrary<Command>;
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (schedule) => {
      const model = new Model();
      model.run(['commit', 0]);
      model.run(['connect', 0]);
      for (const one of schedule) {
        model.run(one);
        model.check();
      }
      model.heal();
      model.check();
      const newest = model.history.at(-1) as Commit;
      expect(model.world.config).toEqual(newest.config);
      expect(model.world.state.held?.opened.state).toBe(newest.secrets === null ? 'none' : 'open');
      expect(model.world.state.status.state).toBe('live');
      expect(model.world.state.fetch).toBeNull();
    }),
    { numRuns: 150 },
  );
});
