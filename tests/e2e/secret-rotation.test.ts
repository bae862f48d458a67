/** A secret on its whole way: set by a command, dropped, read by its service, rotated; and found in plain text nowhere else. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { receiptTopic, type SnapshotPayload, serviceTopics } from '@headwater/schemas/protocol';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { expectNowhere, filesBelow, gitObjects } from '../support/canary.ts';
import { type Finished, type RunningProcess, runProcess } from '../support/process.ts';
import { headwaterBin, root, type Stack, startStack } from '../support/stack.ts';

const prefix = 'headwater/tars';
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Everything that anybody could read on the broker, and the newest payload of every topic. */
async function tap(url: string) {
  const client = await connectAsync(url, { clientId: 'tap' });
  const all: Buffer[] = [];
  const newest = new Map<string, Buffer>();
  const waiting = new Set<() => void>();
  client.on('message', (topic, payload) => {
    all.push(payload);
    newest.set(topic, payload);
    for (const check of [...waiting]) check();
  });
  await client.subscribeAsync('headwater/#');
  const read = (payload: Buffer) =>
    JSON.parse(payload.subarray(payload[0] === 0x7b ? 0 : payload.indexOf(0x0a) + 1).toString());
  return {
    bytes: () => Buffer.concat(all),
    until: <T>(topic: string, fits: (payload: T) => boolean): Promise<T> =>
      new Promise((resolve) => {
        const check = () => {
          const payload = newest.get(topic);
          if (!payload || payload.length === 0 || !fits(read(payload))) return;
          waiting.delete(check);
          resolve(read(payload));
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: async () => void (await client.endAsync(true)),
  };
}

/** Pipes a value into a command, as people do. */
function pipe(stack: Stack, value: string, ...args: string[]): Promise<Finished> {
  const command = ['sh', '-c', 'printf %s "$VALUE" | "$0" "$@"', process.execPath, headwaterBin, ...args];
  return runProcess('env', [`VALUE=${value}`, ...command], { cwd: stack.folder });
}

async function opens(stack: Stack, identity: string, sealed: string): Promise<boolean> {
  const file = join(stack.folder, 'bundle.age');
  await writeFile(file, sealed);
  return (await runProcess('age', ['-d', '-i', identity, file])).code === 0;
}

const reads = (service: RunningProcess, value: string) => service.waitFor(new RegExp(`key ${hashOf(value)}`));

test('a secret is set, dropped, read, and its identity rotated: the old one opens nothing new, and plain text is found nowhere', async () => {
  const mosquitto = await startMosquitto();
  const secrets = ['sk-canary-A1-7Hk2Lw', 'sk-canary-B2-9Qz4Xe', 'sk-canary-C3-3Vn8Rt'] as const;
  try {
    await using stack = await startStack({ serve: ['--mqtt', mosquitto.url] });
    await using broker = await tap(mosquitto.url);
    const said: string[] = [];
    const headwater = async (...args: string[]) => {
      const done = await stack.headwater(...args, '--data', stack.data);
      said.push(done.stdout, done.stderr);
      expect([args.join(' '), done.code, done.stderr]).toEqual([args.join(' '), 0, expect.any(String)]);
      return done;
    };
    const { snapshot } = serviceTopics(prefix, 'dev', 'llm-worker');
    const receipt = receiptTopic(prefix, 'dev', 'llm-worker', 'dev.llm-worker.reader');
    const connection = await stack.enroll('llm-worker');
    const identity = connection.replace('connection.json', 'identity');
    const service = stack.start(join(root, 'tests/support/secret-reader.mjs'), {
      env: { HEADWATER_CONNECTION: connection },
    });
    await service.waitFor(/^start live/);

    const set = await pipe(
      stack,
      secrets[0],
      'secrets',
      'set',
      'llm-worker',
      'openai_api_key',
      '--env',
      'dev',
      '--data',
      stack.data,
    );
    said.push(set.stdout, set.stderr);
    expect(set.code).toBe(0);
    await reads(service, secrets[0]);
    const before = await broker.until<SnapshotPayload>(snapshot, ({ secrets: one }) => one !== null);
    expect(await opens(stack, identity, before.secrets?.sealed ?? '')).toBe(true);

    // A new identity beside the old one: both are sealed for, and the service shows which it uses.
    const old = join(stack.folder, 'old.identity');
    await cp(identity, old);
    const first = await broker.until<{ secrets?: { recipient: string } }>(
      receipt,
      (one) => one.secrets !== undefined,
    );
    await headwater(
      'enroll',
      'llm-worker',
      '--env',
      'dev',
      '--out',
      stack.folder,
      '--rotate',
      '--grace',
      '1d',
    );
    const both = await broker.until<SnapshotPayload>(
      snapshot,
      ({ secrets: one }) => one?.recipients.length === 2,
    );
    for (const key of [old, identity]) expect(await opens(stack, key, both.secrets?.sealed ?? '')).toBe(true);
    const second = await broker.until<{ secrets?: { recipient: string } }>(
      receipt,
      (one) => one.secrets !== undefined && one.secrets.recipient !== first.secrets?.recipient,
    );
    expect(second.secrets?.recipient).toMatch(/^[0-9a-f]{16}$/);

    await headwater('enroll', 'llm-worker', '--env', 'dev', '--finish');
    const after = await broker.until<SnapshotPayload>(
      snapshot,
      ({ secrets: one }) => one?.recipients.length === 1,
    );
    expect(after.epoch.seq).toBeGreaterThan(both.epoch.seq);
    expect(await opens(stack, old, after.secrets?.sealed ?? '')).toBe(false);
    expect(await opens(stack, identity, after.secrets?.sealed ?? '')).toBe(true);

    // Dropped as plain text, and taken away.
    const drop = join(stack.data, 'drop/llm-worker');
    await mkdir(drop, { recursive: true });
    await writeFile(join(drop, 'secrets.dev.json'), JSON.stringify({ openai_api_key: secrets[1] }), {
      mode: 0o600,
    });
    await reads(service, secrets[1]);
    await stack.daemon.waitFor(/dropped secrets taken/);

    // The daemon's own key and the key of the seals, while everything runs.
    await headwater('secrets', 'rotate', '--daemon-key');
    await headwater('keys', 'rotate', '--hmac');
    await headwater('keys', 'rotate', '--grace', '1d');
    const again = await pipe(
      stack,
      secrets[2],
      'secrets',
      'set',
      'llm-worker',
      'openai_api_key',
      '--env',
      'dev',
      '--data',
      stack.data,
    );
    said.push(again.stdout, again.stderr);
    await reads(service, secrets[2]);

    // One route shows a value, to an admin who says why.
    const token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
    const ask = (method: string, path: string, body?: object) =>
      fetch(`${stack.ready.http}/api/v1/services/llm-worker${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const place = '?env=dev&pointer=/openai_api_key';
    const revealed = await ask('POST', `/secrets/reveal${place}`, { justification: 'The end of this story' });
    expect([revealed.status, (await revealed.json()).value]).toEqual([200, secrets[2]]);
    for (const [method, path, body] of [
      ['GET', '?env=dev'],
      ['PUT', `/secrets${place}`, { value: secrets[0], more: 1 }],
      ['PUT', '/secrets?env=dev&pointer=/max_tokens', { value: secrets[0] }],
      ['PUT', '/secrets?env=nowhere&pointer=/openai_api_key', { value: secrets[0] }],
    ] as const)
      said.push(await (await ask(method, path, body)).text());

    await service.kill('SIGTERM');
    await headwater('audit', 'verify');
    const audit = await headwater('audit', 'export');
    for (const action of [
      'enroll',
      'secret-set',
      'secret-drop',
      'secret-deliver',
      'secret-reveal',
      'identity-rotate',
      'recipients',
      'key-rotate',
    ])
      expect(audit.stdout).toContain(`"action":"${action}"`);
    await headwater('status');

    expectNowhere(secrets, 'answers and messages', said.join('\n'));
    expectNowhere(secrets, 'log', stack.daemon.lines.join('\n'));
    expectNowhere(secrets, 'what the service prints', service.lines.join('\n'));
    expectNowhere(secrets, 'broker', broker.bytes());
    expectNowhere(secrets, 'git', gitObjects(stack.ready.git));
    expectNowhere(secrets, 'data folder', await filesBelow(stack.data));
    expectNowhere(secrets, 'copies of the service', await filesBelow(join(stack.folder, 'state')));
    expectNowhere(secrets, 'metrics', await (await fetch(`${stack.ready.http}/metrics`)).text());
    // The search itself works.
    expect(() => expectNowhere(secrets, 'here', `x${secrets[1]}`)).toThrow();
    expect(() => expectNowhere(secrets, 'here', Buffer.from(`xy${secrets[1]}`).toString('base64'))).toThrow();
  } finally {
    await mosquitto.stop();
  }
});
