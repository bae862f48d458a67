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
    if (await this.#isFine(message)) return;
    // By now something else may stand there: what counts is the topic, not the news of it.
    const { topic } = message;
    const payload = (await this.#deps.publisher.readRetained([topic])).get(topic);
    if (payload && (await this.#isFine({ topic, payload }))) return;
    await this.#repair(topic);
  }

  stop(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  /** True when nothing has to be put right; a verified message that is not older was taken over then. */
  async #isFine(message: IncomingMessage): Promise<boolean> {
    const target = parseTopic(this.#deps.prefix, message.topic);
    if (!target || this.isKnown(message)) return true;
    if (target.kind === 'epoch') return this.#takeStatement(target.env, message.payload);
    if (target.kind === 'snapshot') return this.#takeSnapshot(target.env, target.service, message.payload);
    if (target.kind === 'schema') return this.#takeSchema(target.env, target.service, message.payload);
    return true;
  }

  #takeStatement(env: string, payload: Uint8Array): boolean {
    const found = openStatement(env, payload, this.#deps);
    if (found) return this.#host.publisherOf(env).noteStatement(found, payload);
    return !this.#host.publishers.get(env)?.lastStatement;
  }

  async #takeSnapshot(env: string, service: string, payload: Uint8Array): Promise<boolean> {
    const stored = this.#host.publishers.get(env)?.published.get(service);
    let found = openRetained(env, service, payload, undefined, this.#deps);
    if (!found || (stored && compareEpochs(found.epoch, stored.epoch) < 0)) return !stored;
    if (found.schema !== stored?.schema) {
      const { schema } = serviceTopics(this.#deps.prefix, env, service);
      const retained = await this.#deps.publisher.readRetained([schema]);
      found = openRetained(env, service, payload, retained.get(schema), this.#deps) ?? found;
    }
    this.#host.publisherOf(env).adopt(service, found);
    return true;
  }

  #takeSchema(env: string, service: string, payload: Uint8Array): boolean {
    const publisher = this.#host.publishers.get(env);
    const stored = publisher?.published.get(service);
    if (!publisher || stored?.kind !== 'snapshot') return true; // without its snapshot a schema says nothing
    const found = openSchema(env, service, payload, this.#deps);
    if (found?.digest === stored.schema)
      publisher.published.set(service, { ...stored, schemaEnvelope: payload });
    // One of a later epoch comes just before its snapshot.
    else return found !== null && compareEpochs(found.epoch, stored.epoch) > 0;
    return true;
  }

  async #repair(topic: string): Promise<void> {
    const { clock, log, prefix } = this.#deps;
    const now = clock.monotonic();
    const waitMs = (this.#repairedAt.get(topic) ?? Number.NEGATIVE_INFINITY) + repairGapMs - now;
    if (waitMs > 0) {
      if (!this.#waiting.has(topic)) this.#waiting.set(topic, this.#lookLater(topic, waitMs));
      return;
    }
    const target = parseTopic(prefix, topic);
    const keeper = target && 'env' in target ? this.#host.publishers.get(target.env) : undefined;
    if (!target || !keeper) return;
    this.#repairedAt.set(topic, now);
    log.warn({ env: keeper.env, topic }, 'foreign message on a config topic replaced');
    if (target.kind === 'epoch') await keeper.reassertStatement();
    else if ('service' in target) await keeper.reassert(target.service);
  }

  #lookLater(topic: string, waitMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#waiting.delete(topic);
      this.#host.later(async () => {
        const payload = (await this.#deps.publisher.readRetained([topic])).get(topic) ?? new Uint8Array();
        await this.judge({ topic, payload });
      });
    }, waitMs);
    return timer.unref();
  }
}
