/**
 * From a commit to what services run, in reading order: the branch moves → epochs → messages → broker → last-known-good copies.
 * One job at a time; every job works from state, so whatever failed is simply done again. Story: docs/architecture.md.
 */
import {
  type CryptoBackend,
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
import type { OwnLine } from './ledger/without-claims.ts';
import { Lineage, type LineageDeps } from './lineage/lineage.ts';
import { RewriteDesk } from './lineage/rewrite-desk.ts';
import type { LiveEvents } from './live-events.ts';
import type { CommitId, IncomingMessage, Publisher } from './ports.ts';
import type { Problems } from './problems.ts';
import { syncKeys } from './publishing/broker-sync.ts';
import type { EnvironmentPublisherDeps } from './publishing/environment-publisher.ts';
import { Environments } from './publishing/environments.ts';
import type { LkgWriter } from './publishing/lkg-writer.ts';
import type { PublishedService } from './publishing/plan.ts';
import { Statements } from './publishing/statements.ts';
import { TopicGuard } from './publishing/topic-guard.ts';
import type { Receipts } from './receipts.ts';
import { RetryTimer } from './retry-timer.ts';
import { SerialQueue } from './serial-queue.ts';

export interface PipelineDeps extends Omit<EnvironmentPublisherDeps, 'env' | 'era'>, LineageDeps {
  readonly publisher: Publisher;
  readonly lkg: LkgWriter;
  /** Asked whenever it is needed: it moves when keys are rotated or revoked. */
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

export class Pipeline {
  /** Where a rewritten branch is looked at and accepted. */
  readonly rewrites: RewriteDesk;
  readonly #deps: PipelineDeps;
  readonly #queue = new SerialQueue();
  readonly #environments: Environments;
  readonly #statements: Statements;
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
  /** A connect or a new commit tries at once. */
  readonly #retry = new RetryTimer(() => void this.#run(() => this.#catchUp()));

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#attention = new Attention(deps.problems, deps.log);
    this.#environments = new Environments(deps, {
      attention: this.#attention,
      reports: new EnvironmentReports({ ...deps, era: () => this.era }),
      isInStep: () => this.#isInStep,
      attempt: (subject, step) => this.#attempt(subject, step),
      requestStatement: (env) => this.#statements.request(env),
    });
    const { publishers } = this.#environments;
    this.#guard = new TopicGuard(deps, {
      publishers,
      publisherOf: (env) => this.#environments.of(env),
      later: (repair) => void this.#run(() => this.#attempt('repair', repair)),
    });
    this.#statements = new Statements(deps, {
      publisherOf: (env) => this.#environments.of(env),
      speaksOf: (env) => this.#speaksOf(env),
      isInStep: () => this.#isInStep,
      isTroubled: () => ['history', 'branch', 'read'].some((subject) => deps.problems.has(subject)),
      later: (env, job) => void this.#run(() => this.#attempt(`publish:${env}`, job)),
      said: () => this.#lineage.ledger.note(),
    });
    this.#lineage = new Lineage(deps, {
      publishers,
      attention: this.#attention,
      lookAgain: () => void this.#run(() => this.#catchUp()),
    });
    this.rewrites = new RewriteDesk(deps, {
      lineage: this.#lineage,
      publishers,
      tip: () => this.tip,
      run: (job) => this.#run(job),
      look: () => this.#look(),
      catchUp: () => this.#catchUp(),
    });
    for (const [env, published] of deps.stored) this.#environments.of(env, published);
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
    if (tip !== null && tip !== this.#tip) this.#deps.events.publish({ type: 'tip', commit: tip });
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

  /**
   * Keys were rotated or revoked: the new list goes out first, then everything that stands on the topics, signed anew. Resolves when that
   * is done, or waits for the broker.
   */
  onKeys(): Promise<void> {
    return this.#run(async () => {
      const isRevoked = await this.#environments.signAnew(this.#deps.keyring);
      // The ledger may hold what a stolen key claimed, and its seal may count no more.
      await this.#lineage.ledger.reseal(isRevoked ? this.#ownLine() : null);
      if (this.#isInStep)
        await this.#attempt('broker', async () => {
          await syncKeys(this.#deps);
          await this.#environments.reassertAll();
        });
      await this.#catchUp();
    });
  }

  /** Signs and publishes every statement anew, and whatever could not be published before. */
  refreshStatements(): Promise<void> {
    return this.#run(async () => {
      await this.#attempt('repair', () => this.#statements.look(this.#known));
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
    this.#retry.stop();
    this.#guard.stop();
    this.#statements.stop();
    await this.#queue.idle();
    await this.#lineage.ledger.stop();
  }

  /** Environments that were ever heard of. */
  get #known(): string[] {
    return [...this.#environments.publishers.keys()];
  }

  /** What can be told of the line without believing anybody: what the engine has read, else what is in the repository at all. */
  #ownLine(): OwnLine {
    const engine = this.#lineage.line.reading;
    const { reader } = this.#deps;
    return {
      at: engine?.at ?? null,
      async has({ commit, seq }) {
        try {
          if (engine) return engine.placeOf(commit).seq === seq;
          await reader.readCommit(commit);
          return true;
        } catch (error) {
          if (isHeadwaterError(error, 'HW_OBJECT_MISSING')) return false;
          throw error;
        }
      },
    };
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
      this.#retry.request();
    }
  }

  /** Learns what other daemons said and did meanwhile. */
  async #look(): Promise<void> {
    await this.#attempt('repair', () => this.#statements.look(this.#known));
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
    if (isDone && this.#isInStep && !this.#lineage.line.isStuck) this.#retry.succeeded();
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
      if (!(await this.#attempt('repair', () => this.#statements.look(this.#known)))) return false;
      await this.#settle();
    }
    const engine = this.#lineage.speaker;
    if (!engine) return this.#renewStatements();
    return this.#environments.publish(engine, which);
  }

  /** What this daemon may say of an environment now; a refused branch leaves that to others as long as there are any. */
  #speaksOf(env: string): EnvironmentTrack | null {
    if (!this.#isInStep || this.#stopped) return null;
    if (this.#lineage.line.refusal && this.#environments.of(env).isLedByAnother) return null;
    return this.#lineage.speaker?.environments.get(env) ?? null;
  }

  /** Nothing new may be said. What was said last still holds, and somebody has to say so. */
  async #renewStatements(): Promise<boolean> {
    if (!this.#isInStep || !this.#lineage.line.refusal) return true;
    return this.#attempt('repair', () => this.#environments.renewStatements());
  }

  /** The broker is there: nothing on it is taken for granted. */
  async #sync(): Promise<void> {
    await syncKeys(this.#deps);
    this.#attention.clear('keys');
    const recorded = this.#lineage.ledger.record?.published.keys() ?? [];
    const declared = this.engine?.environments.keys() ?? [];
    const envs = new Set([...this.#known, ...recorded, ...declared]);
    await this.#statements.read([...envs]);
    for (const env of envs) await this.#environments.takeOver(env, this.engine?.environments.get(env));
    this.#isInStep = this.#isConnected;
    this.#deps.log.info({ broker: this.#deps.publisher.url }, 'broker in step');
    this.#deps.onInStep?.();
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
      this.#retry.request();
      return false;
    }
  }
}
