/** A pipeline over a history in memory and a broker in memory, for tests of what reaches the broker and when. */
import {
  type Keyring,
  openKeys,
  parseEnvelope,
  parsePayload,
  type SigningKey,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { Era } from '../epochs/era.ts';
import { schemaFile, settingsFile, type World } from '../epochs/testing.ts';
import { LiveEvents } from '../live-events.ts';
import { createLog } from '../log.ts';
import { Pipeline } from '../pipeline.ts';
import type { CommitId, OutgoingMessage } from '../ports.ts';
import { Problems } from '../problems.ts';
import { LkgWriter } from '../publishing/lkg-writer.ts';
import { createMessageSigner } from '../publishing/message-signer.ts';
import type { PublishedService } from '../publishing/plan.ts';
import type { ServiceSealer } from '../publishing/seal-plans.ts';
import { Receipts } from '../receipts.ts';
import { createFakeLedger, type FakeLedger } from './fake-ledger.ts';
import { createFakePublisher } from './fake-publisher.ts';

export const prefix = 'headwater/tars';
export const key = (fill: number): SigningKey => signingKeyOf(new Uint8Array(32).fill(fill), nodeCrypto);
export const signing = key(2);

export function keyringOf(root: SigningKey, version = 1): Keyring {
  const payload = {
    v: 1,
    kind: 'keys',
    deployment: 'tars',
    version,
    issuedAt: '2026-01-01T00:00:00Z',
    roots: [toHex(root.publicKey)],
    signers: [{ key: toHex(signing.publicKey), notBefore: '2026-01-01T00:00:00Z' }],
  };
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots: [toHex(root.publicKey)], deployment: 'tars', version: 0 }, nodeCrypto);
}

export const keyring = keyringOf(key(1));

export interface TestKeys {
  keyring: Keyring;
  signing: readonly SigningKey[];
}

export class TestClock {
  ms = Date.parse('2026-06-01T00:00:00Z');
  now = () => this.ms;
  monotonic = () => this.ms;
}

export interface Bench {
  readonly pipeline: Pipeline;
  readonly publisher: ReturnType<typeof createFakePublisher>;
  readonly problems: Problems;
  readonly events: LiveEvents;
  readonly saved: Map<string, PublishedService>;
  readonly clock: TestClock;
  /** Services that were sealed, in order. */
  readonly sealed: string[];
  /** Moves the branch and waits until that is dealt with. */
  to(tip: CommitId | null): Promise<void>;
  /** Moves the branch; nobody has noticed it yet. */
  moveBranch(tip: CommitId): void;
  /** Messages published since the last call. */
  news(): OutgoingMessage[];
}

/** A pipeline over a history in memory and a broker in memory, connected. */
export async function bench(
  world: World,
  tip: CommitId | null,
  options: {
    stored?: Map<string, Map<string, PublishedService>>;
    retained?: Map<string, Uint8Array>;
    /** The broker is there before the branch is, as an embedded one always is. Default false. */
    connectFirst?: boolean;
    /** Several daemons may share one. Default: a new one. */
    ledger?: FakeLedger;
    /** The broker is the daemon's own: nobody else publishes there. Default false. */
    embedded?: boolean;
    fetchMissing?: (commit: CommitId) => Promise<void>;
    /** Default: one that says how often it sealed. */
    sealer?: ServiceSealer;
    /** Tests change them, as commands do. Default: one key for ever. */
    keys?: TestKeys;
  } = {},
): Promise<Bench> {
  const keys = options.keys ?? { keyring, signing: [signing] };
  const publisher = createFakePublisher();
  for (const [topic, payload] of options.retained ?? []) publisher.retained.set(topic, payload);
  const problems = new Problems();
  const events = new LiveEvents();
  const clock = new TestClock();
  const saved = new Map<string, PublishedService>();
  const lkg = new LkgWriter(
    {
      environments: async () => [],
      readAll: async () => new Map(),
      write: async (env, service, published) => void saved.set(`${env}/${service}`, published),
    },
    (error) => {
      if (error) throw error;
    },
  );
  const sealed: string[] = [];
  const sealer: ServiceSealer = {
    async seal(live) {
      sealed.push(live.inputs.service);
      return (options.sealer ?? countingSealer(sealed)).seal(live);
    },
  };
  const pipeline = new Pipeline({
    createEngine: () => world.engine(),
    publisher,
    lkg,
    sealer,
    signer: createMessageSigner(() => keys.signing, nodeCrypto),
    get keyring() {
      return keys.keyring;
    },
    crypto: nodeCrypto,
    clock,
    receipts: new Receipts(prefix, clock),
    events,
    problems,
    prefix,
    deployment: 'tars',
    era: new Era(),
    ledger: options.ledger ?? createFakeLedger(),
    reader: world.git.reader,
    readTip: async () => at,
    fetchMissing: options.fetchMissing,
    putBack: (commit) => `git update-ref refs/heads/main ${commit}`,
    branch: 'main',
    stored: options.stored ?? new Map(),
    guardTopics: options.embedded !== true,
    log: createLog({ stream: { write: () => undefined }, level: 'silent' }),
  });
  let at: CommitId | null = null;
  let read = 0;
  const made: Bench = {
    pipeline,
    publisher,
    problems,
    events,
    saved,
    clock,
    sealed,
    async to(next) {
      clock.ms += 1_000; // statements are at most two a second
      at = next;
      await pipeline.onTip(next);
    },
    moveBranch(next) {
      at = next;
    },
    news() {
      const fresh = publisher.published.slice(read);
      read = publisher.published.length;
      return fresh;
    },
  };
  await pipeline.start();
  if (options.connectFirst) await new Promise((resolve) => setImmediate(resolve));
  await made.to(tip);
  await new Promise((resolve) => setImmediate(resolve)); // the fake connects after the start, as a broker does
  await pipeline.idle();
  return made;
}

/** Two calls never give the same text, as with age. */
function countingSealer(sealed: readonly string[]): ServiceSealer {
  return {
    seal: async ({ resolved: { secrets } }) => ({
      rev: secrets?.rev ?? '',
      recipients: secrets?.recipients ?? [],
      sealed: secrets?.recipients.length === 0 ? null : `bundle ${sealed.length}`,
    }),
  };
}

export const base = {
  'headwater.json': settingsFile(['dev']),
  'schemas/a.schema.json': schemaFile,
  'schemas/b.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
  'services/b/config.json': '{"value":"1"}',
};

export const short = (messages: readonly OutgoingMessage[]): string[] =>
  messages.map(
    ({ topic, payload }) =>
      `${topic.slice(prefix.length + 1)}: ${payload.length === 0 ? '' : parseEnvelope(payload).kind}`,
  );
export const topicOf = (service: string, kind: string) => `${prefix}/dev/services/${service}/${kind}`;
export const onTopic = (messages: readonly OutgoingMessage[], topic: string) =>
  messages.find((one) => one.topic === topic)?.payload as Uint8Array;
export const statementOf = (one: Bench) =>
  parsePayload(
    'epoch',
    parseEnvelope(one.publisher.retained.get(`${prefix}/dev/epoch`) as Uint8Array).payload,
  );

/** What a daemon would find on disk after `one` stopped. */
export function storedBy(one: Bench): Map<string, Map<string, PublishedService>> {
  const stored = new Map<string, Map<string, PublishedService>>();
  for (const [place, published] of one.saved) {
    const [env = '', service = ''] = place.split('/');
    stored.set(env, (stored.get(env) ?? new Map<string, PublishedService>()).set(service, published));
  }
  return stored;
}

export const codesOf = (one: Bench): string[] => one.problems.list().map((problem) => problem.code);
