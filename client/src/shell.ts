/** Carries out what the machine asks for: subscriptions, timers, files. It decides nothing. */
import { epochTopic, keysTopic, serviceTopics } from '@headwater/schemas/protocol';
import type { Link } from './link.ts';
import type { LkgStore } from './lkg-store.ts';
import { initialState, type StartState, step } from './machine.ts';
import type {
  CountName,
  Effect,
  Held,
  HeldSchema,
  MachineDeps,
  MachineEvent,
  MachineState,
  Refusal,
  Status,
  TimerName,
  TopicKind,
} from './machine-state.ts';
import { createPersistence } from './persistence.ts';

export interface ShellHooks {
  /** Another document runs from now on. Returns what to do once it is on disk; see `Persistence`. */
  swapped(held: Held): (kept: Held | null) => void;
  schemaChanged(schema: HeldSchema): void;
  refused(refusal: Refusal): void;
  counted(name: CountName): void;
  statusChanged(status: Status, previous: Status): void;
}

export interface Shell {
  readonly state: MachineState;
  handle(event: MachineEvent): void;
  /** Takes a message by its topic; one of no known topic is ignored. */
  receive(topic: string, bytes: Uint8Array): void;
  close(): Promise<void>;
}

export interface ShellOptions {
  readonly start: StartState;
  readonly deps: MachineDeps;
  readonly link: Link;
  readonly store: LkgStore;
  readonly prefix: string;
  readonly hooks: ShellHooks;
}

export function createShell({ start, deps, link, store, prefix, hooks }: ShellOptions): Shell {
  let state = initialState(start);
  const persistence = createPersistence(store, () => state);
  const events: MachineEvent[] = [];
  const timers = new Map<TimerName, ReturnType<typeof setTimeout>>();
  const topics: Record<TopicKind, string> = {
    keys: keysTopic(prefix),
    epoch: epochTopic(prefix, deps.target.env),
    ...serviceTopics(prefix, deps.target.env, deps.target.service),
  };
  const kinds = new Map(Object.entries(topics).map(([kind, topic]) => [topic, kind as TopicKind]));

  /** A link may deliver while it is being told to subscribe: events wait until the effects before them are carried out. */
  function handle(event: MachineEvent): void {
    events.push(event);
    if (events.length > 1) return;
    for (let next = events[0]; next; next = events[0]) {
      try {
        handleOne(next);
      } finally {
        events.shift();
      }
    }
  }

  function handleOne(event: MachineEvent): void {
    const before = state.status;
    const result = step(state, event, performance.now(), deps);
    state = result.state;
    for (const effect of result.effects) carryOut(effect);
    if (before.state !== state.status.state || before.reason !== state.status.reason)
      hooks.statusChanged(state.status, before);
  }

  function carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'subscribe':
        link.subscribe(effect.topics.map((kind) => topics[kind]));
        break;
      case 'unsubscribe':
        link.unsubscribe(effect.topics.map((kind) => topics[kind]));
        break;
      case 'timer':
        setTimer(effect.name, effect.delayMs);
        break;
      case 'applied':
        // [protocol §6.5] swap, persist, then tell
        persistence.document(hooks.swapped(effect.held));
        break;
      case 'persist':
        if (state.held) persistence.document(() => {});
        break;
      case 'marks':
        persistence.marks(effect.isUrgent);
        break;
      case 'keys':
        persistence.keys(effect.envelope, effect.version);
        break;
      case 'schema':
        hooks.schemaChanged(effect.schema);
        break;
      case 'refused':
        hooks.refused(effect.refusal);
        break;
      case 'count':
        hooks.counted(effect.name);
    }
  }

  function setTimer(name: TimerName, delayMs: number | null): void {
    clearTimeout(timers.get(name));
    timers.delete(name);
    if (delayMs === null) return;
    const timer = setTimeout(() => handle({ type: 'timer', name }), delayMs);
    timer.unref(); // the connection keeps the process alive, waiting does not
    timers.set(name, timer);
  }

  return {
    get state() {
      return state;
    },
    handle,
    receive(topic, bytes) {
      const kind = kinds.get(topic);
      if (kind) handle({ type: 'message', topic: kind, bytes });
    },
    async close() {
      for (const timer of timers.values()) clearTimeout(timer);
      await persistence.close();
    },
  };
}
