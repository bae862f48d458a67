/**
 * Epoch statements: what others say on the broker is read before this daemon speaks, and it speaks at most twice a second per
 * environment. A process may be put to sleep in the middle of a job, while another daemon goes on: the clock tells.
 */
import { epochTopic } from '@headwater/schemas/protocol';
import type { EnvironmentTrack } from '../epochs/environment-track.ts';
import type { Clock } from '../ports.ts';
import { type BrokerSyncDeps, openStatement } from './broker-sync.ts';
import type { EnvironmentPublisher } from './environment-publisher.ts';
import { StatementPacer } from './statement-pacer.ts';

/** A job that lasts longer looks again at what other daemons said before it says something itself. */
const sleptMs = 250;

export interface StatementsDeps extends BrokerSyncDeps {
  readonly clock: Clock;
  /** True with an outside broker, on which other daemons may speak. */
  readonly guardTopics: boolean;
}

/** What statements are about, as the pipeline has it at the moment. */
export interface StatementsScene {
  publisherOf(env: string): EnvironmentPublisher;
  /** What is live in an environment; `null` when nothing may be said of it now. */
  speaksOf(env: string): EnvironmentTrack | null;
  /** What the broker holds was read since it is connected. */
  isInStep(): boolean;
  /** Something is wrong that concerns every environment. */
  isTroubled(): boolean;
  /** A statement went out. */
  said(): void;
  /** Runs a job as soon as the running one is done; what fails in it is about publishing this environment. */
  later(env: string, job: () => Promise<void>): void;
}

export class Statements {
  readonly #deps: StatementsDeps;
  readonly #scene: StatementsScene;
  readonly #pacers = new Map<string, StatementPacer>();
  /** When this process last knew what others said, on the monotonic clock. */
  #lookedAt = 0;

  constructor(deps: StatementsDeps, scene: StatementsScene) {
    this.#deps = deps;
    this.#scene = scene;
  }

  /** A new job begins: until it lasts long, nothing was missed. */
  begin(): void {
    this.#lookedAt = this.#deps.clock.monotonic();
  }

  /** A stopped process goes on in the middle of a job as if nothing had been; the clock knows better. */
  get mayHaveSlept(): boolean {
    return this.#deps.clock.monotonic() - this.#lookedAt > sleptMs;
  }

  /**
   * Reads where the environments stand on an outside broker. A timer may go off in a process that was asleep, whose news of other
   * daemons still lie unread in the socket: it must look before it speaks.
   */
  async look(envs: readonly string[]): Promise<void> {
    if (!this.#deps.guardTopics || !this.#scene.isInStep()) return;
    await this.read(envs);
    this.begin();
  }

  /** Takes over newer verified statements from the broker, and puts ours back where none stands that could be newer. */
  async read(envs: readonly string[]): Promise<void> {
    const topics = envs.map((env) => ({ env, topic: epochTopic(this.#deps.prefix, env) }));
    const retained = await this.#deps.publisher.readRetained(topics.map(({ topic }) => topic));
    for (const { env, topic } of topics) {
      const bytes = retained.get(topic);
      const publisher = this.#scene.publisherOf(env);
      if (bytes && publisher.isNewestStatement(bytes)) continue;
      const found = openStatement(env, bytes, this.#deps);
      if (!found || !bytes || !publisher.noteStatement(found, bytes)) await publisher.reassertStatement();
    }
  }

  /** Asks for a statement of an environment: now, or as soon as the pace allows. */
  async request(env: string): Promise<void> {
    await this.#pacerOf(env).request();
  }

  stop(): void {
    for (const pacer of this.#pacers.values()) pacer.stop();
  }

  #pacerOf(env: string): StatementPacer {
    let pacer = this.#pacers.get(env);
    if (!pacer) {
      const later = (send: () => Promise<void>) =>
        this.#scene.later(env, async () => {
          await this.look([env]);
          await send();
        });
      pacer = new StatementPacer(this.#deps.clock, () => this.#send(env), later);
      this.#pacers.set(env, pacer);
    }
    return pacer;
  }

  async #send(env: string): Promise<void> {
    if (this.mayHaveSlept) await this.look([env]);
    const track = this.#scene.speaksOf(env);
    if (!track) return;
    const isDegraded = track.held.length > 0 || this.#scene.isTroubled();
    await this.#scene.publisherOf(env).publishStatement(track, isDegraded ? 'degraded' : 'ok');
    this.#scene.said();
  }
}
