/**
 * What the broker holds against what this daemon has published: verified newer messages are another daemon's and win, everything
 * else is put right. Nothing is ever published below a verified message on its topic.
 */
import {
  type CryptoBackend,
  compareEpochs,
  digestOf,
  type EpochPayload,
  equalBytes,
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  keysTopic,
  openKeys,
  openMessage,
  type SchemaPayload,
  serviceTopics,
} from '@headwater/schemas/protocol';
import type { Publisher } from '../ports.ts';
import type { EnvironmentPublisher } from './environment-publisher.ts';
import type { PublishedService } from './plan.ts';

export interface BrokerSyncDeps {
  readonly publisher: Publisher;
  /** Asked whenever it is needed: it moves when keys are rotated or revoked. */
  readonly keyring: Keyring;
  readonly crypto: CryptoBackend;
  readonly prefix: string;
}

/**
 * Reads the retained `keys` and publishes ours when it is missing, older or unverifiable.
 * @throws HeadwaterError `HW_FOREIGN_KEYS` when another root's keys stand there, `HW_BROKER_UNREACHABLE`.
 */
export async function syncKeys(deps: BrokerSyncDeps): Promise<void> {
  const { publisher, keyring, crypto, prefix } = deps;
  const topic = keysTopic(prefix);
  const found = (await publisher.readRetained([topic])).get(topic);
  if (found && equalBytes(found, keyring.envelope)) return;
  if (found && judgeKeys(found, keyring, crypto) === 'newer') {
    throw new HeadwaterError('HW_FOREIGN_KEYS', {
      message: 'the broker holds a newer key list than this daemon has',
      hint: 'Another daemon rotated keys. Copy its <data>/keys here, or stop this daemon.',
    });
  }
  await publisher.publish({ topic, payload: keyring.envelope, retain: true, qos: 1 });
}

/** @throws HeadwaterError `HW_FOREIGN_KEYS`. Damaged bytes are nobody's keys: they are simply replaced. */
function judgeKeys(bytes: Uint8Array, ours: Keyring, crypto: CryptoBackend): 'newer' | 'replace' {
  try {
    const found = openKeys(bytes, { roots: ours.roots, deployment: ours.deployment, version: 0 }, crypto);
    return found.version > ours.version ? 'newer' : 'replace';
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_SIGNER_UNKNOWN')) return 'replace';
    throw new HeadwaterError('HW_FOREIGN_KEYS', {
      message: 'the broker already serves this deployment with keys of another root',
      hint: 'Two daemons with different <data>/keys share one broker and one deployment name: give one its own deployment, or copy the keys.',
      cause: error,
    });
  }
}

/** Services whose topics are read in one go. */
const readAtOnce = 1_024;
/** Services judged before others get a turn: verifying ten thousand messages must not stop the daemon. */
const judgedAtOnce = 128;

/** Takes over what is verified and newer on the broker, for the given services. Returns the ones whose stored message is missing there. */
export async function adoptRetained(
  environment: EnvironmentPublisher,
  services: readonly string[],
  deps: BrokerSyncDeps,
): Promise<string[]> {
  const { publisher, prefix } = deps;
  const { env } = environment;
  const missing: string[] = [];
  for (let start = 0; start < services.length; start += readAtOnce) {
    const some = services.slice(start, start + readAtOnce);
    const topics = some.map((service) => ({ service, ...serviceTopics(prefix, env, service) }));
    const retained = await publisher.readRetained(
      topics.flatMap(({ snapshot, schema }) => [snapshot, schema]),
    );
    for (const [at, { service, snapshot, schema }] of topics.entries()) {
      if (at % judgedAtOnce === 0) await nextTurn();
      if (isMissing(environment, service, retained.get(snapshot), retained.get(schema), deps))
        missing.push(service);
    }
  }
  return missing;
}

function isMissing(
  environment: EnvironmentPublisher,
  service: string,
  snapshot: Uint8Array | undefined,
  schema: Uint8Array | undefined,
  deps: BrokerSyncDeps,
): boolean {
  const stored = environment.published.get(service);
  if (stored && isSame(snapshot, stored.envelope) && isSame(schema, stored.schemaEnvelope)) return false;
  const found = openRetained(environment.env, service, snapshot, schema, deps);
  if (found && (!stored || compareEpochs(found.epoch, stored.epoch) >= 0))
    return environment.adopt(service, found);
  return stored !== undefined;
}

/** Of a tombstone nothing is asked on the schema topic. */
const isSame = (found: Uint8Array | undefined, stored: Uint8Array | undefined): boolean =>
  stored === undefined || (found !== undefined && equalBytes(found, stored));

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A verified snapshot or tombstone with its schema message, or `null` when there is nothing to rely on. */
export function openRetained(
  env: string,
  service: string,
  envelope: Uint8Array | undefined,
  schemaEnvelope: Uint8Array | undefined,
  deps: BrokerSyncDeps,
): PublishedService | null {
  const target = { deployment: deps.keyring.deployment, env, service };
  const message =
    envelope &&
    attempt(() => openMessage(envelope, ['snapshot', 'tombstone'], target, deps.keyring, deps.crypto));
  if (!message || message.signers.length === 0) return null;
  const { payload } = message;
  if (payload.kind === 'tombstone') return { kind: 'tombstone', epoch: payload.epoch, envelope };
  // Every client refuses such a snapshot, so it holds back nothing here either.
  if (digestOf(payload.config, deps.crypto) !== payload.digest) return null;
  const fits = openSchema(env, service, schemaEnvelope, deps)?.digest === payload.schema;
  return {
    kind: 'snapshot',
    epoch: payload.epoch,
    envelope,
    digest: payload.digest,
    schema: payload.schema,
    secrets: payload.secrets,
    config: payload.config,
    ...(fits && schemaEnvelope ? { schemaEnvelope } : {}),
  };
}

/** A verified statement, or `null`. */
export function openStatement(
  env: string,
  bytes: Uint8Array | undefined,
  deps: BrokerSyncDeps,
): EpochPayload | null {
  const target = { deployment: deps.keyring.deployment, env };
  const message = bytes && attempt(() => openMessage(bytes, ['epoch'], target, deps.keyring, deps.crypto));
  return message && message.signers.length > 0 ? message.payload : null;
}

/** A verified schema message, or `null`. */
export function openSchema(
  env: string,
  service: string,
  bytes: Uint8Array | undefined,
  deps: BrokerSyncDeps,
): SchemaPayload | null {
  const target = { deployment: deps.keyring.deployment, env, service };
  const message = bytes && attempt(() => openMessage(bytes, ['schema'], target, deps.keyring, deps.crypto));
  return message && message.signers.length > 0 ? message.payload : null;
}

/** A message that cannot be verified is nobody's: it says nothing, and it is replaced. */
function attempt<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (isHeadwaterError(error)) return null;
    throw error;
  }
}
