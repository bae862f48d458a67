import {
  type CryptoBackend,
  clientIdOf,
  HeadwaterError,
  type JsonObject,
  serviceUser,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { HeadwaterClient } from './client.ts';
import type { ClientHandle } from './client-parts.ts';
import { checkLeniently } from './lenient-check.ts';
import type { Link } from './link.ts';
import { createLkgStore, type LkgStore } from './lkg-store.ts';
import type { StartState } from './machine.ts';
import type { MachineDeps } from './machine-state.ts';
import { createMqttLink } from './mqtt-link.ts';
import type { ConnectOptions, ResolvedOptions } from './options.ts';
import { type ReceiptIdentity, receiptText, topicOf } from './receipts.ts';
import { resolveOptions } from './resolve-options.ts';
import { createSecretsCheck } from './secrets/check-secrets.ts';
import { createSecretsOpener } from './secrets/create-opener.ts';
import type { OpenSecrets } from './secrets/opened-secrets.ts';

/**
 * Connects a service to its configuration and resolves once config is usable: from the cached copy at once if it verifies, else
 * from the broker, else (with `onStart: 'defaults'`) from the schema.
 *
 * ```ts
 * import { schema } from './stt-worker.config.js';
 * const stt = await connect({ connection: './stt-worker.prod.connection.json', schema });
 * stt.onChange('/vad_threshold', (value) => detector.setThreshold(value));
 * ```
 * @param options.firstConfigTimeoutMs Wait for a first snapshot when there is no cached copy. Default 10 000 ms.
 * @throws HeadwaterError `HW_NO_CONFIG` when neither source gave a verified config in time; `HW_OPTIONS_INVALID`,
 *   `HW_CONNECTION_FILE`, `HW_NO_TRUST`, `HW_KEY_INVALID`, `HW_NAME_INVALID` when the options cannot work.
 */
export async function connect<T = JsonObject>(options: ConnectOptions<T>): Promise<HeadwaterClient<T>> {
  const resolved = resolveOptions(options as ConnectOptions<never>);
  const identity = identityOf(resolved);
  const crypto = await loadCrypto(resolved.crypto);
  // The link loads its library meanwhile; the cached copy is read before that runs.
  const link = mqttLinkFor(resolved, identity);
  const openSecrets = createSecretsOpener({ ...resolved, crypto });
  const openStore: StoreMaker = (onTrouble) =>
    createLkgStore({
      cacheDir: resolved.cacheDir,
      stateDir: resolved.stateDir,
      target: resolved.target,
      roots: resolved.trust,
      keys: resolved.keys,
      crypto,
      openSecrets,
      onTrouble,
    });
  return startClient<T>(resolved, {
    ...{ identity, crypto, link, openStore, openSecrets },
    warnings: plaintextWarnings(resolved.broker),
  });
}

/** Makes the store; it tells its troubles to the client, which needs the store first. */
export type StoreMaker = (onTrouble: (error: HeadwaterError) => void) => LkgStore;

/** What a client stands on; the fake for tests gives its own. */
export interface Surroundings {
  readonly identity: ReceiptIdentity;
  readonly crypto: CryptoBackend;
  readonly link: Link;
  readonly openStore: StoreMaker;
  readonly openSecrets: OpenSecrets;
  readonly warnings?: readonly HeadwaterError[];
}

/** `connect` with its surroundings given: the fake for tests starts here. */
export async function startClient<T>(
  options: ResolvedOptions,
  { identity, crypto, link, openStore, openSecrets, warnings = [] }: Surroundings,
): Promise<HeadwaterClient<T>> {
  const check = createCheck(options.schema?.document ?? null);
  const { target, trust: roots } = options;
  const deps: MachineDeps = { target, roots, crypto, random: Math.random, check, openSecrets };
  const early: HeadwaterError[] = [...warnings];
  let report = (error: HeadwaterError): void => void early.push(error);
  const store = openStore((error) => report(error));
  const { start, rejection } = judgeStart(store.load(), check);
  let handle: ClientHandle | undefined;
  const client = new HeadwaterClient<T>({
    ...{ options, deps, start, link, store, identity },
    onHandle: (given) => {
      handle = given;
    },
  });
  if (!handle) throw new Error('a client gives its handle when it is made');
  report = handle.warn;
  for (const error of rejection ? [...early, rejection] : early) handle.warn(error);
  handle.open();
  if (!start.held && !(await handle.firstConfig(options.firstConfigTimeoutMs))) {
    if (options.onStart === 'fail') {
      const trouble = handle.lastTrouble();
      await client.close();
      throw noConfig(options, trouble);
    }
    handle.useDefaults();
  }
  handle.release();
  return client;
}

/** The judgement of the schema that the service was built with; without one everything is taken. */
function createCheck(own: JsonObject | null): MachineDeps['check'] {
  const checkSecrets = createSecretsCheck(own);
  return (config, opened) => (own ? (checkLeniently(config, own) ?? checkSecrets(opened)) : null);
}

/** A cached copy that the own schema refuses is left where it is: an older build of the service may fit it. */
function judgeStart(
  start: StartState,
  check: MachineDeps['check'],
): { start: StartState; rejection: HeadwaterError | null } {
  const problem = start.held ? check(start.held.config, start.held.opened) : null;
  if (problem === null) return { start, rejection: null };
  const rejection = new HeadwaterError('HW_CONFIG_REJECTED', {
    message: `the last-known-good copy does not fit the schema this service was built with: ${problem}`,
    hint: 'The service waits for the broker.',
  });
  return { start: { ...start, held: null, schema: null }, rejection };
}

/** Config is signed, so nobody can change it on the way; but the token, and every setting, can be read. */
function plaintextWarnings(broker: string): HeadwaterError[] {
  const { protocol, hostname } = new URL(broker);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  if (protocol === 'mqtts:' || isLocal) return [];
  return [
    new HeadwaterError('HW_PLAINTEXT_BROKER', {
      message: `the connection to the broker at ${hostname} is not encrypted, so this service's token can be read on the way`,
      hint: 'Use mqtts:// and, if the certificate is of an own authority, "ca".',
    }),
  ];
}

async function loadCrypto(name: ResolvedOptions['crypto']): Promise<CryptoBackend> {
  if (name === 'noble') return (await import('@headwater/schemas/protocol/noble')).nobleCrypto;
  return nodeCrypto;
}

export function identityOf({ target, instance, prefix, schema }: ResolvedOptions): ReceiptIdentity {
  const { env, service } = target;
  return {
    clientId: clientIdOf(env, service, instance),
    instance,
    env,
    service,
    prefix,
    schema: schema?.digest ?? null,
  };
}

function mqttLinkFor(options: ResolvedOptions, identity: ReceiptIdentity): Link {
  const nothing = { epoch: null, digest: null, restartPending: [], envOverrides: [], envInvalid: [] };
  return createMqttLink({
    broker: options.broker,
    ca: options.ca,
    username: serviceUser(options.target.env, options.target.service),
    password: options.token,
    clientId: identity.clientId,
    will: {
      topic: topicOf(identity),
      payload: receiptText(identity, { ...nothing, state: 'offline', reason: 'connection-lost' }),
    },
  });
}

function noConfig(
  { target, firstConfigTimeoutMs, broker }: ResolvedOptions,
  trouble: { readonly code: string; readonly message: string } | null,
): HeadwaterError {
  const { host } = new URL(broker);
  const last = trouble
    ? `; last trouble: ${trouble.code}, ${trouble.message}`
    : '; the broker had nothing for it';
  return new HeadwaterError('HW_NO_CONFIG', {
    message: `no config for ${target.service} in ${target.env} within ${firstConfigTimeoutMs} ms from ${host}, and no cached copy${last}`,
    hint: "Check that the daemon runs and publishes this service, or start with onStart: 'defaults'.",
    details: { service: target.service, env: target.env, lastTrouble: trouble?.code ?? null },
  });
}
