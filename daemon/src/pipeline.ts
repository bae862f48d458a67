/**
 * From a commit to what services run, in reading order: the branch moves → epochs → messages → broker → last-known-good copies.
 * One job at a time; every job works from state, so whatever failed is simply done again. Story: docs/architecture.md.
 */
import {
  type CryptoBackend,
  describeEpoch,
  type Epoch,
  type EpochPayload,
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  parseTopic,
  type Receipt,
  receiptFilter,
} from '@headwater/schemas/protocol';
import { EnvironmentReports } from './environment-reports.ts';
import type { EnvironmentTrack } from './epochs/environment-track.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import { FollowedLine, type FollowedLineDeps } from './followed-line.ts';
import type { CommitId, IncomingMessage, Publisher } from './ports.ts';
import { type Problems, problemOf } from './problems.ts';
import { adoptRetained, syncKeys } from './publishing/broker-sync.ts';
import { EnvironmentPublisher, type EnvironmentPublisherDeps } from './publishing/environment-publisher.ts';
import type { LkgWriter } from './publishing/lkg-writer.ts';
import type { PublishedService } from './publishing/plan.ts';
import { type BlockedPlan, inWindows } from './publishing/service-messages.ts';
import { Statements } from './publishing/statements.ts';
import { TopicGuard } from './publishing/topic-guard.ts';
import type { Receipts } from './receipts.ts';
import { SerialQueue } from './serial-queue.ts';

export interface PipelineDeps
  extends Omit<EnvironmentPublisherDeps, 'env'>,
    Omit<FollowedLineDeps, 'published'> {
  readonly publisher: Publisher;
  readonly lkg: LkgWriter;
  readonly keyring: Keyring;
  readonly crypto: CryptoBackend;
  readonly receipts: Receipts;
  readonly problems: Problems;
  /** Last-known-good copies by environment, verified. */
  readonly stored: ReadonlyMap<string, Map<string, PublishedService>>;
  /** Follows every topic of ours on an outside broker, to notice what others put there; an embedded one needs none of it. */
  readonly guardTopics: boolean;
  /** Called when the broker is in step again: what was said of this daemon meanwhile is out of date. */
  readonly onInStep?: () => void;
}

/** First and longest wait before what failed is tried again. A connect or a new commit tries at once. */
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;

export class Pipeline {
  readonly #deps: PipelineDeps;
  readonly #queue = new SerialQueue();
  readonly #publishers = new Map<string, EnvironmentPublisher>();
  readonly #statements: Statements;
  readonly #reports: EnvironmentReports;
  readonly #guard: TopicGuard;
  readonly #line: FollowedLine;
  /** `undefined` until the branch was reported for the first time. */
  #tip: CommitId | null | undefined;
  #isConnected = false;
  /** What the broker retains was read since it is connected. Until then nothing is published: it could be older. */
  #isInStep = false;
  #stopped = false;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = firstRetryMs;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#reports = new EnvironmentReports(deps.log, deps.problems);
    this.#guard = new TopicGuard(deps, {
      publishers: this.#publishers,
      publisherOf: (env) => this.#publisherOf(env),
      later: (repair) => void this.#run(() => this.#attempt('repair', repair)),
    });
    this.#statements = new Statements(deps, {
      publisherOf: (env) => this.#publisherOf(env),
      speaksOf: (env) =>
        this.#isInStep && !this.#stopped ? (this.engine?.environments.get(env) ?? null) : null,
      isInStep: () => this.#isInStep,
      isTroubled: () => ['history', 'branch', 'read'].some((subject) => deps.problems.has(subject)),
      later: (env, job) => void this.#run(() => this.#attempt(`publish:${env}`, job)),
    });
    this.#line = new FollowedLine({ ...deps, published: () => this.#publishedEpochs() });
    for (const [env, published] of deps.stored) this.#publisherOf(env, published);
  }

  /** The engine that speaks for the newest commit read; `null` before the first. */
  get engine(): EpochEngine | null {
    return this.#line.engine;
  }

  /** The era in force. */
  get era(): number {
    return this.#deps.era.current;
  }

  get connected(): boolean {
    return this.#isConnected;
  }

  /** Newest commit of the branch, read or not. */
  get tip(): CommitId | null {
    return this.#tip ?? null;
  }

  /** Starts following the broker. The branch is reported through `onTip`. */
  async start(): Promise<void> {
    const receipts = receiptFilter(this.#deps.prefix, '+');
    const filters = this.#deps.guardTopics ? [receipts, ...this.#guard.filters()] : [receipts];
    await this.#deps.publisher.start(filters, {
      onConnect: () => {
        this.#isConnected = true;
        this.#isInStep = false;
        void this.#run(() => this.#catchUp());
      },
      onDisconnect: (reason) => {
        this.#isConnected = false;
        this.#isInStep = false;
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
    const isFirst = this.#tip === undefined;
    this.#tip = tip;
    // Of a burst that comes faster than it is published only the newest tip matters: the engine passes all commits on its way.
    return this.#run(async () => {
      if (isFirst || this.#tip === tip) await this.#follow(tip);
    });
  }

  /** Signs and publishes every statement anew, and whatever could not be published before. */
  refreshStatements(): Promise<void> {
    return this.#run(async () => {
      await this.#attempt('repair', () => this.#statements.look([...this.#publishers.keys()]));
      await this.#catchUp();
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
    this.#guard.stop();
    this.#statements.stop();
    await this.#queue.idle();
  }

  #run<T>(job: () => Promise<T>): Promise<T> {
    return this.#queue.run(() => {
      this.#statements.begin();
      return job();
    });
  }

  #publishedEpochs(): Epoch[] {
    return [...this.#publishers.values()].flatMap(({ lastStatement, published }) => {
      const services = [...published.values()].map(({ epoch }) => epoch);
      return lastStatement ? [lastStatement.epoch, ...services] : services;
    });
  }

  async #follow(tip: CommitId | null): Promise<void> {
    if (this.#stopped) return;
    if (tip === null) {
      this.#setProblem(
        'branch',
        new HeadwaterError('HW_BRANCH_MISSING', {
          message: `the branch "${this.#deps.branch}" does not exist`,
          hint: 'Everything stays as it is. Push the branch again, or start with --branch.',
        }),
      );
    } else {
      this.#clearProblem('branch');
      await this.#moveEngine(tip);
    }
    // Whatever became of the tip: what did go live on the way to it is published, and what waits is said.
    await this.#catchUp();
  }

  /** Brings the engine to `tip`, or as far as it gets; what is in the way becomes a problem. */
  async #moveEngine(tip: CommitId): Promise<void> {
    try {
      const refusal = await this.#line.moveTo(tip);
      this.#clearProblem('read');
      if (refusal) this.#setProblem('history', refusal);
      else this.#clearProblem('history');
    } catch (error) {
      this.#setProblem('read', error);
      this.#tryAgain();
    }
  }

  /** Brings the broker in step with the engine, as far as both are there. */
  async #catchUp(): Promise<void> {
    if (this.#stopped) return;
    let isDone = true;
    if (this.#isConnected && !this.#isInStep && this.#tip !== undefined)
      isDone = await this.#attempt('broker', () => this.#sync());
    const engine = this.engine;
    if (!engine) return;
    const tracks = [...engine.environments.values()];
    for (const track of tracks) this.#publisherOf(track.env).noteChanges(track);
    // Side by side: no environment waits for what another one's subscribers acknowledge.
    const done = await Promise.all(tracks.map((track) => this.#publishEnvironment(engine, track)));
    isDone = done.every(Boolean) && isDone;
    this.#reports.judged(tracks);
    isDone = (await this.#removeUndeclared(engine)) && isDone;
    if (isDone && this.#isInStep && !this.#line.isStuck) this.#retryMs = firstRetryMs;
  }

  /** The broker is there: nothing on it is taken for granted. */
  async #sync(): Promise<void> {
    await syncKeys(this.#deps);
    this.#clearProblem('keys');
    const envs = new Set([...this.#publishers.keys(), ...(this.engine?.environments.keys() ?? [])]);
    await this.#statements.read([...envs]);
    for (const env of envs) await this.#syncEnvironment(env);
    this.#isInStep = this.#isConnected;
    this.#deps.log.info({ broker: this.#deps.publisher.url }, 'broker in step');
    this.#deps.onInStep?.();
  }

  async #syncEnvironment(env: string): Promise<void> {
    const publisher = this.#publisherOf(env);
    const track = this.engine?.environments.get(env);
    const services = [...new Set([...publisher.published.keys(), ...(track?.live.keys() ?? [])])];
    const missing = await adoptRetained(publisher, services, this.#deps);
    // What is about to be replaced anyway is not put back first.
    const lasting = missing.filter((service) => !track || publisher.saysWhatIsLive(track, service));
    await inWindows(lasting.map((service) => () => publisher.reassert(service)));
    publisher.noteAll();
  }

  /** Publishes what waits in one environment, then where it stands. False when something is left to do. */
  async #publishEnvironment(engine: EpochEngine, track: EnvironmentTrack): Promise<boolean> {
    if (!this.#isInStep) return true; // the next connect does it
    const publisher = this.#publisherOf(track.env);
    if (
      this.#statements.mayHaveSlept &&
      !(await this.#attempt('repair', () => this.#statements.look([track.env])))
    )
      return false;
    if (this.#isBehind(engine, publisher)) return true; // the next commit, or the next statement, tells more
    return this.#attempt(`publish:${track.env}`, async () => {
      const summary = await publisher.publish(track);
      this.#reports.published(track, summary);
      for (const service of summary.settled) this.#clearProblem(`service:${track.env}/${service}`);
      for (const plan of summary.blocked) this.#reportBlocked(track.env, plan);
      await this.#statements.request(track.env);
    });
  }

  /** True while the statement on the broker speaks of a commit that the followed line does not have: another daemon leads. */
  #isBehind(engine: EpochEngine, publisher: EnvironmentPublisher): boolean {
    const { env, lastStatement } = publisher;
    const isBehind =
      lastStatement !== null &&
      !publisher.isStatementOurs &&
      engine.beside([lastStatement.epoch.commit]).size > 0;
    if (this.#reports.standsBy(env, isBehind ? lastStatement : null, this.#deps.clock.monotonic()))
      this.#setProblem(
        `behind:${env}`,
        new HeadwaterError('HW_HISTORY_REWRITTEN', {
          message: `${env} was published at ${describeEpoch((lastStatement as EpochPayload).epoch)}, which the branch "${this.#deps.branch}" does not have`,
          hint: 'Another daemon follows another history. Bring both repositories together, or give one its own deployment.',
        }),
      );
    else if (!isBehind) this.#clearProblem(`behind:${env}`);
    return isBehind;
  }

  /** Environments that headwater.json no longer names end with tombstones and a last statement. */
  async #removeUndeclared(engine: EpochEngine): Promise<boolean> {
    const { at } = engine;
    if (!at || !this.#isInStep || !engine.index.settings) return true;
    let isDone = true;
    for (const publisher of this.#publishers.values()) {
      const { env, lastStatement } = publisher;
      if (engine.environments.has(env) || this.#isBehind(engine, publisher)) continue;
      if (lastStatement?.status === 'removed' && !publisher.hasPending) continue;
      const attempted = await this.#attempt(`publish:${env}`, async () => {
        await publisher.remove(at, engine.goneFrom(env));
        for (const service of publisher.published.keys()) this.#clearProblem(`service:${env}/${service}`);
        this.#deps.log.info({ env }, 'environment removed');
      });
      isDone = attempted && isDone;
    }
    return isDone;
  }

  #onMessage(message: IncomingMessage): void {
    const target = parseTopic(this.#deps.prefix, message.topic);
    if (target?.kind === 'receipt') {
      const receipt = this.#deps.receipts.take(message);
      if (receipt) this.#reportReceipt(receipt);
    } else if (target?.kind === 'keys') {
      // Ours again after a stranger's: that is news, too.
      if (this.#guard.isKnown(message) && !this.#deps.problems.has('keys')) return;
      void this.#run(() => this.#attempt('broker', () => syncKeys(this.#deps)));
    } else if (this.#deps.guardTopics && !this.#guard.isKnown(message)) {
      void this.#run(() => this.#judge(message));
    }
  }

  async #judge(message: IncomingMessage): Promise<void> {
    if (this.#stopped || !this.#isConnected) return;
    await this.#attempt('repair', () => this.#guard.judge(message));
    const engine = this.engine;
    if (!engine || !this.#isInStep) return;
    // Whatever was taken over may need an answer: a tombstone for what is gone, or nothing at all.
    for (const track of engine.environments.values())
      if (this.#publisherOf(track.env).hasPending) await this.#publishEnvironment(engine, track);
    await this.#removeUndeclared(engine);
  }

  #reportReceipt(receipt: Receipt): void {
    const { env, service, clientId, state, reason } = receipt;
    const fields = { env, service, clientId, state, ...(reason ? { reason } : {}) };
    if (state === 'rejected') this.#deps.log.warn(fields, 'a client refused its config');
    else this.#deps.log.debug(fields, 'receipt');
  }

  /** Runs a step that talks to the broker; false when it failed. What failed becomes a problem, stays to be done, and is tried again. */
  async #attempt(subject: string, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      this.#clearProblem(subject);
      return true;
    } catch (error) {
      if (isHeadwaterError(error, 'HW_FOREIGN_KEYS')) {
        this.#isInStep = false;
        this.#setProblem('keys', error);
      } else if (!isHeadwaterError(error, 'HW_BROKER_UNREACHABLE')) {
        this.#setProblem(subject, error);
      } // else onDisconnect reports it, once and not per message
      this.#tryAgain();
      return false;
    }
  }

  #tryAgain(): void {
    if (this.#retry || this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      const tip = this.#tip;
      void this.#run(() => (this.#line.isStuck && tip !== undefined ? this.#follow(tip) : this.#catchUp()));
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
  }

  #publisherOf(env: string, published: Map<string, PublishedService> = new Map()): EnvironmentPublisher {
    let publisher = this.#publishers.get(env);
    if (!publisher) {
      publisher = new EnvironmentPublisher({ ...this.#deps, env }, published);
      this.#publishers.set(env, publisher);
    }
    return publisher;
  }

  #reportBlocked(env: string, { action, service, epoch }: BlockedPlan): void {
    if (action === 'stand-by') {
      this.#deps.log.debug({ env, service, epoch }, 'another daemon is ahead with this service, standing by');
      return;
    }
    const message = `${service} in ${env} was published with other content at ${describeEpoch(epoch)}`;
    const hint =
      'Two daemons disagree, or one was changed. Commit any change to the service: a new epoch settles it.';
    this.#setProblem(`service:${env}/${service}`, new HeadwaterError('HW_EQUIVOCATION', { message, hint }));
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
