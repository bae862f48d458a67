/**
 * From a commit to what services run, in reading order: the branch moves → epochs → messages → broker → last-known-good copies.
 * One job at a time; every job works from state, so whatever failed is simply done again. Story: docs/architecture.md.
 */
import {
  type CryptoBackend,
  describeEpoch,
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  parseTopic,
  type Receipt,
  receiptFilter,
} from '@headwater/schemas/protocol';
import { Attention } from './attention.ts';
import { EnvironmentReports } from './environment-reports.ts';
import type { EnvironmentTrack } from './epochs/environment-track.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import { Lineage, type LineageDeps } from './lineage/lineage.ts';
import { RewriteDesk } from './lineage/rewrite-desk.ts';
import type { LiveEvents } from './live-events.ts';
import type { CommitId, IncomingMessage, Publisher } from './ports.ts';
import type { Problems } from './problems.ts';
import { adoptRetained, syncKeys } from './publishing/broker-sync.ts';
import { EnvironmentPublisher, type EnvironmentPublisherDeps } from './publishing/environment-publisher.ts';
import type { LkgWriter } from './publishing/lkg-writer.ts';
import type { PublishedService } from './publishing/plan.ts';
import { type BlockedPlan, inWindows } from './publishing/service-messages.ts';
import { Statements } from './publishing/statements.ts';
import { TopicGuard } from './publishing/topic-guard.ts';
import type { Receipts } from './receipts.ts';
import { SerialQueue } from './serial-queue.ts';

export interface PipelineDeps extends Omit<EnvironmentPublisherDeps, 'env' | 'era'>, LineageDeps {
  readonly publisher: Publisher;
  readonly lkg: LkgWriter;
  readonly keyring: Keyring;
  readonly crypto: CryptoBackend;
  readonly receipts: Receipts;
  readonly problems: Problems;
  /** Told what happens, as it happens. */
  readonly events: LiveEvents;
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
  /** Where a rewritten branch is looked at and accepted. */
  readonly rewrites: RewriteDesk;
  readonly #deps: PipelineDeps;
  readonly #queue = new SerialQueue();
  readonly #publishers = new Map<string, EnvironmentPublisher>();
  readonly #statements: Statements;
  readonly #reports: EnvironmentReports;
  readonly #guard: TopicGuard;
  readonly #lineage: Lineage;
  readonly #attention: Attention;
  /** `undefined` until the branch was reported for the first time. */
  #tip: CommitId | null | undefined;
  /** As `#tip`, when its turn has come. */
  #followed: CommitId | null | undefined;
  #isConnected = false;
  /** What the broker retains was read since it is connected. Until then nothing is published: it could be older. */
  #isInStep = false;
  #stopped = false;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = firstRetryMs;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#attention = new Attention(deps.problems, deps.log);
    this.#reports = new EnvironmentReports({ ...deps, era: () => this.era });
    this.#guard = new TopicGuard(deps, {
      publishers: this.#publishers,
      publisherOf: (env) => this.#publisherOf(env),
      later: (repair) => void this.#run(() => this.#attempt('repair', repair)),
    });
    this.#statements = new Statements(deps, {
      publisherOf: (env) => this.#publisherOf(env),
      speaksOf: (env) => this.#speaksOf(env),
      isInStep: () => this.#isInStep,
      isTroubled: () => ['history', 'branch', 'read'].some((subject) => deps.problems.has(subject)),
      later: (env, job) => void this.#run(() => this.#attempt(`publish:${env}`, job)),
      said: () => this.#lineage.ledger.note(),
    });
    this.#lineage = new Lineage(deps, {
      publishers: this.#publishers,
      attention: this.#attention,
      lookAgain: () => void this.#run(() => this.#catchUp()),
    });
    this.rewrites = new RewriteDesk(deps, {
      lineage: this.#lineage,
      publishers: this.#publishers,
      tip: () => this.tip,
      run: (job) => this.#run(job),
      look: () => this.#look(),
      catchUp: () => this.#catchUp(),
    });
    for (const [env, published] of deps.stored) this.#publisherOf(env, published);
  }

  /** The engine that knows what is live; `null` before the first commit, and while only a refused branch is known. */
  get engine(): EpochEngine | null {
    return this.#lineage.line.engine;
  }

  /** Why nothing may be built on the followed branch now (`HW_HISTORY_REWRITTEN`, `HW_BRANCH_MISSING`), or `null`: saves answer with it. */
  get historyProblem(): HeadwaterError | null {
    return this.#tip === null ? this.#lineage.branchMissing() : this.#lineage.line.doubt;
  }

  /** See `Lineage.publishedSeq`. */
  publishedSeq(env: string): number {
    return this.#lineage.publishedSeq(env);
  }

  /** The era in force. */
  get era(): number {
    return this.#lineage.era;
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
    await this.#lineage.open();
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
        this.#attention.report(
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
      if (!isFirst && this.#tip !== tip) return;
      if (this.#tip === null) this.#attention.report('branch', this.#lineage.branchMissing());
      else this.#attention.clear('branch');
      await this.#catchUp();
    });
  }

  /** Another daemon may have written to the ledger. */
  onLedger(): Promise<void> {
    return this.#run(async () => {
      await this.#lineage.ledger.read();
      await this.#answer();
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
    await this.#lineage.ledger.stop();
  }

  #run<T>(job: () => Promise<T>): Promise<T> {
    return this.#queue.run(() => {
      this.#statements.begin();
      return job();
    });
  }

  /** Brings the engine to the tip if it may be followed, else to where the published line ends; what is in the way becomes a problem. */
  async #settle(): Promise<void> {
    if (this.#followed === undefined) return;
    try {
      await this.#lineage.settle(this.#followed);
      this.#attention.clear('read');
    } catch (error) {
      this.#attention.report('read', error);
      this.#tryAgain();
    }
  }

  /** Learns what other daemons said and did meanwhile. */
  async #look(): Promise<void> {
    await this.#attempt('repair', () => this.#statements.look([...this.#publishers.keys()]));
    await this.#lineage.ledger.read();
    this.#followed = this.#tip;
    await this.#settle();
  }

  /** Brings the broker in step with the branch, as far as both are there. */
  async #catchUp(): Promise<void> {
    if (this.#stopped) return;
    this.#followed = this.#tip;
    await this.#settle();
    let isDone = true;
    if (this.#isConnected && !this.#isInStep && this.#tip !== undefined) {
      isDone = await this.#attempt('broker', () => this.#sync());
      await this.#settle(); // what was found on the broker may tell of another history
    }
    isDone = (await this.#publish('all')) && isDone;
    if (isDone && this.#isInStep && !this.#lineage.line.isStuck) this.#retryMs = firstRetryMs;
  }

  /** Answers what came to light between commits, if it needs an answer. */
  async #answer(): Promise<void> {
    if (this.#stopped || !this.#isInStep) return;
    await this.#settle();
    await this.#publish('news');
  }

  /** Publishes what waits, and where the environments stand: of `all` of them, or of those that have news. False when something is left to do. */
  async #publish(which: 'all' | 'news'): Promise<boolean> {
    if (this.#statements.mayHaveSlept) {
      if (!(await this.#attempt('repair', () => this.#statements.look([...this.#publishers.keys()]))))
        return false;
      await this.#settle();
    }
    const engine = this.#lineage.speaker;
    if (!engine) return this.#renewStatements();
    const tracks = [...engine.environments.values()];
    for (const track of tracks) this.#publisherOf(track.env).noteChanges(track);
    const chosen = tracks.filter((track) => which === 'all' || this.#publisherOf(track.env).hasNews(track));
    // Side by side: no environment waits for what another one's subscribers acknowledge.
    const done = await Promise.all(chosen.map((track) => this.#publishEnvironment(track)));
    this.#reports.judged(tracks);
    this.#reports.warned(engine.warnings);
    return (await this.#removeUndeclared(engine)) && done.every(Boolean);
  }

  /** What this daemon may say of an environment now; a refused branch leaves that to others as long as there are any. */
  #speaksOf(env: string): EnvironmentTrack | null {
    if (!this.#isInStep || this.#stopped) return null;
    if (this.#lineage.line.refusal && this.#publisherOf(env).isLedByAnother) return null;
    return this.#lineage.speaker?.environments.get(env) ?? null;
  }

  /** Nothing new may be said. What was said last still holds, and somebody has to say so. */
  async #renewStatements(): Promise<boolean> {
    if (!this.#isInStep || !this.#lineage.line.refusal) return true;
    return this.#attempt('repair', async () => {
      for (const publisher of this.#publishers.values()) await publisher.renewStatement();
    });
  }

  /** The broker is there: nothing on it is taken for granted. */
  async #sync(): Promise<void> {
    await syncKeys(this.#deps);
    this.#attention.clear('keys');
    const recorded = this.#lineage.ledger.record?.published.keys() ?? [];
    const declared = this.engine?.environments.keys() ?? [];
    const envs = new Set([...this.#publishers.keys(), ...recorded, ...declared]);
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
  async #publishEnvironment(track: EnvironmentTrack): Promise<boolean> {
    if (!this.#isInStep) return true; // the next connect does it
    const publisher = this.#publisherOf(track.env);
    let isOpen = true;
    const isDone = await this.#attempt(`publish:${track.env}`, async () => {
      const summary = await publisher.publish(track);
      isOpen = this.#noteStandBy(track.env, summary.standsBy);
      this.#reports.published(track, summary);
      for (const service of summary.settled) this.#attention.clear(`service:${track.env}/${service}`);
      for (const plan of summary.blocked) this.#reportBlocked(track.env, plan);
      await this.#statements.request(track.env);
    });
    return isDone && isOpen;
  }

  /** A daemon that cannot open an environment's secrets publishes nothing new of it. [protocol §5] */
  #noteStandBy(env: string, reason: HeadwaterError | null): boolean {
    if (reason === null) this.#attention.clear(`secrets:${env}`);
    else this.#attention.report(`secrets:${env}`, reason);
    return reason === null;
  }

  /** Environments that headwater.json no longer names end with tombstones and a last statement. */
  async #removeUndeclared(engine: EpochEngine): Promise<boolean> {
    const { at } = engine;
    if (!at || !this.#isInStep || !engine.index.settings) return true;
    let isDone = true;
    for (const publisher of this.#publishers.values()) {
      const { env, lastStatement } = publisher;
      if (engine.environments.has(env) || !publisher.isKnown) continue;
      const isEnded = lastStatement?.status === 'removed' && lastStatement.epoch.era === this.era;
      if (isEnded && !publisher.hasPending) continue;
      const attempted = await this.#attempt(`publish:${env}`, async () => {
        await publisher.remove(at, engine.goneFrom(env));
        for (const service of publisher.published.keys()) this.#attention.clear(`service:${env}/${service}`);
        this.#attention.clear(`secrets:${env}`);
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
      if (this.#guard.isKnown(message) && !this.#attention.has('keys')) return;
      void this.#run(() => this.#attempt('broker', () => syncKeys(this.#deps)));
    } else if (this.#deps.guardTopics && !this.#guard.isKnown(message)) {
      void this.#run(() => this.#judge(message));
    }
  }

  async #judge(message: IncomingMessage): Promise<void> {
    if (this.#stopped || !this.#isConnected) return;
    await this.#attempt('repair', () => this.#guard.judge(message));
    // Whatever was taken over may need an answer: a tombstone for what is gone, a step back, or nothing at all.
    await this.#answer();
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
      this.#attention.clear(subject);
      return true;
    } catch (error) {
      if (isHeadwaterError(error, 'HW_FOREIGN_KEYS')) {
        this.#isInStep = false;
        this.#attention.report('keys', error);
      } else if (!isHeadwaterError(error, 'HW_BROKER_UNREACHABLE')) {
        this.#attention.report(subject, error);
      } // else onDisconnect reports it, once and not per message
      this.#tryAgain();
      return false;
    }
  }

  #tryAgain(): void {
    if (this.#retry || this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#run(() => this.#catchUp());
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
    this.#attention.report(
      `service:${env}/${service}`,
      new HeadwaterError('HW_EQUIVOCATION', { message, hint }),
    );
  }
}
