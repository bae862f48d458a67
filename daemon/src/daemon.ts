/**
 * The daemon: wiring only. What happens to a commit is in pipeline.ts; what is outside stands behind a port. `serve` and the
 * end-to-end tests start it through `startDaemon`.
 */
import { isAbsolute, resolve } from 'node:path';
import {
  defaultPrefix,
  HeadwaterError,
  healthTopic,
  statementIntervalMs,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { createEmbeddedBroker, type EmbeddedBroker } from './adapters/broker/embedded-broker.ts';
import { createEmbeddedPublisher } from './adapters/broker/embedded-publisher.ts';
import { createMqttPublisher } from './adapters/broker/mqtt-publisher.ts';
import { createBrokerAuthenticator } from './adapters/data/broker-authenticator.ts';
import { removeDaemonFile, writeDaemonFile } from './adapters/data/daemon-file.ts';
import { openDataFolder } from './adapters/data/data-folder.ts';
import { openKeyStore } from './adapters/data/key-store.ts';
import { openTokenStore, type TokenStore } from './adapters/data/token-store.ts';
import { listen } from './adapters/listen.ts';
import { createLkgStore } from './adapters/lkg-store.ts';
import { createSchemaValidator } from './adapters/schema-validator.ts';
import { systemClock } from './adapters/system-clock.ts';
import type { DaemonConfig } from './config.ts';
import { createJudge } from './core/judge.ts';
import { RepoIndex } from './core/repo-index.ts';
import { createDaemonView } from './daemon-view.ts';
import { EpochEngine } from './epochs/epoch-engine.ts';
import { followRepository, readDeployment } from './followed-repository.ts';
import {
  daemonIdOf,
  type HealthDeps,
  healthIntervalMs,
  healthOf,
  lastWill,
  lastWord,
} from './health-reporter.ts';
import { namesOf } from './http/host-check.ts';
import { buildServer } from './http/server.ts';
import type { Log } from './log.ts';
import { Pipeline } from './pipeline.ts';
import type { Publisher } from './ports.ts';
import { Problems, problemOf } from './problems.ts';
import { LkgWriter } from './publishing/lkg-writer.ts';
import { createMessageSigner } from './publishing/message-signer.ts';
import type { PublishedService } from './publishing/plan.ts';
import { Receipts } from './receipts.ts';
import type { DaemonView } from './view.ts';

/** What `serve` prints when the daemon is ready. */
export interface ReadyLine {
  readonly ready: true;
  readonly http: string;
  readonly mqtt: string;
  readonly git: string;
  readonly data: string;
  readonly trust: readonly string[];
  readonly signers: readonly string[];
  /** Login link of the web editor; `null` in a version without one. */
  readonly login: string | null;
  readonly adminTokenFile: string;
}

export interface Daemon {
  readonly readyLine: ReadyLine;
  readonly view: DaemonView;
  readonly tokens: TokenStore;
  /** Finishes what runs, says goodbye to the broker, writes everything down. */
  stop(): Promise<void>;
}

/** Eras begin with accepted rewrites of history, which this version refuses. */
const era = 1;

/** How long a broker that does not answer may hold up the stop, per step. */
const stopWaitMs = 5_000;

/**
 * Starts a daemon and resolves when the followed branch is judged and, with an embedded broker, published.
 * @throws HeadwaterError saying what stands in the way: `HW_REPO_*`, `HW_DATA_*`, `HW_KEY_FILE`, `HW_PORT_TAKEN`, ...
 */
export async function startDaemon(config: DaemonConfig, log: Log): Promise<Daemon> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    // In reverse order, every one of them: a disk that fails at the end must not keep the lock or the broker.
    for (const close of closers.splice(0).reverse())
      await close().catch((error) => log.error({ err: error }, 'stopping failed in part'));
  };
  try {
    return await assemble(config, log, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function assemble(
  config: DaemonConfig,
  log: Log,
  closers: (() => Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const clock = systemClock;
  const startedAt = new Date(clock.now()).toISOString();
  const folder = await openDataFolder(config.dataDir, { exclusive: true });
  closers.push(() => folder.release());

  const repository = await followRepository({
    source: config.repo,
    hostedPath: folder.repoDir,
    branch: config.branch,
    log,
  });
  closers.push(() => repository.close());
  const keys = await openKeyStore(folder, nodeCrypto);
  if (keys.created)
    log.info({ keys: folder.keysDir }, 'keys created; keep a copy of root.key in a safe place');

  const tip = await repository.refs.read(repository.ref);
  const deployment = await deploymentOf(tip);
  const keyring = await keys.keysMessage(deployment, new Date(clock.now()));
  const prefix = defaultPrefix(deployment);
  const tokens = await openTokenStore(folder, clock, log);
  const admin = await tokens.ensureAdminToken();

  const problems = new Problems();
  const health: HealthDeps = {
    daemonId: daemonIdOf(folder.path),
    deployment,
    branch: config.branch,
    brokerKind: config.broker.kind,
    startedAt,
    clock,
    problems,
  };
  const { publisher, broker } = await openBroker();
  closers.push(() => publisher.close());

  const validator = createSchemaValidator();
  closers.push(() => validator.close());
  const readBlob = (oid: string, maxBytes: number) => repository.reader.readBlob(oid, maxBytes);
  const judge = createJudge({ readBlob, validator, crypto: nodeCrypto });
  const receipts = new Receipts(prefix, clock);
  const store = createLkgStore({
    folder: folder.lkgDir,
    deployment,
    keyring,
    hmacKey: keys.hmac,
    crypto: nodeCrypto,
    log,
  });
  const stored = new Map<string, Map<string, PublishedService>>();
  for (const env of await store.environments()) stored.set(env, await store.readAll(env));
  const lkg = new LkgWriter(store, (error) => {
    if (error !== null) {
      if (problems.set('lkg', problemOf(error, 'HW_STORAGE_FAILED')))
        log.error(
          { err: error },
          'last-known-good copies cannot be written; config is published all the same',
        );
    } else if (problems.clear('lkg')) log.info({}, 'last-known-good copies are written again');
  });
  closers.push(() => lkg.flush());

  const pipeline = new Pipeline({
    createEngine: () =>
      new EpochEngine({
        reader: repository.reader,
        createIndex: () => RepoIndex.create(readBlob),
        judge: judge.judge,
        rules: { deployment },
      }),
    publisher,
    lkg,
    signer: createMessageSigner([keys.signing], nodeCrypto),
    keyring,
    crypto: nodeCrypto,
    clock,
    receipts,
    problems,
    prefix,
    deployment,
    era,
    branch: config.branch,
    stored,
    guardTopics: broker === null,
    onInStep: () => void sayHealth(),
    log,
  });
  const view = createDaemonView({
    deployment,
    era,
    engine: () => pipeline.engine,
    receipts,
    readBlob,
    health: () => healthOf(health, pipeline),
  });
  const server = buildServer({ view, tokens, log, clock, hosts: namesOf(config.http.host) });
  const http = await listen(server, config.http.host, config.http.port);
  closers.push(() => server.close());

  await pipeline.start();
  closers.push(() => within(stopWaitMs, sayGoodbye()));
  closers.push(() => within(stopWaitMs, pipeline.stop()));
  closers.push(() => repository.watcher.close());
  await new Promise<void>((resolve, reject) => {
    const follow = (moved: string | null) => void pipeline.onTip(moved).then(resolve, fatal);
    repository.watcher.start(follow).catch(reject);
  });
  startTimers();
  const stopWatching = tokens.watchRevocations((ids) => {
    const gone = new Set(ids);
    const cut = broker?.closeConnections((identity) => gone.has(identity.tokenId)) ?? 0;
    log.info({ tokens: ids.length, connections: cut }, 'tokens revoked');
  });
  closers.push(async () => stopWatching());

  const git = isAbsolute(repository.path) ? repository.path : resolve(repository.path);
  await writeDaemonFile(folder.path, {
    pid: process.pid,
    http: http.url,
    mqtt: publisher.url,
    startedAt,
    deployment,
    git,
  });
  closers.push(() => removeDaemonFile(folder.path));
  return {
    readyLine: {
      ready: true,
      http: http.url,
      mqtt: publisher.url,
      git,
      data: folder.path,
      trust: keys.roots,
      signers: keys.signers,
      login: null,
      adminTokenFile: admin.path,
    },
    view,
    tokens,
    stop: closeAll,
  };

  /** A deployment keeps its name for ever, so a branch that is missing today is no obstacle when the keys know it. */
  async function deploymentOf(commit: string | null): Promise<string> {
    const known = keys.deployment;
    if (known !== null) return known;
    if (commit !== null) return readDeployment(repository.reader, commit);
    const head = await repository.refs.head();
    throw new HeadwaterError('HW_REPO_EMPTY', {
      message: `the repository ${repository.path} has no branch "${config.branch}"`,
      hint: `Push a first commit to it, or name another branch with --branch${head ? ` (HEAD is at ${head})` : ''}.`,
    });
  }

  async function openBroker(): Promise<{ publisher: Publisher; broker: EmbeddedBroker | null }> {
    if (config.broker.kind === 'outside') {
      const { kind: _, ...address } = config.broker;
      const will = lastWill(health, prefix);
      const clientId = `headwater-daemon-${health.daemonId}`;
      return { publisher: createMqttPublisher({ ...address, clientId, will, log }), broker: null };
    }
    const authenticator = createBrokerAuthenticator(tokens);
    const embedded = await createEmbeddedBroker({ listen: config.broker.listen, prefix, authenticator, log });
    closers.push(() => embedded.close());
    return { publisher: createEmbeddedPublisher(embedded), broker: embedded };
  }

  function startTimers(): void {
    const statements = setInterval(() => void pipeline.refreshStatements().catch(fatal), statementIntervalMs);
    const beat = setInterval(() => void sayHealth(), healthIntervalMs);
    closers.push(async () => {
      clearInterval(statements);
      clearInterval(beat);
    });
    void sayHealth();
  }

  async function sayHealth(): Promise<void> {
    const payload = utf8(JSON.stringify(healthOf(health, pipeline)));
    await publishQuietly(healthTopic(prefix, health.daemonId), payload);
    for (const topic of receipts.forgetOffline()) await publishQuietly(topic, new Uint8Array());
  }

  async function sayGoodbye(): Promise<void> {
    const { topic, payload } = lastWord(health, pipeline, prefix);
    await publishQuietly(topic, payload);
  }

  /** Health is not worth an error: without a broker nobody could read it, and the broker's absence is a problem of its own. */
  async function publishQuietly(topic: string, payload: Uint8Array): Promise<void> {
    await publisher
      .publish({ topic, payload, retain: true, qos: 1 })
      .catch((error) => log.debug({ err: error }, 'health not published'));
  }

  /** A bug: nothing may go on as if nothing had happened. */
  function fatal(error: unknown): void {
    log.fatal({ err: error }, 'internal error');
    process.exitCode = 3;
    process.kill(process.pid, 'SIGTERM');
  }
}

/** Waits for `work`, but not for ever. What it still does later is cut off by closing what it uses. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]).finally(() => clearTimeout(timer));
}
