/** All environments of a deployment: taken over from the broker, published side by side, ended when nobody declares them any more. */
import { describeEpoch, HeadwaterError, type Keyring } from '@headwater/schemas/protocol';
import type { Attention } from '../attention.ts';
import type { EnvironmentReports } from '../environment-reports.ts';
import type { EnvironmentTrack } from '../epochs/environment-track.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { Log } from '../log.ts';
import { adoptRetained, type BrokerSyncDeps } from './broker-sync.ts';
import { EnvironmentPublisher, type EnvironmentPublisherDeps } from './environment-publisher.ts';
import type { PublishedService } from './plan.ts';
import { type BlockedPlan, inWindows } from './service-messages.ts';
import { countsUnder } from './sign-anew.ts';

export interface EnvironmentsDeps extends Omit<EnvironmentPublisherDeps, 'env'>, BrokerSyncDeps {
  readonly publisher: EnvironmentPublisherDeps['publisher'] & BrokerSyncDeps['publisher'];
  readonly log: Log;
}

export interface EnvironmentsScene {
  readonly attention: Attention;
  readonly reports: EnvironmentReports;
  /** What the broker holds was read since it is connected. */
  isInStep(): boolean;
  /** Runs a step that talks to the broker; false when it failed, and was reported about `subject`. */
  attempt(subject: string, step: () => Promise<void>): Promise<boolean>;
  /** Asks for a statement of an environment. */
  requestStatement(env: string): Promise<void>;
}

export class Environments {
  readonly publishers = new Map<string, EnvironmentPublisher>();
  readonly #deps: EnvironmentsDeps;
  readonly #scene: EnvironmentsScene;

  constructor(deps: EnvironmentsDeps, scene: EnvironmentsScene) {
    this.#deps = deps;
    this.#scene = scene;
  }

  /** The publisher of an environment, made when there is none yet, with what is `published` there. */
  of(env: string, published: Map<string, PublishedService> = new Map()): EnvironmentPublisher {
    let publisher = this.publishers.get(env);
    if (!publisher) {
      publisher = new EnvironmentPublisher({ ...this.#deps, env }, published);
      this.publishers.set(env, publisher);
    }
    return publisher;
  }

  /** Takes over what is verified on the broker, and puts back what it lost. @param track What is live, as far as it is known. */
  async takeOver(env: string, track: EnvironmentTrack | undefined): Promise<void> {
    const publisher = this.of(env);
    const services = [...new Set([...publisher.published.keys(), ...(track?.live.keys() ?? [])])];
    const missing = await adoptRetained(publisher, services, this.#deps);
    // What is about to be replaced anyway is not put back first.
    const lasting = missing.filter((service) => !track || publisher.saysWhatIsLive(track, service));
    await inWindows(lasting.map((service) => () => publisher.reassert(service)));
    publisher.noteAll();
  }

  /** Publishes what waits, and where the environments stand: `all` of them, or those that have news. False when something is left to do. */
  async publish(engine: EpochEngine, which: 'all' | 'news'): Promise<boolean> {
    const tracks = [...engine.environments.values()];
    for (const track of tracks) this.of(track.env).noteChanges(track);
    const chosen = tracks.filter((track) => which === 'all' || this.of(track.env).hasNews(track));
    // Side by side: no environment waits for what another one's subscribers acknowledge.
    const done = await Promise.all(chosen.map((track) => this.#publishOne(track)));
    this.#scene.reports.judged(tracks);
    this.#scene.reports.warned(engine.warnings);
    return (await this.#removeUndeclared(engine)) && done.every(Boolean);
  }

  /** Signs everything that is stored with the keys that count now; see `EnvironmentPublisher.signAnew`. */
  async signAnew(keyring: Keyring): Promise<boolean> {
    let isRevoked = false;
    for (const publisher of this.publishers.values())
      isRevoked = (await publisher.signAnew(countsUnder(keyring))) || isRevoked;
    return isRevoked;
  }

  /** Puts everything that is stored back on its topics. @throws HeadwaterError as `Publisher.publish`. */
  async reassertAll(): Promise<void> {
    for (const publisher of this.publishers.values()) await publisher.reassertAll();
  }

  /** Says again what was said last. @throws HeadwaterError as `Publisher.publish`. */
  async renewStatements(): Promise<void> {
    for (const publisher of this.publishers.values()) await publisher.renewStatement();
  }

  async #publishOne(track: EnvironmentTrack): Promise<boolean> {
    const { attention, reports, isInStep, attempt, requestStatement } = this.#scene;
    if (!isInStep()) return true; // the next connect does it
    const publisher = this.of(track.env);
    let isOpen = true;
    const isDone = await attempt(`publish:${track.env}`, async () => {
      const summary = await publisher.publish(track);
      isOpen = this.#noteStandBy(track.env, summary.standsBy);
      reports.published(track, summary);
      for (const service of summary.settled) attention.clear(`service:${track.env}/${service}`);
      for (const plan of summary.blocked) this.#reportBlocked(track.env, plan);
      await requestStatement(track.env);
    });
    return isDone && isOpen;
  }

  /** A daemon that cannot open an environment's secrets publishes nothing new of it. [protocol §5] */
  #noteStandBy(env: string, reason: HeadwaterError | null): boolean {
    if (reason === null) this.#scene.attention.clear(`secrets:${env}`);
    else this.#scene.attention.report(`secrets:${env}`, reason);
    return reason === null;
  }

  /** Environments that headwater.json no longer names end with tombstones and a last statement, again in every era. */
  async #removeUndeclared(engine: EpochEngine): Promise<boolean> {
    const { attention, attempt, isInStep } = this.#scene;
    const { at } = engine;
    if (!at || !isInStep() || !engine.index.settings) return true;
    let isDone = true;
    for (const publisher of this.publishers.values()) {
      const { env, lastStatement } = publisher;
      if (engine.environments.has(env) || !publisher.isKnown) continue;
      const isEnded =
        lastStatement?.status === 'removed' && lastStatement.epoch.era === this.#deps.era.current;
      if (isEnded && !publisher.hasPending) continue;
      const attempted = await attempt(`publish:${env}`, async () => {
        await publisher.remove(at, engine.goneFrom(env));
        for (const service of publisher.published.keys()) attention.clear(`service:${env}/${service}`);
        attention.clear(`secrets:${env}`);
        this.#deps.log.info({ env }, 'environment removed');
      });
      isDone = attempted && isDone;
    }
    return isDone;
  }

  #reportBlocked(env: string, { action, service, epoch }: BlockedPlan): void {
    if (action === 'stand-by') {
      this.#deps.log.debug({ env, service, epoch }, 'another daemon is ahead with this service, standing by');
      return;
    }
    const message = `${service} in ${env} was published with other content at ${describeEpoch(epoch)}`;
    const hint =
      'Two daemons disagree, or one was changed. Commit any change to the service: a new epoch settles it.';
    this.#scene.attention.report(
      `service:${env}/${service}`,
      new HeadwaterError('HW_EQUIVOCATION', { message, hint }),
    );
  }
}
