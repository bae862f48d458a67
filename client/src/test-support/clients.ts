/** Real clients of a test broker, closed and cleaned up by `await using`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@headwater/schemas/protocol';
import { connect, type HeadwaterClient } from '../index.ts';
import { MessageMaker } from '../testing/message-maker.ts';
import type { ClientEvents } from '../types.ts';
import type { TestBroker } from './test-broker.ts';

export const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };
const root = 'headwater/tars/prod/services/stt-worker';
export const topics = {
  keys: 'headwater/tars/keys',
  epoch: 'headwater/tars/prod/epoch',
  snapshot: `${root}/snapshot`,
  diff: `${root}/diff`,
  schema: `${root}/schema`,
  receipt: `${root}/clients/prod.stt-worker.one`,
};

export type Client = HeadwaterClient<JsonObject>;

export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly maker = new MessageMaker(target);
  readonly #clients: Client[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  async connect(url: string, more: object = {}): Promise<Client> {
    const client = await connect({
      ...target,
      broker: url,
      token: 'hw_test',
      instance: 'one',
      trust: this.maker.trust,
      keys: this.maker.keysText(),
      cacheDir: this.folder,
      stateDir: this.folder,
      environment: {},
      log: null,
      ...more,
    });
    this.#clients.push(client as Client);
    return client as Client;
  }

  /** Key list, snapshot and statement of epoch `seq`, retained. */
  async publish(broker: TestBroker, seq: number, config: JsonObject): Promise<void> {
    const { maker } = this;
    await broker.publish(topics.keys, maker.keys());
    await broker.publish(topics.snapshot, maker.snapshot(maker.epoch(seq), config));
    await this.publishStatement(broker, seq);
  }

  async publishDiff(
    broker: TestBroker,
    from: readonly [seq: number, config: JsonObject],
    to: readonly [seq: number, config: JsonObject],
  ): Promise<void> {
    const { maker } = this;
    const diff = maker.diff({ epoch: maker.epoch(from[0]), config: from[1] }, maker.epoch(to[0]), to[1]);
    await broker.publish(topics.snapshot, maker.snapshot(maker.epoch(to[0]), to[1]));
    await broker.publish(topics.diff, diff, { retain: false });
    await this.publishStatement(broker, to[0]);
  }

  async publishStatement(broker: TestBroker, seq: number): Promise<void> {
    const { maker } = this;
    const recent = Array.from({ length: seq }, (_, i) => ({
      seq: seq - i,
      commit: maker.epoch(seq - i).commit,
      services: { [target.service]: seq - i },
    }));
    await broker.publish(topics.epoch, maker.statement(maker.epoch(seq), recent));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await rm(this.folder, { recursive: true });
  }
}

export async function newBench(): Promise<Bench> {
  return new Bench(await mkdtemp(join(tmpdir(), 'headwater-client-')));
}

/** The next event of a kind that `accepts` says yes to. */
export function next<K extends keyof ClientEvents<JsonObject>>(
  client: Client,
  name: K,
  accepts: (event: ClientEvents<JsonObject>[K]) => boolean = () => true,
): Promise<ClientEvents<JsonObject>[K]> {
  return new Promise((resolve) => {
    const stop = client.on(name, (event) => {
      if (!accepts(event)) return;
      stop();
      resolve(event);
    });
  });
}
