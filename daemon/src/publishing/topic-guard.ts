/**
 * What others put on our topics of an outside broker. A verified message that is not older is another daemon's and is taken over;
 * everything else is replaced by the stored one. Nothing here publishes anything new, so two daemons come to rest.
 */
import { compareEpochs, equalBytes, keysTopic, parseTopic, serviceTopics } from '@headwater/schemas/protocol';
import type { Log } from '../log.ts';
import type { Clock, IncomingMessage } from '../ports.ts';
import { type BrokerSyncDeps, openRetained, openSchema, openStatement } from './broker-sync.ts';
import type { EnvironmentPublisher } from './environment-publisher.ts';

export interface TopicGuardDeps extends BrokerSyncDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export interface TopicGuardHost {
  readonly publishers: ReadonlyMap<string, EnvironmentPublisher>;
  /** Makes one for an environment that only the broker knows. */
  publisherOf(env: string): EnvironmentPublisher;
  /** Runs a repair that had to wait, between other jobs. */
  later(repair: () => Promise<void>): void;
}

/** Least time between two repairs of one topic, so that two publishers never fight at full speed. */
const repairGapMs = 1_000;

export class TopicGuard {
  readonly #deps: TopicGuardDeps;
  readonly #host: TopicGuardHost;
  readonly #repairedAt = new Map<string, number>();
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  constructor(deps: TopicGuardDeps, host: TopicGuardHost) {
    this.#deps = deps;
    this.#host = host;
  }

  /** MQTT filters of what it must see. */
  filters(): string[] {
    const { prefix } = this.#deps;
    const own = ['snapshot', 'schema'].map((kind) => `${prefix}/+/services/+/${kind}`);
    return [keysTopic(prefix), `${prefix}/+/epoch`, ...own];
  }

  /** True for what needs no judgement: the bytes that are known to stand there, and topics that are not ours. */
  isKnown({ topic, payload }: IncomingMessage): boolean {
    const target = parseTopic(this.#deps.prefix, topic);
    if (target?.kind === 'keys') return equalBytes(payload, this.#deps.keyring.envelope);
    if (target?.kind === 'epoch')
      return this.#host.publishers.get(target.env)?.isNewestStatement(payload) ?? false;
    if (target?.kind !== 'snapshot' && target?.kind !== 'schema') return true;
    const published = this.#host.publishers.get(target.env)?.published.get(target.service);
    const expected = target.kind === 'snapshot' ? published?.envelope : published?.schemaEnvelope;
    return expected !== undefined && equalBytes(payload, expected);
  }

  /** Judges a message on a topic of an environment. @throws HeadwaterError as `Publisher.publish`. */
  async judge(message: IncomingMessage): Promise<void> {
    const target = parseTopic(this.#deps.prefix, message.topic);
    if (!target || this.isKnown(message)) return;
    if (target.kind === 'epoch') await this.#judgeStatement(target.env, message);
    else if (target.kind === 'snapshot') await this.#judgeSnapshot(target.env, target.service, message);
    else if (target.kind === 'schema') await this.#judgeSchema(target.env, target.service, message);
  }

  stop(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  async #judgeStatement(env: string, { topic, payload }: IncomingMessage): Promise<void> {
    const found = openStatement(env, payload, this.#deps);
    if (found && this.#host.publisherOf(env).noteStatement(found, payload)) return;
    const publisher = this.#host.publishers.get(env);
    if (publisher?.lastStatement) await this.#repair(topic, env, () => publisher.reassertStatement());
  }

  async #judgeSnapshot(env: string, service: string, { topic, payload }: IncomingMessage): Promise<void> {
    const stored = this.#host.publishers.get(env)?.published.get(service);
    let found = openRetained(env, service, payload, undefined, this.#deps);
    if (found && (!stored || compareEpochs(found.epoch, stored.epoch) >= 0)) {
      if (found.schema !== stored?.schema) {
        const { schema } = serviceTopics(this.#deps.prefix, env, service);
        const retained = await this.#deps.publisher.readRetained([schema]);
        found = openRetained(env, service, payload, retained.get(schema), this.#deps) ?? found;
      }
      this.#host.publisherOf(env).adopt(service, found);
    } else if (stored) await this.#repairService(topic, env, service);
  }

  async #judgeSchema(env: string, service: string, { topic, payload }: IncomingMessage): Promise<void> {
    const publisher = this.#host.publishers.get(env);
    const stored = publisher?.published.get(service);
    if (!publisher || stored?.kind !== 'snapshot') return; // without its snapshot a schema says nothing
    const found = openSchema(env, service, payload, this.#deps);
    if (found?.digest === stored.schema)
      publisher.published.set(service, { ...stored, schemaEnvelope: payload });
    // One of a later epoch comes just before its snapshot.
    else if (!found || compareEpochs(found.epoch, stored.epoch) <= 0)
      await this.#repairService(topic, env, service);
  }

  #repairService(topic: string, env: string, service: string): Promise<void> {
    return this.#repair(topic, env, async () => this.#host.publishers.get(env)?.reassert(service));
  }

  async #repair(topic: string, env: string, reassert: () => Promise<void>): Promise<void> {
    const waitMs =
      (this.#repairedAt.get(topic) ?? Number.NEGATIVE_INFINITY) + repairGapMs - this.#deps.clock.monotonic();
    if (waitMs > 0) {
      if (this.#waiting.has(topic)) return;
      const timer = setTimeout(() => {
        this.#waiting.delete(topic);
        this.#host.later(() => this.#repair(topic, env, reassert));
      }, waitMs);
      this.#waiting.set(topic, timer.unref());
      return;
    }
    this.#repairedAt.set(topic, this.#deps.clock.monotonic());
    this.#deps.log.warn({ env, topic }, 'foreign message on a config topic replaced');
    await reassert();
  }
}
