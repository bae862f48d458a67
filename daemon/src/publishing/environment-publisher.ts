/**
 * Keeps the topics of one environment in step with what is live: schemas, snapshots, diffs, then the epoch statement. It works
 * from state, not from events, so a crash, a lost broker or a burst of commits all end in the same messages.
 */
import {
  compareEpochs,
  type Epoch,
  type EpochPayload,
  epochTopic,
  equalBytes,
  type HeadwaterError,
  isHeadwaterError,
  sameEpoch,
  serviceTopics,
  statementIntervalMs,
} from '@headwater/schemas/protocol';
import { createBreather } from '../breather.ts';
import type { EnvironmentTrack } from '../epochs/environment-track.ts';
import type { EraSource } from '../epochs/era.ts';
import { type CommitPlace, epochAt } from '../epochs/place.ts';
import type { Clock } from '../ports.ts';
import type { LkgWriter } from './lkg-writer.ts';
import { heldService, statementPayload, statementTimes, tombstonePayload } from './payloads.ts';
import { type PublishedService, planService, type ServicePlan } from './plan.ts';
import { type ServiceSealer, sealPlans } from './seal-plans.ts';
import {
  type ActivePlan,
  type BlockedPlan,
  inWindows,
  type ServiceMessagesDeps,
  sendAll,
  serviceMessages,
} from './service-messages.ts';
import { signedAnew } from './sign-anew.ts';

export interface EnvironmentPublisherDeps extends ServiceMessagesDeps {
  readonly clock: Clock;
  readonly lkg: LkgWriter;
  readonly sealer: ServiceSealer;
  readonly era: EraSource;
}

/** A statement that its daemon has not renewed for so long has nobody to renew it. */
const abandonedMs = 1.5 * statementIntervalMs;

/** What one call did. */
export interface PublishSummary {
  readonly published: readonly string[];
  readonly removed: readonly string[];
  /** Left to another daemon, and why. */
  readonly blocked: readonly BlockedPlan[];
  /** Services whose topics say what is live now. */
  readonly settled: readonly string[];
  /** Why this daemon could not, or must not, seal some secrets: nothing was published, and everything still waits. */
  readonly standsBy: HeadwaterError | null;
}

export class EnvironmentPublisher {
  readonly env: string;
  /** What stands on the topics, by service. */
  readonly published: Map<string, PublishedService>;
  readonly #deps: EnvironmentPublisherDeps;
  /** Services whose topics may not say what is live. One leaves the set when the broker acknowledged it, never earlier. */
  readonly #pending = new Set<string>();
  #track: EnvironmentTrack | null = null;
  #standsBy: HeadwaterError | null = null;
  /** Newest verified statement by (epoch, issuedAt), ours or another daemon's; since when it is known, on the monotonic clock. */
  #statement: {
    readonly payload: EpochPayload;
    readonly bytes: Uint8Array;
    readonly isOurs: boolean;
    readonly sinceMs: number;
  } | null = null;
  /** Highest era that anything verified on the topics, or kept on disk, has spoken of. */
  #highestEra = 0;
  /** Latest `issuedAt` of any verified statement, also of a daemon that is behind. */
  #issuedAtMs = 0;

  constructor(deps: EnvironmentPublisherDeps, published: Map<string, PublishedService>) {
    this.env = deps.env;
    this.published = published;
    this.#deps = deps;
    for (const { epoch } of published.values()) this.#sawEra(epoch.era);
  }

  /** True when anything of the environment was ever published, as far as this daemon knows. */
  get isKnown(): boolean {
    return this.published.size > 0 || this.#statement !== null;
  }

  /** Highest era that anything verified has spoken of; 0 for none. */
  get highestEra(): number {
    return this.#highestEra;
  }

  get lastStatement(): EpochPayload | null {
    return this.#statement?.payload ?? null;
  }

  /** True while another daemon says where the environment stands, and renews it. */
  get isLedByAnother(): boolean {
    if (!this.#statement || this.#statement.isOurs) return false;
    return this.#deps.clock.monotonic() - this.#statement.sinceMs < abandonedMs;
  }

  /** True while something waits for the broker. */
  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** True when the topics, or the newest statement, do not say what is live. */
  hasNews(track: EnvironmentTrack): boolean {
    if (this.hasPending || !track.epoch) return this.hasPending;
    const told = this.lastStatement?.epoch;
    return told === undefined || !sameEpoch(told, this.#epochAt(track.epoch));
  }

  /** Takes note of what moved since the last call. Another track than before knows nothing of what left earlier: all is looked at. */
  noteChanges(track: EnvironmentTrack): void {
    for (const service of track.takeChanged()) this.#pending.add(service);
    if (track === this.#track) return;
    this.#track = track;
    for (const service of [...track.live.keys(), ...this.published.keys()]) this.#pending.add(service);
  }

  /** The broker may have forgotten anything: the next `noteChanges` looks at every service. */
  noteAll(): void {
    this.#track = null;
  }

  /**
   * Publishes what waits and resolves once the broker acknowledged all of it. When it fails, everything still waits. Secrets that this
   * daemon cannot open are nobody's mistake: it stands by for the whole environment, so that nothing goes live in part.
   */
  async publish(track: EnvironmentTrack): Promise<PublishSummary> {
    const plans: ActivePlan[] = [];
    const blocked: BlockedPlan[] = [];
    const settled: string[] = [];
    for (const service of track.epoch ? [...this.#pending] : []) {
      const plan = this.#plan(track, service);
      if (plan?.action === 'publish' || plan?.action === 'remove') {
        plans.push(plan);
        continue;
      }
      this.#pending.delete(service);
      if (plan) blocked.push(plan);
      else settled.push(service);
    }
    this.#standsBy = await this.#sendUnlessClosed(plans);
    if (this.#standsBy) return { published: [], removed: [], blocked, settled, standsBy: this.#standsBy };
    const of = (action: ActivePlan['action']) =>
      plans.filter((plan) => plan.action === action).map((plan) => plan.service);
    const [published, removed] = [of('publish'), of('remove')];
    return { published, removed, blocked, settled: [...settled, ...published, ...removed], standsBy: null };
  }

  /** Signs and publishes where the environment stands; never before what it speaks of, and never below a later epoch of another daemon. */
  async publishStatement(track: EnvironmentTrack, status: EpochPayload['status']): Promise<void> {
    if (track.epoch && !this.hasPending) await this.#sendStatement(track.epoch, status, track);
    else if (this.#standsBy) await this.renewStatement();
  }

  /** Ends an environment that is no longer declared: tombstones, then a last statement. */
  async remove(at: CommitPlace, gone: ReadonlyMap<string, CommitPlace>): Promise<void> {
    const plans = [...this.published].flatMap(([service, published]) => {
      const plan = planService(service, null, published, this.#epochAt(gone.get(service) ?? at));
      return plan?.action === 'remove' ? [plan] : [];
    });
    await this.#send(plans);
    this.#pending.clear();
    await this.#sendStatement(at, 'removed', { recent: [], held: [] });
  }

  /** True when nothing needs to be published for the service. */
  saysWhatIsLive(track: EnvironmentTrack, service: string): boolean {
    return !track.epoch || this.#plan(track, service) === null;
  }

  /**
   * Takes over a verified message that stands on a service's topics and is not older than the stored one.
   * @returns true when the schema topic lacks the message that is stored for it.
   */
  adopt(service: string, found: PublishedService): boolean {
    const stored = this.published.get(service);
    const isSchemaLost =
      found.kind === 'snapshot' && !found.schemaEnvelope && stored?.schema === found.schema;
    const schemaEnvelope = isSchemaLost ? stored?.schemaEnvelope : undefined;
    const next = schemaEnvelope ? { ...found, schemaEnvelope } : found;
    this.published.set(service, next);
    this.#sawEra(next.epoch.era);
    this.#pending.add(service);
    if (!stored || !equalBytes(stored.envelope, next.envelope))
      this.#deps.lkg.enqueue(this.env, service, next);
    return schemaEnvelope !== undefined;
  }

  /** Puts the stored message of a service back on its topics, byte for byte. */
  async reassert(service: string): Promise<void> {
    const published = this.published.get(service);
    if (!published) return;
    const topics = serviceTopics(this.#deps.prefix, this.env, service);
    if (published.schemaEnvelope) await this.#retain(topics.schema, published.schemaEnvelope);
    await this.#retain(topics.snapshot, published.envelope);
  }

  /** Puts the newest statement back, byte for byte. */
  async reassertStatement(): Promise<void> {
    if (this.#statement) await this.#retain(epochTopic(this.#deps.prefix, this.env), this.#statement.bytes);
  }

  /** True for the bytes of the newest statement. */
  isNewestStatement(bytes: Uint8Array): boolean {
    return this.#statement !== null && equalBytes(bytes, this.#statement.bytes);
  }

  /**
   * Keys were rotated or revoked. What stands on the topics and is what the repository says is signed anew; what only revoked keys signed
   * is forgotten, the daemon's own and what a thief put there alike: what is live is made anew, below whatever the stolen key claimed.
   * Other daemons' messages stay as they are: nobody here can vouch for them. Nothing is sent.
   * @param counts False for a message that only revoked keys signed.
   * @returns True when there was such a message.
   */
  async signAnew(counts: (envelope: Uint8Array) => boolean): Promise<boolean> {
    let isRevoked = false;
    const { clock, signer, lkg } = this.#deps;
    const issuedAt = new Date(clock.now()).toISOString();
    const breathe = createBreather();
    for (const [service, published] of [...this.published]) {
      await breathe();
      isRevoked ||= !counts(published.envelope);
      const kept = this.#toSign(service, published, counts);
      if (kept === null) this.published.delete(service);
      if (kept === null || kept === published) continue;
      const next = signedAnew(kept, signer, issuedAt);
      this.published.set(service, next);
      lkg.enqueue(this.env, service, next);
    }
    if (this.#statement && !counts(this.#statement.bytes)) {
      isRevoked = true;
      this.#statement = null;
      this.#issuedAtMs = 0;
    }
    this.#highestEra = this.#statement?.payload.epoch.era ?? 0;
    for (const { epoch } of this.published.values()) this.#sawEra(epoch.era);
    this.noteAll();
    return isRevoked;
  }

  /** @returns What to sign; the very same when it stays as it is; `null` when it goes. */
  #toSign(
    service: string,
    published: PublishedService,
    counts: (envelope: Uint8Array) => boolean,
  ): PublishedService | null {
    const track = this.#track;
    const isSound = counts(published.envelope);
    if (!track?.epoch) return isSound ? published : null;
    if (track.live.has(service)) {
      if (!isSound) return null;
      const { schemaEnvelope, ...rest } = published;
      const kept = schemaEnvelope && counts(schemaEnvelope) ? { ...rest, schemaEnvelope } : rest;
      return this.#plan(track, service) === null ? kept : published;
    }
    // A tombstone stands where the repository says that the service left, and no later: else it could never come back.
    const epoch = this.#epochAt(track.gone.get(service) ?? track.epoch);
    const isPlain = published.kind === 'tombstone' && compareEpochs(published.epoch, epoch) <= 0;
    if (isSound) return isPlain ? { ...published } : published;
    const { deployment, signer } = this.#deps;
    const head = {
      deployment,
      env: this.env,
      service,
      epoch,
      issuedAt: new Date(this.#deps.clock.now()).toISOString(),
    };
    return { kind: 'tombstone', epoch, envelope: signer.sign(tombstonePayload(head)) };
  }

  /** Puts everything that is stored back on its topics. @throws as `Publisher.publish`. */
  async reassertAll(): Promise<void> {
    await inWindows([...this.published.keys()].map((service) => () => this.reassert(service)));
  }

  /** Takes note of a verified statement found on the broker; false when it is older than the newest one. */
  noteStatement(payload: EpochPayload, bytes: Uint8Array, isOurs = false): boolean {
    this.#sawEra(payload.epoch.era);
    const issuedAtMs = Date.parse(payload.issuedAt);
    this.#issuedAtMs = Math.max(this.#issuedAtMs, issuedAtMs);
    const newest = this.lastStatement;
    const order = newest
      ? compareEpochs(payload.epoch, newest.epoch) || issuedAtMs - Date.parse(newest.issuedAt)
      : 1;
    if (order < 0) return false;
    this.#statement = { payload, bytes, isOurs, sinceMs: this.#deps.clock.monotonic() };
    return true;
  }

  /**
   * Says the newest statement again when nobody else does: this daemon may not say anything else, and what was published is still what
   * services shall run.
   */
  async renewStatement(): Promise<void> {
    const { clock, era, signer, prefix } = this.#deps;
    const payload = this.lastStatement;
    if (payload?.epoch.era !== era.current || this.isLedByAnother) return;
    const issuedAtMs = Math.max(clock.now(), this.#issuedAtMs + 1);
    const status = payload.status === 'removed' ? 'removed' : 'degraded';
    const renewed = { ...payload, ...statementTimes(issuedAtMs), status } as const;
    const bytes = signer.sign(renewed);
    this.noteStatement(renewed, bytes, true);
    await this.#retain(epochTopic(prefix, this.env), bytes);
  }

  #plan(track: EnvironmentTrack, service: string): ServicePlan | null {
    const live = track.live.get(service) ?? null;
    const left = track.gone.get(service) ?? track.epoch;
    if (!left) return null;
    return planService(service, live, this.published.get(service) ?? null, this.#epochAt(left));
  }

  /** What was sealed is there before the first message goes out. */
  async #sendUnlessClosed(plans: readonly ActivePlan[]): Promise<HeadwaterError | null> {
    try {
      await this.#send(plans);
      return null;
    } catch (error) {
      if (isHeadwaterError(error, 'HW_SECRET_UNREADABLE') || isHeadwaterError(error, 'HW_SECRET_COPIED'))
        return error;
      throw error;
    }
  }

  async #send(plans: readonly ActivePlan[]): Promise<void> {
    const sealed = await sealPlans(plans, this.#deps.sealer);
    const issuedAt = new Date(this.#deps.clock.now()).toISOString();
    const messages = plans.map((plan) =>
      serviceMessages(plan, sealed.get(plan.service) ?? null, issuedAt, this.#deps),
    );
    await sendAll(messages);
    for (const one of messages) {
      const published = one.outcome();
      this.published.set(one.service, published);
      this.#sawEra(published.epoch.era);
      this.#pending.delete(one.service);
      // After the acknowledgement: the copy is the cursor.
      this.#deps.lkg.enqueue(this.env, one.service, published);
    }
  }

  async #sendStatement(
    place: CommitPlace,
    status: EpochPayload['status'],
    track: Pick<EnvironmentTrack, 'recent' | 'held'>,
  ): Promise<void> {
    const { deployment, clock, signer, prefix } = this.#deps;
    const epoch = this.#epochAt(place);
    if (this.lastStatement && compareEpochs(this.lastStatement.epoch, epoch) > 0) return;
    const payload = statementPayload({
      deployment,
      env: this.env,
      epoch,
      recent: track.recent,
      status,
      held: track.held.map(heldService),
      issuedAtMs: Math.max(clock.now(), this.#issuedAtMs + 1),
    });
    const bytes = signer.sign(payload);
    this.noteStatement(payload, bytes, true);
    await this.#retain(epochTopic(prefix, this.env), bytes);
  }

  #sawEra(era: number): void {
    this.#highestEra = Math.max(this.#highestEra, era);
  }

  #epochAt(place: CommitPlace): Epoch {
    return epochAt(place, this.#deps.era.current);
  }

  #retain(topic: string, payload: Uint8Array): Promise<void> {
    return this.#deps.publisher.publish({ topic, payload, retain: true, qos: 1 });
  }
}
