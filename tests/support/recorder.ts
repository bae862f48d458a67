/** A client that writes down everything the broker sends about one service, verified, in order of arrival, over reconnects. */
import { readFile } from 'node:fs/promises';
import {
  compareEpochs,
  describeEpoch,
  type Epoch,
  epochTopic,
  isHeadwaterError,
  type Keyring,
  openKeys,
  openMessage,
  serviceTopics,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { connect } from 'mqtt';

export interface Recorded {
  readonly kind: string;
  readonly epoch: Epoch;
  readonly issuedAt: string;
  /** What two messages of one epoch must agree in; empty for a statement. */
  readonly content: string;
}

export interface Recorder extends AsyncDisposable {
  readonly all: readonly Recorded[];
  /** Messages that did not verify. */
  readonly refused: readonly string[];
  /** Resolves with the first message (of those so far and to come) that fits. */
  waitFor(fits: (one: Recorded) => boolean): Promise<Recorded>;
}

export interface RecorderOptions {
  /** MQTT password, when the broker is not Headwater's own. */
  readonly password?: string;
}

const kinds = ['snapshot', 'diff', 'tombstone', 'epoch'] as const;

export async function startRecorder(
  connectionFile: string,
  options: RecorderOptions = {},
): Promise<Recorder> {
  const file = JSON.parse(await readFile(connectionFile, 'utf8'));
  const { deployment, env, service } = file;
  const keyring: Keyring = openKeys(
    utf8(file.keys),
    { roots: file.trust, deployment, version: 0 },
    nodeCrypto,
  );
  const prefix = `headwater/${deployment}`;
  const { snapshot, diff } = serviceTopics(prefix, env, service);
  const all: Recorded[] = [];
  const refused: string[] = [];
  const waiting = new Set<() => void>();

  const client = connect(file.broker, {
    username: `${env}/${service}`,
    password: options.password ?? file.token,
    clientId: `${env}.${service}.recorder`,
    protocolVersion: 4,
    reconnectPeriod: 50,
  });
  client.on('error', () => {}); // a broker that is away is what this is made for
  client.on('message', (topic, payload) => {
    try {
      const { payload: message } = openMessage(payload, kinds, { deployment, env }, keyring, nodeCrypto);
      const { kind, epoch, issuedAt } = message;
      const rev = 'secrets' in message ? JSON.stringify(message.secrets) : '';
      const content =
        kind === 'epoch' || kind === 'tombstone' ? '' : `${message.digest} ${message.schema} ${rev}`;
      all.push({ kind: topic === diff ? `diff: ${kind}` : kind, epoch, issuedAt, content });
    } catch (error) {
      if (!isHeadwaterError(error)) throw error;
      refused.push(`${topic}: ${error.message}`);
    }
    for (const check of [...waiting]) check();
  });
  await client.subscribeAsync([snapshot, diff, epochTopic(prefix, env)]);

  return {
    all,
    refused,
    waitFor: (fits) =>
      new Promise((resolve) => {
        const check = () => {
          const found = all.find(fits);
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: async () => void (await client.endAsync(true)),
  };
}

/** Places where a topic went back to an older epoch: "snapshot: #7 after #8". */
export function fallsIn(all: readonly Recorded[]): string[] {
  const last = new Map<string, Epoch>();
  return all.flatMap(({ kind, epoch }) => {
    const lane = kind.split(':')[0] as string;
    const before = last.get(lane);
    last.set(lane, epoch);
    return before && compareEpochs(epoch, before) < 0
      ? [`${lane}: ${describeEpoch(epoch)} after ${describeEpoch(before)}`]
      : [];
  });
}

/** Epochs of which two messages say different things. */
export function equivocationsIn(all: readonly Recorded[]): string[] {
  const known = new Map<string, string>();
  return all.flatMap(({ epoch, content }) => {
    const place = `${epoch.era}.${epoch.seq}`;
    const told = `${epoch.commit} ${content}`.trim();
    const isStatement = content === '';
    const before = known.get(`${place} ${isStatement}`);
    known.set(`${place} ${isStatement}`, told);
    return before !== undefined && before !== told ? [`${place}: ${before} and ${told}`] : [];
  });
}
