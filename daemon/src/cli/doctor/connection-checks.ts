/** Doctor's look at a service: what it trusts, whether the broker lets it in, what it runs, what it would start from. */
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  clientIdOf,
  defaultPrefix,
  describeEpoch,
  epochTopic,
  isObject,
  type JsonValue,
  type Keyring,
  type Receipt,
  serviceUser,
} from '@headwater/schemas/protocol';
import { parseBrokerUrl } from '../../adapters/broker/broker-url.ts';
import { type ConnectionFile, connectionKeys } from '../connection-file.ts';
import type { CliContext } from '../context.ts';
import type { DaemonApi } from '../daemon-api.ts';
import { readUserFile } from '../user-file.ts';
import { judgeLkg } from '../verdict.ts';
import { attempt, type Check, describeAge, ok, problem, skip } from './check.ts';

export interface ServiceScene {
  readonly file: string;
  readonly connection: ConnectionFile;
  /** Keys of the daemon itself, `null` when its folder is not at hand. */
  readonly daemonKeys: Keyring | null;
  readonly api: DaemonApi | null;
}

export async function checkService(scene: ServiceScene, context: CliContext): Promise<readonly Check[]> {
  return [
    await attempt('files', () => checkFiles(scene)),
    await attempt('trust', async () => checkTrust(scene)),
    await attempt('broker', () => checkBroker(scene.connection)),
    await attempt('receipts', () => checkReceipts(scene)),
    await attempt('cached copy', () => checkCopy(scene, context)),
  ];
}

async function checkFiles({ file, connection }: ServiceScene): Promise<Check> {
  const { identityFile } = connection;
  const identity = identityFile === undefined ? null : resolve(dirname(file), identityFile);
  for (const path of [file, ...(identity === null ? [] : [identity])]) {
    const info = await stat(path).catch(() => null); // missing or closed to us: both mean that the service cannot read it
    if (info === null)
      return problem('files', `${path} cannot be read`, 'Enroll the service again with --rotate.');
    if (process.platform !== 'win32' && (info.mode & 0o077) !== 0) {
      const mode = (info.mode & 0o777).toString(8);
      return problem(
        'files',
        `${path} is open to other users (mode ${mode}, expected 600)`,
        `Close it: chmod 600 '${path}'`,
      );
    }
  }
  return ok(
    'files',
    identity === null ? `${file}, without an identity: no secrets` : `${file} and its identity are private`,
  );
}

function checkTrust({ connection, daemonKeys }: ServiceScene): Check {
  const keyring = connectionKeys(connection);
  if (daemonKeys === null)
    return ok('trust', `key list version ${keyring.version}, signed by a root that the service trusts`);
  if (daemonKeys.deployment !== connection.deployment) {
    return problem(
      'trust',
      `the service is enrolled in deployment "${connection.deployment}", the daemon is of "${daemonKeys.deployment}"`,
      'Use the connection file of this deployment.',
    );
  }
  if (daemonKeys.roots.some((root) => connection.trust.includes(root)))
    return ok('trust', "the service trusts the daemon's root key");
  return problem(
    'trust',
    "the service does not trust the daemon's root key",
    'Enroll it again with --rotate, if this is the right daemon.',
  );
}

/** Connects as the service would, under an instance name of its own, and reads what every client reads first. */
async function checkBroker(connection: ConnectionFile): Promise<Check> {
  const { env, service, deployment, token, broker, ca } = connection;
  const { openMqttSession } = await import('../../adapters/broker/mqtt-session.ts');
  const url = new URL(broker);
  url.username = encodeURIComponent(serviceUser(env, service));
  url.password = encodeURIComponent(token);
  let statement = false;
  const session = openMqttSession({
    address: parseBrokerUrl(url.href),
    clientId: clientIdOf(env, service, `doctor-${process.pid}`),
    ca,
    onMessage: () => {
      statement = true;
    },
  });
  try {
    await session.ready;
    await session.subscribe([epochTopic(defaultPrefix(deployment), env)]);
    return ok('broker', `${broker} accepts the service's token${statement ? ' and holds a statement' : ''}`);
  } finally {
    await session.end();
  }
}

async function checkReceipts({ api, connection }: ServiceScene): Promise<Check> {
  if (api === null) return skip('receipts', 'no daemon to ask');
  const { service, env } = connection;
  const { body } = await api.get(`/api/v1/services/${service}?env=${env}`);
  const receipts = clientsOf(body);
  if (receipts.length === 0)
    return problem('receipts', 'no instance has reported', 'Start the service, or look at its log.');
  const list = receipts.map(({ instance, state, reason, epoch }) => {
    const place = epoch === null ? '' : ` at ${describeEpoch(epoch)}`;
    return `${instance} ${state}${reason === undefined ? '' : ` (${reason})`}${place}`;
  });
  if (receipts.some((receipt) => receipt.state === 'live')) return ok('receipts', list.join(', '));
  return problem(
    'receipts',
    list.join(', '),
    "The reason is a code: docs/errors.md explains it, the service's log says more.",
  );
}

function clientsOf(body: JsonValue): readonly Receipt[] {
  return isObject(body) && Array.isArray(body.clients) ? (body.clients as unknown as Receipt[]) : [];
}

/** The copy from which the service would start without the broker. */
async function checkCopy(
  { connection, file, daemonKeys }: ServiceScene,
  context: CliContext,
): Promise<Check> {
  const { deployment, env, service } = connection;
  const base =
    connection.cacheDir ??
    join(context.env.XDG_STATE_HOME || join(context.home || homedir(), '.local/state'), 'headwater');
  const path = join(resolve(dirname(file), base), deployment, env, `${service}.lkg`);
  if ((await stat(path).catch(() => null)) === null)
    return skip('cached copy', `none at ${path}: the service never ran here`);
  const verdict = judgeLkg(
    await readUserFile(context, path, 8 * 1024 * 1024),
    daemonKeys ?? connectionKeys(connection),
  );
  if (!verdict.ok)
    return problem(
      'cached copy',
      verdict.reason ?? 'it does not verify',
      'The service replaces it once it is live.',
    );
  const age = describeAge(Date.now() - Date.parse(verdict.savedAt));
  return ok('cached copy', `${verdict.epoch}, verified, saved ${age} ago`);
}
