/**
 * From a commit to what services run, in reading order: the branch moves → epochs → messages → broker → last-known-good copies.
 * One job at a time; every job works from state, so whatever failed is simply done again. Story: docs/architecture.md.
 */
import {
  type CryptoBackend,
  compareEpochs,
  describeEpoch,
  equalBytes,
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  keysTopic,
  parseTopic,
  type Receipt,
  receiptFilter,
  serviceTopics,
} from '@headwater/schemas/protocol';
import type { PublishedService } from './core/plan.ts';
import { EnvironmentReports } from './environment-reports.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import type { Log } from './log.ts';
import type { CommitId, IncomingMessage, Publisher } from './ports.ts';
import { type Problems, problemOf } from './problems.ts';
import {
  adoptRetained,
  adoptStatement,
  type BrokerSyncDeps,
  openRetained,
  syncKeys,
} from './publishing/broker-sync.ts';
import {
  type BlockedPlan,
  EnvironmentPublisher,
  type EnvironmentPublisherDeps,
} from './publishing/environment-publisher.ts';
import type { LkgWriter } from './publishing/lkg-writer.ts';
import { StatementPacer } from './publishing/statement-pacer.ts';
import type { Receipts } from './receipts.ts';
import { SerialQueue } from './serial-queue.ts';

export interface PipelineDeps extends Omit<EnvironmentPublisherDeps, 'env' | 'onBlocked'> {
  /** A fresh engine; asked again when one failed in the middle of a commit. */
  readonly createEngine: () => EpochEngine;
  readonly publisher: Publisher;
  readonly lkg: LkgWriter;
  readonly keyring: Keyring;
  readonly crypto: CryptoBackend;
  readonly receipts: Receipts;
  readonly problems: Problems;
  readonly branch: string;
  /** Last-known-good copies by environment, verified. */
  readonly stored: ReadonlyMap<string, Map<string, PublishedService>>;
  /** Follows every topic of ours on an outside broker, to notice what others put there; an embedded one needs none of it. */
  readonly guardTopics: boolean;
  readonly log: Log;
}

/** How long to wait before a commit that could not be read is tried again. */
const retryMs = 5_000;
/** Least time between two repairs of one topic, so that two publishers never fight at full speed. */
const repairGapMs = 1_000;

export class Pipeline {
  readonly #deps: PipelineDeps;
  readonly #queue = new SerialQueue();
  readonly #sync: BrokerSyncDeps;
  readonly #publishers = new Map<string, EnvironmentPublisher>();
  readonly #pacers = new Map<string, StatementPacer>();
  readonly #reports: EnvironmentReports;
  readonly #repairedAt = new Map<string, number>();
  #engine: EpochEngine | null = null;
  /** The engine met something unreadable in the middle of a commit: it still knows what is live, but cannot go on. */
  #engineIsStuck = false;
  #tip: CommitId | null = null;
  #connected = false;
  #stopped = false;
  #retry: NodeJS.Timeout | null = null;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#sync = deps;
    this.#reports = new EnvironmentReports(deps.log, deps.problems);
    for (const [env, published] of deps.stored) this.#publisherOf(env, published);
  }

  /** The engine that speaks for the newest commit read; `null` before the first. */
  get engine(): EpochEngine | null {
    return this.#engine;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Newest commit of the branch, read or not. */
  get tip(): CommitId | null {
    return this.#tip;
  }

  /** What stands on the topics of an environment. */
  publishedIn(env: string): ReadonlyMap<string, PublishedService> {
    return this.#publishers.get(env)?.published ?? new Map();
  }

  /** Starts following the broker. The branch is reported through `onTip`. */
  async start(): Promise<void> {
    await this.#deps.publisher.start(this.#filters(), {
      onConnect: () => void this.#queue.run(() => this.#onConnect()),
      onDisconnect: (reason) => {
        this.#connected = false;
        this.#setProblem(
          'broker',
          new HeadwaterError('HW_BROKER_UNREACHABLE', {
            message: `the broker is not reachable: ${reason}`,
            hint: 'Services keep running their last config. Start the broker; the daemon reconnects by itself.',
          }),
        );
      },
      onMessage: (message) => this.#onMessage(message),
    });
  }

  /** The followed branch is at `tip`; `null` when it does not exist. Resolves when that is judged and, where possible, published. */
  onTip(tip: CommitId | null): Promise<void> {
    return this.#queue.run(() => this.#follow(tip));
  }

  /** Signs and publishes every statement anew. */
  refreshStatements(): Promise<void> {
    return this.#queue.run(async () => {
      for (const env of this.#engine?.environments.keys() ?? []) await this.#requestStatement(env);
    });
  }

  /** Resolves when everything that was reported so far is dealt with. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Finishes the running job; nothing is published afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry) clearTimeout(this.#retry);
    for (const pacer of this.#pacers.values()) pacer.stop();
    await this.#queue.idle();
  }

  async #follow(tip: CommitId | null): Promise<void> {
    if (this.#stopped) return;
    this.#tip = tip;
    if (tip === null) {
      this.#setProblem(
        'branch',
        new HeadwaterError('HW_BRANCH_MISSING', {
          message: `the branch "${this.#deps.branch}" does not exist`,
          hint: 'Everything stays as it is. Push the branch again, or start with --branch.',
        }),
      );
      return;
    }
    this.#clearProblem('branch');
    try {
      if (!(await this.#moveEngine(tip))) return;
      this.#clearProblem('read');
    } catch (error) {
      this.#engineIsStuck = true;
      this.#setProblem('read', error);
      this.#retryLater(tip);
      return;
    }
    await this.#publishChanges(false);
  }

  /** Brings the engine to `tip`; false when the branch left the line that was published. */
  async #moveEngine(tip: CommitId): Promise<boolean> {
    let movement: 'same' | 'moved' | 'rewritten' = 'moved';
    if (this.#engine && !this.#engineIsStuck) movement = await this.#engine.moveTo(tip);
    else {
      const engine = this.#deps.createEngine();
      await engine.start(tip);
      if (this.#publishedBeyond(engine)) movement = 'rewritten';
      else {
        this.#engine = engine;
        this.#engineIsStuck = false;
      }
    }
    if (movement === 'rewritten') {
      this.#setProblem(
        'history',
        new HeadwaterError('HW_HISTORY_REWRITTEN', {
          message: `the branch "${this.#deps.branch}" was moved to ${tip.slice(0, 7)}, which does not descend from what is live`,
          hint: 'The last epoch stays live. Put the branch back, and undo changes by new commits (git revert), not by force.',
        }),
      );
      return false;
    }
    this.#clearProblem('history');
    return true;
  }

  /** True when something was published from a commit that the branch does not know. */
  #publishedBeyond(engine: EpochEngine): boolean {
    return [...this.#publishers.values()].some((publisher) =>
      [...publisher.published.values()].some(({ epoch }) => !engine.knows(epoch.commit)),
    );
  }

  async #publishChanges(all: boolean): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    for (const track of engine.environments.values()) {
      const publisher = this.#publisherOf(track.env);
      const changed = track.takeChanged();
      const services = all ? new Set([...track.live.keys(), ...publisher.published.keys()]) : changed;
      if (this.#connected) {
        await this.#attempt(async () => {
          const summary = await publisher.publish(track, services, engine.requestId);
          this.#reports.published(track, summary);
          for (const service of summary.published) this.#clearProblem(`service:${track.env}/${service}`);
          await this.#requestStatement(track.env);
        });
      }
    }
    this.#reports.judged([...engine.environments.values()]);
    if (this.#connected) await this.#attempt(() => this.#removeUndeclared(engine));
  }

  /** Environments that headwater.json no longer names end with tombstones and a last statement. */
  async #removeUndeclared(engine: EpochEngine): Promise<void> {
    if (!engine.at || !engine.index.settings) return;
    for (const publisher of this.#publishers.values()) {
      if (engine.environments.has(publisher.env) || publisher.lastStatement?.status === 'removed') continue;
      await publisher.remove(engine.at);
      this.#reports.forget(publisher.env);
      this.#deps.log.info({ env: publisher.env }, 'environment removed');
    }
  }

  async #requestStatement(env: string): Promise<void> {
    let pacer = this.#pacers.get(env);
    if (!pacer) {
      pacer = new StatementPacer(this.#deps.clock, () => this.#attempt(() => this.#sendStatement(env)));
      this.#pacers.set(env, pacer);
    }
    await pacer.request();
  }

  async #sendStatement(env: string): Promise<void> {
    const track = this.#engine?.environments.get(env);
    if (!track || !this.#connected || this.#stopped) return;
    const degraded =
      track.held.length > 0 || this.#deps.problems.has('history') || this.#deps.problems.has('branch');
    await this.#publisherOf(env).publishStatement(track, degraded ? 'degraded' : 'ok');
  }

  /** The broker is there: nothing on it is taken for granted. */
  async #onConnect(): Promise<void> {
    if (this.#stopped) return;
    await this.#attempt(async () => {
      await syncKeys(this.#sync);
      this.#clearProblem('keys');
      this.#clearProblem('broker');
      this.#connected = true;
      for (const env of new Set([...this.#publishers.keys(), ...(this.#engine?.environments.keys() ?? [])])) {
        await this.#syncEnvironment(env);
      }
      await this.#publishChanges(true);
      this.#deps.log.info({ broker: this.#deps.publisher.url }, 'broker in step');
    });
  }

  async #syncEnvironment(env: string): Promise<void> {
    const publisher = this.#publisherOf(env);
    const track = this.#engine?.environments.get(env);
    const services = [...new Set([...publisher.published.keys(), ...(track?.live.keys() ?? [])])];
    for (const service of await adoptRetained(publisher, services, this.#sync)) {
      // What is about to be replaced anyway is not put back first.
      if (!track || publisher.saysWhatIsLive(track, service)) await publisher.reassert(service);
    }
    await publisher.reassertStatement();
  }

  #onMessage(message: IncomingMessage): void {
    const target = parseTopic(this.#deps.prefix, message.topic);
    if (target?.kind === 'receipt') {
      const receipt = this.#deps.receipts.take(message);
      if (receipt) this.#reportReceipt(receipt);
    } else if (target && this.#deps.guardTopics && !this.#isOurs(message)) {
      void this.#queue.run(() => this.#attempt(() => this.#judgeForeign(message)));
    }
  }

  /** True for the messages that this daemon put there itself. */
  #isOurs({ topic, payload }: IncomingMessage): boolean {
    const target = parseTopic(this.#deps.prefix, topic);
    if (target?.kind === 'keys') return equalBytes(payload, this.#deps.keyring.envelope);
    if (!target || !('env' in target)) return true;
    const publisher = this.#publishers.get(target.env);
    if (target.kind === 'epoch')
      return publisher?.statementBytes ? equalBytes(payload, publisher.statementBytes) : false;
    if (target.kind !== 'snapshot' && target.kind !== 'schema') return true;
    const published = publisher?.published.get(target.service);
    const expected = target.kind === 'snapshot' ? published?.envelope : published?.schemaEnvelope;
    return expected !== undefined && equalBytes(payload, expected);
  }

  /** Somebody else wrote to one of our topics: a newer verified message is another daemon's, everything else is replaced. */
  async #judgeForeign(message: IncomingMessage): Promise<void> {
    const target = parseTopic(this.#deps.prefix, message.topic);
    if (!this.#connected || !target || this.#isOurs(message)) return;
    if (target.kind === 'keys') return syncKeys(this.#sync);
    if (!('env' in target)) return;
    const publisher = this.#publishers.get(target.env);
    if (!publisher) return;
    if (target.kind === 'epoch') {
      if (adoptStatement(publisher, message.payload, this.#sync) || !this.#mayRepair(message.topic)) return;
      this.#deps.log.warn(
        { env: target.env, topic: message.topic },
        'foreign message on a config topic replaced',
      );
      await publisher.reassertStatement();
    } else if (target.kind === 'snapshot' || target.kind === 'schema') {
      await this.#judgeForeignService(publisher, target.service, message);
    }
  }

  async #judgeForeignService(
    publisher: EnvironmentPublisher,
    service: string,
    message: IncomingMessage,
  ): Promise<void> {
    const { snapshot, schema } = serviceTopics(this.#deps.prefix, publisher.env, service);
    const retained = await this.#deps.publisher.readRetained([snapshot, schema]);
    const found = openRetained(
      publisher.env,
      service,
      retained.get(snapshot),
      retained.get(schema),
      this.#sync,
    );
    const stored = publisher.published.get(service);
    if (found && stored && compareEpochs(found.epoch, stored.epoch) >= 0) {
      publisher.published.set(service, found);
    } else if (stored && this.#mayRepair(message.topic)) {
      this.#deps.log.warn(
        { env: publisher.env, service, topic: message.topic },
        'foreign message on a config topic replaced',
      );
      await publisher.reassert(service);
    }
  }

  #mayRepair(topic: string): boolean {
    const now = this.#deps.clock.monotonic();
    if (now - (this.#repairedAt.get(topic) ?? Number.NEGATIVE_INFINITY) < repairGapMs) return false;
    this.#repairedAt.set(topic, now);
    return true;
  }

  #reportReceipt(receipt: Receipt): void {
    const { env, service, clientId, state, reason } = receipt;
    const fields = { env, service, clientId, state, ...(reason ? { reason } : {}) };
    if (state === 'rejected') this.#deps.log.warn(fields, 'a client refused its config');
    else this.#deps.log.debug(fields, 'receipt');
  }

  /** Runs a step that talks to the broker; a lost broker or foreign keys become a problem, and the next connect does it all again. */
  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      if (error.code === 'HW_BROKER_UNREACHABLE') return; // onDisconnect reported it
      this.#connected = this.#connected && error.code !== 'HW_FOREIGN_KEYS';
      this.#setProblem(error.code === 'HW_FOREIGN_KEYS' ? 'keys' : 'publish', error);
    }
  }

  #publisherOf(env: string, published: Map<string, PublishedService> = new Map()): EnvironmentPublisher {
    let publisher = this.#publishers.get(env);
    if (!publisher) {
      const onBlocked = (where: string, plan: BlockedPlan) => this.#reportBlocked(where, plan);
      publisher = new EnvironmentPublisher({ ...this.#deps, env, onBlocked }, published);
      this.#publishers.set(env, publisher);
    }
    return publisher;
  }

  #reportBlocked(env: string, { action, service, epoch }: BlockedPlan): void {
    if (action === 'stand-by') {
      this.#deps.log.warn({ env, service, epoch }, 'another daemon is ahead, standing by');
      return;
    }
    const message = `${service} in ${env} was published with other content at ${describeEpoch(epoch)}`;
    const hint =
      'Two daemons disagree, or one was changed. Commit any change to the service: a new epoch settles it.';
    this.#setProblem(`service:${env}/${service}`, new HeadwaterError('HW_EQUIVOCATION', { message, hint }));
  }

  #filters(): string[] {
    const { prefix, guardTopics } = this.#deps;
    const receipts = receiptFilter(prefix, '+');
    if (!guardTopics) return [receipts];
    const own = ['snapshot', 'schema'].map((kind) => `${prefix}/+/services/+/${kind}`);
    return [receipts, keysTopic(prefix), `${prefix}/+/epoch`, ...own];
  }

  #retryLater(tip: CommitId): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#tip === tip) void this.onTip(tip);
    }, retryMs);
    this.#retry.unref();
  }

  #setProblem(subject: string, error: unknown): void {
    const problem = problemOf(error, 'HW_INTERNAL');
    if (!isHeadwaterError(error)) this.#deps.log.error({ err: error }, 'internal error');
    if (this.#deps.problems.set(subject, problem)) {
      this.#deps.log.error(
        { code: problem.code, reason: problem.message, hint: problem.hint },
        'needs attention',
      );
    }
  }

  #clearProblem(subject: string): void {
    if (this.#deps.problems.clear(subject)) this.#deps.log.info({ subject }, 'works again');
  }
}
