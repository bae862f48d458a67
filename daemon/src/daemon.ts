/**
 * The daemon: its parts, opened in the order in which they need each other. What happens to a commit is in pipeline.ts; what is
 * outside stands behind a port; how a part is opened is in assembly/. `serve` and the end-to-end tests start it through `startDaemon`.
 */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPrefix } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { openCommitKey } from './adapters/data/commit-key.ts';
import { removeDaemonFile, writeDaemonFile } from './adapters/data/daemon-file.ts';
import { openDataFolder } from './adapters/data/data-folder.ts';
import { openIdentityStore } from './adapters/data/identity-store.ts';
import { openKeyStore } from './adapters/data/key-store.ts';
import { openSessionStore, sessionLifetimeMs } from './adapters/data/session-store.ts';
import { openTokenStore, type TokenStore } from './adapters/data/token-store.ts';
import { listen } from './adapters/listen.ts';
import { systemClock } from './adapters/system-clock.ts';
import { createApprovals } from './approvals.ts';
import { openAudit } from './assembly/audit.ts';
import { openBroker } from './assembly/broker.ts';
import { openConfigApi } from './assembly/config-api.ts';
import type { Context } from './assembly/context.ts';
import { openCopies } from './assembly/copies.ts';
import { openDropFolder } from './assembly/drop-folder.ts';
import { openEditing } from './assembly/editing.ts';
import { createHeartbeat } from './assembly/heartbeat.ts';
import { openHostedGit } from './assembly/hosted-git.ts';
import { openJudging } from './assembly/judging.ts';
import { openKeyDesk } from './assembly/keys.ts';
import { openLineage } from './assembly/lineage.ts';
import { deploymentOf, openFollowedRepository } from './assembly/repository.ts';
import { openRotations } from './assembly/rotations.ts';
import { Scope } from './assembly/scope.ts';
import { openSecrets } from './assembly/secrets.ts';
import { openWebhooks } from './assembly/webhooks.ts';
import { auditedEditor, firstAdminEntry, pushEntries, refusedPushEntry } from './audit-entries.ts';
import type { DaemonConfig } from './config.ts';
import { createDaemonView } from './daemon-view.ts';
import type { Editor } from './editing/edit.ts';
import { EpochEngine } from './epochs/epoch-engine.ts';
import { daemonIdOf, type HealthDeps, healthOf } from './health-reporter.ts';
import { namesOf } from './http/host-check.ts';
import { gitPath } from './http/routes/git.ts';
import { buildServer } from './http/server.ts';
import { LiveEvents } from './live-events.ts';
import type { Log } from './log.ts';
import { createLoginLink } from './login-link.ts';
import { Pipeline } from './pipeline.ts';
import { Problems } from './problems.ts';
import { createMessageSigner } from './publishing/message-signer.ts';
import { Receipts } from './receipts.ts';
import { createReEncryption } from './secrets/re-encryption.ts';
import { History } from './timeline/history.ts';
import type { DaemonView } from './view.ts';

/** What `serve` prints when the daemon is ready. */
export interface ReadyLine {
  readonly ready: true;
  readonly http: string;
  readonly mqtt: string;
  readonly git: string;
  /** The same over HTTP, a token as password; `null` where git is not installed. */
  readonly gitHttp: string | null;
  readonly data: string;
  readonly trust: readonly string[];
  readonly signers: readonly string[];
  /** Logs one browser in as an admin, once, within 15 minutes. */
  readonly login: string;
  readonly adminTokenFile: string;
}

export interface Daemon {
  readonly readyLine: ReadyLine;
  readonly view: DaemonView;
  readonly tokens: TokenStore;
  readonly editor: Editor;
  /** Finishes what runs, says goodbye to the broker, writes everything down. */
  stop(): Promise<void>;
}

/** The built web editor, beside the daemon in the checkout. */
const webFolder = fileURLToPath(new URL('../../web/dist', import.meta.url));

/** How long a broker that does not answer may hold up the stop, per step. */
const stopWaitMs = 5_000;

/**
 * Starts a daemon and resolves when the followed branch is judged and, with an embedded broker, published.
 * @throws HeadwaterError saying what stands in the way: `HW_REPO_*`, `HW_DATA_*`, `HW_KEY_FILE`, `HW_PORT_TAKEN`, ...
 */
export async function startDaemon(config: DaemonConfig, log: Log): Promise<Daemon> {
  const scope = new Scope(log);
  try {
    const folder = await openDataFolder(config.dataDir, { exclusive: true });
    scope.defer(() => folder.release());
    const problems = new Problems();
    return await assemble({
      config,
      log,
      clock: systemClock,
      folder,
      problems,
      scope,
      fatal: stopOnBug(log),
    });
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function assemble(context: Context): Promise<Daemon> {
  const { config, log, clock, folder, problems, scope } = context;
  const startedAt = new Date(clock.now()).toISOString();

  const keys = await openKeyStore(folder, nodeCrypto);
  if (keys.created)
    log.info({ keys: folder.keysDir }, 'keys created; keep a copy of root.key in a safe place');
  const identities = await openIdentityStore(folder);
  const commitKey = await openCommitKey(folder, nodeCrypto);
  const repository = await openFollowedRepository(context, identities.recipient, commitKey);
  const hosted = await openHostedGit(context, repository);
  const deployment = await deploymentOf(context, repository, keys);
  const keyring = await keys.keysMessage(deployment, new Date(clock.now()));
  const prefix = defaultPrefix(deployment);
  const audit = openAudit(context, deployment);
  const tokens = await openTokenStore(folder, clock, log);
  const admin = await tokens.ensureAdminToken();
  if (admin.created) audit.note(firstAdminEntry());

  const health: HealthDeps = {
    daemonId: daemonIdOf(folder.path),
    deployment,
    branch: config.branch,
    brokerKind: config.broker.kind,
    startedAt,
    clock,
    problems,
    upstream: repository.upstream,
  };
  const { publisher, embedded } = await openBroker(context, tokens, health, prefix);

  const lineage = await openLineage(context, repository, deployment, keys, keyring);
  const secrets = openSecrets(context, identities, keys.hmac);
  const approvals = createApprovals({
    ...{
      deployment,
      clock,
      crypto: nodeCrypto,
      keyring: () => keys.keyring ?? keyring,
      signer: () => keys.signing,
    },
    engine: () => pipeline.engine,
    publishedSeq: (env) => pipeline.publishedSeq(env),
  });
  const judging = openJudging(context, repository, deployment, secrets.open, approvals.check);
  const events = new LiveEvents();
  const receipts = new Receipts(prefix, clock, (receipt) =>
    events.publish({ type: 'receipt', env: receipt.env, receipt }),
  );
  const { lkg, stored } = await openCopies(context, deployment, keyring, keys);
  const heartbeat = createHeartbeat(context, {
    health,
    pipeline: () => pipeline,
    publisher,
    receipts,
    events,
    prefix,
  });

  const pipeline: Pipeline = new Pipeline({
    createEngine: () => new EpochEngine(judging.engineDeps),
    publisher,
    lkg,
    sealer: secrets.sealer({
      ...{ deployment, readBlob: judging.readBlob },
      index: () => pipeline.engine?.index ?? null,
      ...{ audit, era: () => lineage.deps.era.current },
    }),
    signer: createMessageSigner(() => keys.signingKeys, nodeCrypto),
    get keyring() {
      return keys.keyring ?? keyring;
    },
    crypto: nodeCrypto,
    clock,
    receipts,
    problems,
    events,
    prefix,
    deployment,
    ...lineage.deps,
    branch: config.branch,
    stored,
    guardTopics: embedded === null,
    onInStep: () => void heartbeat.say(),
    log,
  });
  const view = createDaemonView({
    deployment,
    era: lineage.deps.era,
    engine: () => pipeline.engine,
    receipts,
    readBlob: judging.readBlob,
    health: () => healthOf(health, pipeline),
  });
  const past = new History({
    reader: repository.reader,
    readBlob: judging.readBlob,
    engine: () => pipeline.engine,
    candidates: judging.candidateJudge(() => pipeline.engine),
    era: lineage.deps.era,
  });
  const editor = auditedEditor(await openEditing(context, repository, judging, () => pipeline), audit);
  const desk = secrets.desk({ ...repository, ...judging, editor, pipeline: () => pipeline });
  const sessions = { ...openSessionStore(folder, clock), lifetimeMs: sessionLifetimeMs };
  const hosts = namesOf(config.http.host);
  const server = buildServer({
    view,
    events,
    history: past,
    ...openConfigApi({
      ...{ repository, judging, editor, receipts, history: past, pipeline: () => pipeline },
      encryptAnew: createReEncryption(identities, clock),
    }),
    tokenAdmin: tokens,
    secrets: desk,
    keys: openKeyDesk(context, { keys, pipeline: () => pipeline, receipts, audit }),
    rewrites: pipeline.rewrites,
    audit,
    tokens,
    sessions,
    log,
    clock,
    hosts,
    git: hosted.host,
    webhooks: await openWebhooks(context, repository.upstream),
    web: webFolder,
  });
  const http = await listen(server, config.http.host, config.http.port);
  scope.defer(() => server.close());

  await pipeline.start();
  scope.deferWithin(stopWaitMs, () => heartbeat.sayGoodbye());
  scope.deferWithin(stopWaitMs, () => pipeline.stop());
  scope.defer(() => repository.watcher.close());
  await new Promise<void>((resolve, reject) => {
    const follow = (moved: string | null) => void pipeline.onTip(moved).then(resolve, context.fatal);
    repository.watcher.start(follow).catch(reject);
  });
  await lineage.follow(pipeline);
  await hosted.openGate({
    onAllowed: (push) => audit.note(...pushEntries(push)),
    onRefused: (push) => audit.note(refusedPushEntry(push)),
    judge: judging.candidateJudge(() => pipeline.engine),
    engine: () => pipeline.engine,
  });
  await openDropFolder(context, desk, audit);
  openRotations(context, { ...repository, ...judging, receipts, embedded, tokens, editor, pipeline, audit });
  heartbeat.start();
  const stopWatching = tokens.watchRevocations((ids) => {
    const gone = new Set(ids);
    const cut = embedded?.closeConnections((identity) => gone.has(identity.tokenId)) ?? 0;
    log.info({ tokens: ids.length, connections: cut }, 'tokens revoked');
  });
  scope.defer(stopWatching);

  const git = isAbsolute(repository.path) ? repository.path : resolve(repository.path);
  await writeDaemonFile(folder.path, {
    pid: process.pid,
    http: http.url,
    mqtt: publisher.url,
    startedAt,
    deployment,
    git,
  });
  scope.defer(() => removeDaemonFile(folder.path));
  const login = await createLoginLink(tokens, http.url);
  return {
    readyLine: {
      ready: true,
      http: http.url,
      mqtt: publisher.url,
      git,
      gitHttp: hosted.host === null ? null : `${http.url}${gitPath}`,
      data: folder.path,
      trust: keys.roots,
      signers: keys.signers,
      login: login.url,
      adminTokenFile: admin.path,
    },
    view,
    tokens,
    editor,
    stop: () => scope.close(),
  };
}

/** A bug: nothing may go on as if nothing had happened. */
function stopOnBug(log: Log): (error: unknown) => void {
  return (error) => {
    log.fatal({ err: error }, 'internal error');
    process.exitCode = 3;
    process.kill(process.pid, 'SIGTERM');
  };
}
