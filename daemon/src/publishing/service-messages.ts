/** The messages that a plan puts on the topics of one service. Signed when they are sent, so that ten thousand do not stop the daemon. */
import { type SealedSecrets, serviceTopics } from '@headwater/schemas/protocol';
import type { Publisher } from '../ports.ts';
import type { MessageSigner } from './message-signer.ts';
import {
  diffPayload,
  type PayloadHead,
  schemaPayload,
  snapshotPayload,
  tombstonePayload,
} from './payloads.ts';
import type { PublishedService, ServicePlan } from './plan.ts';

export type ActivePlan = Extract<ServicePlan, { action: 'publish' | 'remove' }>;
/** A plan by which nothing is published. */
export type BlockedPlan = Exclude<ServicePlan, ActivePlan>;

export interface ServiceMessagesDeps {
  readonly publisher: Publisher;
  readonly signer: MessageSigner;
  readonly prefix: string;
  readonly deployment: string;
  readonly env: string;
}

export interface ServiceMessages {
  readonly service: string;
  sendSchema(): Promise<void>;
  sendSnapshot(): Promise<void>;
  sendDiff(): Promise<void>;
  /** What stands on the topics once all of it is acknowledged. */
  outcome(): PublishedService;
}

/**
 * @param secrets What a snapshot of the service carries.
 * @param issuedAt RFC 3339.
 */
export function serviceMessages(
  plan: ActivePlan,
  secrets: SealedSecrets | null,
  issuedAt: string,
  deps: ServiceMessagesDeps,
): ServiceMessages {
  const { deployment, env, prefix, signer, publisher } = deps;
  const { service, epoch } = plan;
  const topics = serviceTopics(prefix, env, service);
  const head: PayloadHead = { deployment, env, service, epoch, issuedAt };
  const retain = (topic: string, payload: Uint8Array) =>
    publisher.publish({ topic, payload, retain: true, qos: 1 });
  const sendOnDiff = (payload: Uint8Array) =>
    publisher.publish({ topic: topics.diff, payload, retain: false, qos: 1 });
  if (plan.action === 'remove') {
    const envelope = once(() => signer.sign(tombstonePayload(head)));
    return {
      service,
      sendSchema: async () => {},
      sendSnapshot: () => retain(topics.snapshot, envelope()),
      sendDiff: () => sendOnDiff(envelope()),
      outcome: () => ({ kind: 'tombstone', epoch, envelope: envelope() }),
    };
  }
  const { live, previous, newSchema } = plan;
  const schemaEnvelope = once(() =>
    newSchema ? signer.sign(schemaPayload(head, live)) : (previous?.schemaEnvelope as Uint8Array),
  );
  const envelope = once(() => signer.sign(snapshotPayload(head, live, secrets, live.requestId)));
  const { digest, schema, config } = live.resolved;
  return {
    service,
    sendSchema: async () => {
      if (newSchema) await retain(topics.schema, schemaEnvelope());
    },
    sendSnapshot: () => retain(topics.snapshot, envelope()),
    sendDiff: () => {
      const diff = diffPayload(head, live, secrets, previous, live.requestId);
      return sendOnDiff(diff ? signer.sign(diff) : envelope());
    },
    outcome: () => ({
      kind: 'snapshot',
      epoch,
      envelope: envelope(),
      digest,
      schema,
      config,
      secrets,
      schemaEnvelope: schemaEnvelope(),
    }),
  };
}

/** Services that go out in one go, with their messages one behind the other. */
const maxInOneGo = 256;
/** Messages that may wait for their acknowledgement at once: keeps the daemon answering, and MQTT's 65,535 packet ids suffice. */
const windowSize = 1_024;

/** Schemas of all services first, then snapshots, then diffs. [protocol §5] Resolves once all of it is acknowledged. */
export async function sendAll(services: readonly ServiceMessages[]): Promise<void> {
  const phases = (['sendSchema', 'sendSnapshot', 'sendDiff'] as const).map((send) =>
    services.map((one) => () => one[send]()),
  );
  // A few services go out in one go: the broker keeps their order, and nobody waits for three round trips.
  if (services.length <= maxInOneGo) await Promise.all(phases.flat().map((send) => send()));
  else for (const phase of phases) await inWindows(phase);
}

/** Runs jobs in order, a window of them at a time. */
export async function inWindows(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  for (let start = 0; start < jobs.length; start += windowSize)
    await Promise.all(jobs.slice(start, start + windowSize).map((job) => job()));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
