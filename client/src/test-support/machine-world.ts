/** One client machine in a world of its own: a daemon's history, a broker with retained messages, and a clock. */
import type { Epoch, JsonObject, RecentEpoch } from '@headwater/schemas/protocol';
import { openKeys } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { initialState, type StartState, step } from '../machine.ts';
import type {
  Effect,
  MachineDeps,
  MachineEvent,
  MachineState,
  TimerName,
  TopicKind,
} from '../machine-state.ts';
import { MessageMaker } from '../testing/message-maker.ts';
import { PlainOpener, target } from './plain-secrets.ts';

export { target };

export class MachineWorld {
  readonly maker = new MessageMaker(target);
  readonly effects: Effect[] = [];
  readonly subscribed = new Set<TopicKind>();
  readonly retained = new Map<TopicKind, Uint8Array>();
  readonly timers = new Map<TimerName, number>();
  now = 1_000;
  /** What `random()` gives. */
  luck = 0.5;
  check: MachineDeps['check'] = () => null;
  state: MachineState;
  readonly deps: MachineDeps;
  readonly opener = new PlainOpener();
  readonly #events: MachineEvent[] = [];

  constructor(start: StartState = {}, withKeys = true) {
    this.deps = {
      target,
      roots: this.maker.trust,
      crypto: nodeCrypto,
      random: () => this.luck,
      check: (config, opened) => this.check(config, opened),
      openSecrets: (secrets) => this.opener.open(secrets),
    };
    this.state = initialState(withKeys ? { keyring: this.keyring(), ...start } : start);
  }

  keyring(bytes = this.maker.keys()) {
    return openKeys(
      bytes,
      { roots: this.maker.trust, deployment: target.deployment, version: 0 },
      nodeCrypto,
    );
  }

  handle(event: MachineEvent): readonly Effect[] {
    const from = this.effects.length;
    this.#events.push(event);
    if (this.#events.length > 1) return []; // delivered while another event is being handled
    for (let next = this.#events[0]; next; next = this.#events[0]) {
      const result = step(this.state, next, this.now, this.deps);
      this.state = result.state;
      for (const effect of result.effects) this.#carryOut(effect);
      this.#events.shift();
    }
    return this.effects.slice(from);
  }

  /** Delivers a message that the client is subscribed to or not: the machine must not care. */
  deliver(topic: TopicKind, bytes: Uint8Array): readonly Effect[] {
    return this.handle({ type: 'message', topic, bytes });
  }

  /** Connects, and delivers what the broker retains as the client subscribes. */
  connect(): void {
    this.handle({ type: 'connected' });
  }

  disconnect(): void {
    this.subscribed.clear();
    this.handle({ type: 'disconnected' });
  }

  /** Lets time pass; timers fire in order. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const [name, at] = [...this.timers].sort((a, b) => a[1] - b[1])[0] ?? [];
      if (name === undefined || at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      this.timers.delete(name);
      this.handle({ type: 'timer', name });
    }
    this.now = end;
  }

  /** Publishes snapshot, diff and statement of a commit, and delivers what is subscribed. */
  publish(
    seq: number,
    config: JsonObject,
    base?: { readonly epoch: Epoch; readonly config: JsonObject },
  ): void {
    const epoch = this.maker.epoch(seq);
    const snapshot = this.maker.snapshot(epoch, config);
    this.send('snapshot', snapshot, true);
    this.send('diff', base ? this.maker.diff(base, epoch, config) : snapshot, false);
    this.send('epoch', this.maker.statement(epoch, this.window(seq)), true);
  }

  /** `recent` of a statement at `seq` in a history where every commit changed this service. */
  window(seq: number): RecentEpoch[] {
    return this.recent(...Array.from({ length: Math.min(16, seq) }, (_, i) => seq - i));
  }

  recent(...seqs: readonly number[]): RecentEpoch[] {
    return seqs.map((seq) => ({
      seq,
      commit: this.maker.epoch(seq).commit,
      services: { [target.service]: seq },
    }));
  }

  send(topic: TopicKind, bytes: Uint8Array, retain: boolean): void {
    if (retain) this.retained.set(topic, bytes);
    if (this.subscribed.has(topic)) this.deliver(topic, bytes);
  }

  /** Codes refused so far. */
  get refusals(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.type === 'refused' ? [effect.refusal.code] : []));
  }

  count(name: string): number {
    return this.effects.filter((effect) => effect.type === 'count' && effect.name === name).length;
  }

  get config(): JsonObject | undefined {
    return this.state.held?.config;
  }

  #carryOut(effect: Effect): void {
    this.effects.push(effect);
    if (effect.type === 'timer') {
      if (effect.delayMs === null) this.timers.delete(effect.name);
      else this.timers.set(effect.name, this.now + effect.delayMs);
    }
    if (effect.type === 'unsubscribe') for (const topic of effect.topics) this.subscribed.delete(topic);
    if (effect.type !== 'subscribe') return;
    for (const topic of effect.topics) {
      this.subscribed.add(topic);
      const bytes = this.retained.get(topic);
      if (bytes) this.deliver(topic, bytes);
    }
  }
}
