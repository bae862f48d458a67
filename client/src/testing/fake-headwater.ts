import {
  defaultPrefix,
  digestOf,
  type Epoch,
  epochTopic,
  type JsonObject,
  keysTopic,
  serviceTopics,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { HeadwaterClient } from '../client.ts';
import { identityOf, startClient } from '../connect.ts';
import type { LkgStore } from '../lkg-store.ts';
import type { ConnectOptions, ServiceSchema } from '../options.ts';
import { resolveOptions } from '../resolve-options.ts';
import { fakeValues, openFakeSecrets, refuseFakeSecrets, sealedByFake } from './fake-secrets.ts';
import { createMemoryLink } from './memory-link.ts';
import { MessageMaker } from './message-maker.ts';

export interface FakeOptions<T> {
  readonly schema?: ServiceSchema<T>;
  /** Default: the schema's. */
  readonly service?: string;
  /** Default `test`. */
  readonly env?: string;
  /** First config; settings it lacks take the schema's defaults. `null`: nothing is published until `publish`. Default `{}`. */
  readonly config?: Partial<T> | JsonObject | null;
  /** First secrets, by JSON Pointer (`{ '/api_key': 'test' }`). Default: the service has none. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Options of the client under test; where it connects to is the fake's business. */
export type FakeConnectOptions = Pick<
  ConnectOptions,
  'firstConfigTimeoutMs' | 'onStart' | 'log' | 'environment' | 'instance'
> & {
  /** False plays a service whose identity does not open its secrets. Default true. */
  readonly opensSecrets?: boolean;
};

/** A Headwater of one service in memory: no broker, no files, real signatures and the real client. */
export interface FakeHeadwater<T> {
  /** Connects a real client. Variables of the test's own environment do not override settings unless `environment` is given. */
  connect(options?: FakeConnectOptions): Promise<HeadwaterClient<T>>;
  /**
   * Publishes a whole new config as the next commit, and resolves once every connected client told its listeners.
   * @param secrets All secrets from then on, by JSON Pointer. Default: as they were.
   */
  publish(config: Partial<T> | JsonObject, secrets?: Readonly<Record<string, string>>): Promise<Epoch>;
  /** Changes some top-level settings of the newest config. */
  change(settings: Partial<T> | JsonObject): Promise<Epoch>;
  /** Changes some secrets, by JSON Pointer; `null` removes one. */
  changeSecrets(values: Readonly<Record<string, string | null>>): Promise<Epoch>;
  /** Says that the service was removed. */
  remove(): Promise<Epoch>;
  /** Takes the broker away, or brings it back. */
  disconnect(): void;
  reconnect(): void;
  /** Newest receipt of each client, by client id. */
  readonly receipts: ReadonlyMap<string, unknown>;
  /** Closes every client. */
  close(): Promise<void>;
}

/**
 * ```ts
 * const headwater = fakeHeadwater({ schema, config: { vad_threshold: 0.4 } });
 * const stt = await headwater.connect();
 * await headwater.change({ vad_threshold: 0.6 });
 * ```
 */
export function fakeHeadwater<T = JsonObject>(options: FakeOptions<T> = {}): FakeHeadwater<T> {
  const service = options.service ?? options.schema?.service ?? 'service';
  const target = { deployment: 'fake', env: options.env ?? 'test', service };
  const maker = new MessageMaker(target);
  const prefix = defaultPrefix(target.deployment);
  const topics = serviceTopics(prefix, target.env, service);
  const clients: { link: ReturnType<typeof createMemoryLink>; client?: HeadwaterClient<T> }[] = [];
  const retained = new Map<string, Uint8Array>();
  const schemaDigest = options.schema?.digest;
  let seq = 0;
  let current: JsonObject | null = null;
  let secrets = options.secrets ? sealedByFake(options.secrets) : null;

  function send(topic: string, bytes: Uint8Array, retain: boolean): void {
    if (retain) retained.set(topic, bytes);
    for (const { link } of clients) link.send(topic, bytes, retain);
  }

  function commit(make: (epoch: Epoch) => void): Epoch {
    seq += 1;
    const epoch = maker.epoch(seq);
    make(epoch);
    const recent = [{ seq, commit: epoch.commit, services: { [service]: seq } }];
    send(epochTopic(prefix, target.env), maker.statement(epoch, recent), true);
    return epoch;
  }

  function publishNow(config: JsonObject): Epoch {
    return commit((epoch) => {
      const extras = { secrets, ...(schemaDigest ? { schema: schemaDigest } : {}) };
      const snapshot = maker.snapshot(epoch, config, extras);
      const before = current;
      send(topics.snapshot, snapshot, true);
      const diff =
        before && maker.diff({ epoch: maker.epoch(seq - 1), config: before }, epoch, config, extras);
      send(topics.diff, diff ?? snapshot, false);
      current = config;
    });
  }

  /** Listeners are told after the (here: absent) files are written, which takes a few turns of the event loop. */
  async function told(epoch: Epoch): Promise<Epoch> {
    await new Promise((resolve) => setImmediate(resolve));
    return epoch;
  }

  const complete = (config: object): JsonObject => ({
    ...options.schema?.defaults,
    ...(config as JsonObject),
  });

  retained.set(keysTopic(prefix), maker.keys());
  if (options.schema && schemaDigest)
    retained.set(topics.schema, maker.schema(maker.epoch(1), schemaDigest, options.schema.document));
  if (options.config !== null) publishNow(complete(options.config ?? {}));

  return {
    async connect({ opensSecrets = true, ...more } = {}) {
      const resolved = resolveOptions({
        ...target,
        broker: 'mqtt://fake.invalid',
        token: 'fake',
        trust: maker.trust,
        environment: {},
        log: null,
        ...(options.schema ? { schema: options.schema } : {}),
        ...more,
      } as ConnectOptions<never>);
      const link = createMemoryLink();
      for (const [topic, bytes] of retained) link.send(topic, bytes, true);
      const entry: (typeof clients)[number] = { link };
      clients.push(entry);
      entry.client = await startClient<T>(resolved, {
        identity: identityOf(resolved),
        crypto: nodeCrypto,
        link,
        openStore: () => noStore,
        openSecrets: opensSecrets ? openFakeSecrets : refuseFakeSecrets,
      });
      return entry.client;
    },
    publish(config, values) {
      if (values) secrets = sealedByFake(values);
      return told(publishNow(complete(config)));
    },
    change: (settings) => told(publishNow({ ...(current ?? complete({})), ...(settings as JsonObject) })),
    changeSecrets(values) {
      const before = secrets ? fakeValues(secrets) : {};
      const next = Object.entries({ ...before, ...values }).filter(([, value]) => value !== null);
      secrets = sealedByFake(Object.fromEntries(next) as Record<string, string>);
      return told(publishNow(current ?? complete({})));
    },
    async remove() {
      const epoch = commit((at) => {
        const tombstone = maker.tombstone(at);
        send(topics.snapshot, tombstone, true);
        send(topics.diff, tombstone, false);
      });
      current = null;
      return told(epoch);
    },
    disconnect() {
      for (const { link } of clients) link.disconnect();
    },
    reconnect() {
      for (const { link } of clients) link.reconnect();
    },
    get receipts() {
      return new Map(
        clients.flatMap(({ link }) =>
          [...link.published].map(
            ([topic, text]) => [topic.slice(topic.lastIndexOf('/') + 1), JSON.parse(text)] as const,
          ),
        ),
      );
    },
    async close() {
      await Promise.all(clients.map(({ client }) => client?.close()));
    },
  };
}

/** Nothing is kept: every client of a fake starts fresh. */
const noStore: LkgStore = {
  load: () => ({}),
  save: async () => true,
  saveMarks: async () => {},
  saveKeys: async () => {},
};

/** Digest of a config as a fake or a daemon would sign it. */
export const configDigest = (config: JsonObject): string => digestOf(config, nodeCrypto);
