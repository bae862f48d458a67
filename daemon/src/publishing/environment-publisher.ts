/**
 * Keeps the topics of one environment in step with what is live: schemas, snapshots, diffs, then the epoch statement. It works
 * from state, not from events, so a crash, a lost broker or a burst of commits all end in the same messages.
 */
import {
  compareEpochs,
  type EpochPayload,
  epochTopic,
  type HeldService,
  serviceTopics,
} from '@headwater/schemas/protocol';
import {
  diffPayload,
  type PayloadHead,
  schemaPayload,
  snapshotPayload,
  statementPayload,
  tombstonePayload,
} from '../core/payloads.ts';
import { type PublishedService, planService, type ServicePlan } from '../core/plan.ts';
import type { EnvironmentTrack } from '../epochs/environment-track.ts';
import { type CommitPlace, epochAt } from '../epochs/place.ts';
import type { Clock, Publisher } from '../ports.ts';
import type { LkgWriter } from './lkg-writer.ts';
import type { MessageSigner } from './message-signer.ts';

export interface EnvironmentPublisherDeps {
  readonly publisher: Publisher;
  readonly signer: MessageSigner;
  readonly clock: Clock;
  readonly lkg: LkgWriter;
  readonly prefix: string;
  readonly deployment: string;
  readonly env: string;
  readonly era: number;
  /** A service that this daemon leaves to another one, and why. */
  readonly onBlocked: (env: string, plan: BlockedPlan) => void;
}

/** What one call published. */
export interface PublishSummary {
  readonly published: readonly string[];
  readonly removed: readonly string[];
}

export class EnvironmentPublisher {
  readonly env: string;
  /** What stands on the topics, by service. */
  readonly published: Map<string, PublishedService>;
  /** Newest statement of this environment, ours or another daemon's. */
  lastStatement: EpochPayload | null = null;
  #lastStatementBytes: Uint8Array | null = null;
  readonly #deps: EnvironmentPublisherDeps;

  constructor(deps: EnvironmentPublisherDeps, published: Map<string, PublishedService>) {
    this.env = deps.env;
    this.published = published;
    this.#deps = deps;
  }

  /**
   * Publishes what differs for the given services and resolves once the broker acknowledged all of it.
   * @param requestId Of the commit that is being published, for the log of whoever applies it.
   */
  async publish(
    track: EnvironmentTrack,
    services: Iterable<string>,
    requestId: string | undefined,
  ): Promise<PublishSummary> {
    if (!track.epoch) return { published: [], removed: [] };
    const plans: ActivePlan[] = [];
    for (const service of services) {
      const removedAt = epochAt(track.gone.get(service) ?? track.epoch, this.#deps.era);
      const plan = planService(
        service,
        track.live.get(service) ?? null,
        this.published.get(service) ?? null,
        removedAt,
      );
      if (plan?.action === 'stand-by' || plan?.action === 'conflict') this.#deps.onBlocked(this.env, plan);
      else if (plan) plans.push(plan);
    }
    const issuedAt = new Date(this.#deps.clock.now()).toISOString();
    const done = plans.map((plan) => this.#prepare(plan, issuedAt, requestId));
    // Schemas of all services first, then the messages that name them. [protocol §5]
    const acks = [
      ...done.map((one) => one.sendSchema()),
      ...done.map((one) => one.sendSnapshot()),
      ...done.map((one) => one.sendDiff()),
    ];
    await Promise.all(acks);
    for (const { service, next } of done) {
      this.published.set(service, next);
      this.#deps.lkg.enqueue(this.env, service, next);
    }
    return {
      published: plans.flatMap((plan) => (plan.action === 'publish' ? [plan.service] : [])),
      removed: plans.flatMap((plan) => (plan.action === 'remove' ? [plan.service] : [])),
    };
  }

  /** Signs and publishes where the environment stands. */
  async publishStatement(track: EnvironmentTrack, status: EpochPayload['status']): Promise<void> {
    if (!track.epoch) return;
    await this.#sendStatement(track.epoch, status, track);
  }

  /** Ends an environment that is no longer declared: tombstones, then a last statement. */
  async remove(at: CommitPlace): Promise<void> {
    const track = { epoch: at, recent: [], held: [] };
    const epoch = epochAt(at, this.#deps.era);
    const issuedAt = new Date(this.#deps.clock.now()).toISOString();
    const plans = [...this.published].flatMap(
      ([service, published]) => planService(service, null, published, epoch) ?? [],
    );
    const done = plans
      .filter((plan) => plan.action === 'remove')
      .map((plan) => this.#prepare(plan, issuedAt, undefined));
    await Promise.all(done.flatMap((one) => [one.sendSnapshot(), one.sendDiff()]));
    for (const { service, next } of done) {
      this.published.set(service, next);
      this.#deps.lkg.enqueue(this.env, service, next);
    }
    await this.#sendStatement(at, 'removed', track);
  }

  /** True when nothing needs to be published for the service. */
  saysWhatIsLive(track: EnvironmentTrack, service: string): boolean {
    if (!track.epoch) return true;
    const removedAt = epochAt(track.gone.get(service) ?? track.epoch, this.#deps.era);
    return (
      planService(
        service,
        track.live.get(service) ?? null,
        this.published.get(service) ?? null,
        removedAt,
      ) === null
    );
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
    if (this.#lastStatementBytes)
      await this.#retain(epochTopic(this.#deps.prefix, this.env), this.#lastStatementBytes);
  }

  /** Takes note of a verified statement found on the broker, so that ours is newer. */
  noteStatement(payload: EpochPayload): void {
    if (this.lastStatement && Date.parse(payload.issuedAt) <= Date.parse(this.lastStatement.issuedAt)) return;
    this.lastStatement = payload;
    this.#lastStatementBytes = null;
  }

  /** Bytes of the newest statement, when this daemon made it. */
  get statementBytes(): Uint8Array | null {
    return this.#lastStatementBytes;
  }

  async #sendStatement(
    place: CommitPlace,
    status: EpochPayload['status'],
    track: Pick<EnvironmentTrack, 'recent' | 'held'>,
  ): Promise<void> {
    const { deployment, clock, era, signer, prefix } = this.#deps;
    const epoch = epochAt(place, era);
    // Another daemon published a later epoch: this one is behind and leaves the word to it.
    if (this.lastStatement && compareEpochs(this.lastStatement.epoch, epoch) > 0) return;
    const after = this.lastStatement ? Date.parse(this.lastStatement.issuedAt) + 1 : 0;
    const payload = statementPayload({
      deployment,
      env: this.env,
      epoch,
      recent: track.recent,
      status,
      held: track.held.map(heldService),
      issuedAtMs: Math.max(clock.now(), after),
    });
    const bytes = signer.sign(payload);
    this.lastStatement = payload;
    this.#lastStatementBytes = bytes;
    await this.#retain(epochTopic(prefix, this.env), bytes);
  }

  #prepare(plan: ActivePlan, issuedAt: string, requestId: string | undefined): PreparedService {
    const { deployment, prefix, signer, publisher } = this.#deps;
    const { service, epoch } = plan;
    const topics = serviceTopics(prefix, this.env, service);
    const head: PayloadHead = { deployment, env: this.env, service, epoch, issuedAt };
    const sendDiff = (payload: Uint8Array) =>
      publisher.publish({ topic: topics.diff, payload, retain: false, qos: 1 });
    if (plan.action === 'remove') {
      const envelope = signer.sign(tombstonePayload(head));
      return {
        service,
        next: { kind: 'tombstone', epoch, envelope },
        sendSchema: async () => {},
        sendSnapshot: () => this.#retain(topics.snapshot, envelope),
        sendDiff: () => sendDiff(envelope),
      };
    }
    const { live, previous } = plan;
    const schemaEnvelope = plan.newSchema
      ? signer.sign(schemaPayload(head, live))
      : (previous?.schemaEnvelope as Uint8Array);
    const envelope = signer.sign(snapshotPayload(head, live, requestId));
    const { digest, schema, config, secrets } = live.resolved;
    return {
      service,
      next: {
        kind: 'snapshot',
        epoch,
        envelope,
        digest,
        schema,
        config,
        secretsRev: secrets?.rev ?? null,
        schemaEnvelope,
      },
      sendSchema: async () => {
        if (plan.newSchema) await this.#retain(topics.schema, schemaEnvelope);
      },
      sendSnapshot: () => this.#retain(topics.snapshot, envelope),
      sendDiff: () => {
        const diff = diffPayload(head, live, previous, requestId);
        return sendDiff(diff ? signer.sign(diff) : envelope);
      },
    };
  }

  #retain(topic: string, payload: Uint8Array): Promise<void> {
    return this.#deps.publisher.publish({ topic, payload, retain: true, qos: 1 });
  }
}

type ActivePlan = Extract<ServicePlan, { action: 'publish' | 'remove' }>;
/** A plan by which nothing is published. */
export type BlockedPlan = Exclude<ServicePlan, ActivePlan>;

interface PreparedService {
  readonly service: string;
  readonly next: PublishedService;
  sendSchema(): Promise<void>;
  sendSnapshot(): Promise<void>;
  sendDiff(): Promise<void>;
}

/** Longest pointer in a statement: ten of them must fit into 8 KiB. */
const maxPointerLength = 200;

function heldService(item: EnvironmentTrack['held'][number]): HeldService {
  const { pointer, code } = item.finding;
  return {
    service: item.service,
    since: item.since.commit,
    code,
    ...(pointer && pointer.length <= maxPointerLength ? { pointer } : {}),
  };
}
