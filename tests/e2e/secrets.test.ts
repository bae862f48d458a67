/** Secrets from a commit to the service that may open them, and nowhere else. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSecretsBundle, type SnapshotPayload, serviceTopics } from '@headwater/schemas/protocol';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { makeTestKey, secretsFile } from '../../daemon/src/testing/secrets-file.ts';
import { type Finished, runProcess, startProcess } from '../support/process.ts';
import { headwaterBin, type Stack, startStack } from '../support/stack.ts';

const canary = 'sk-canary-8Zt3vQ1xYw7Lp0';
const folder = 'services/llm-worker';
const prefix = 'headwater/tars';

/** Everything that anybody could read on the broker, in order of arrival. */
async function tap(url: string) {
  const client = await connectAsync(url, { clientId: 'tap' });
  const seen: { readonly topic: string; readonly payload: Buffer }[] = [];
  const waiting = new Set<() => void>();
  client.on('message', (topic, payload) => {
    seen.push({ topic, payload });
    for (const check of [...waiting]) check();
  });
  await client.subscribeAsync('headwater/#');
  const payloadOf = (bytes: Buffer) => JSON.parse(bytes.subarray(bytes.indexOf(0x0a) + 1).toString());
  return {
    bytes: () => Buffer.concat(seen.map(({ payload }) => payload)),
    /** The first message on a topic (of those so far and to come) that fits. */
    waitFor: <T>(topic: string, fits: (payload: T) => boolean): Promise<T> =>
      new Promise((resolve) => {
        const check = () => {
          const found = seen
            .filter((one) => one.topic === topic && one.payload.length > 0)
            .map((one) => payloadOf(one.payload) as T)
            .find(fits);
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

/** The daemon's own key, as its operator would look it up. */
async function daemonKey(stack: Stack) {
  const { stdout } = await stack.headwater('keys', 'show', '--data', stack.data, '--json');
  return JSON.parse(stdout) as { readonly recipient: string };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function age(stack: Stack, identityFile: string, sealed: string): Promise<Finished> {
  const file = join(stack.folder, 'bundle.age');
  await writeFile(file, sealed);
  return runProcess('age', ['-d', '-i', identityFile, file]);
}

/** Content of every file below a folder. */
async function filesBelow(path: string): Promise<Buffer> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Buffer.concat(await Promise.all(files.map((file) => readFile(file))));
}

const forms = [
  canary,
  Buffer.from(canary).toString('base64').slice(0, 24),
  Buffer.from(canary).toString('hex'),
];
function expectNoCanary(where: string, bytes: Uint8Array | string): void {
  const found = forms.filter((form) => Buffer.from(bytes).includes(form));
  expect(found, where).toEqual([]);
}

test('a committed secret reaches its service sealed, once per revision, and stands in plain text nowhere', async () => {
  const mosquitto = await startMosquitto();
  try {
    await using stack = await startStack({ serve: ['--mqtt', mosquitto.url] });
    await using broker = await tap(mosquitto.url);
    const { snapshot, diff } = serviceTopics(prefix, 'dev', 'llm-worker');
    const identity = (await stack.enroll('llm-worker')).replace('connection.json', 'identity');
    const stranger = (await stack.enroll('stt-worker')).replace('connection.json', 'identity');
    const daemon = await daemonKey(stack);
    await stack.git('pull', '-q', 'origin', 'main');
    expect(await readFile(join(stack.clone, '.sops.yaml'), 'utf8')).toContain(`age: ${daemon.recipient}\n`);
    const validated = () => stack.headwater('validate', '--repo', stack.clone);
    const file = await secretsFile({ openai_api_key: canary }, daemon);
    await writeFile(join(stack.clone, folder, 'secrets.dev.json'), file);
    expect((await validated()).code).toBe(0);

    const commit = await stack.push({ [`${folder}/secrets.dev.json`]: text(file) }, 'Set the key');
    const first = await broker.waitFor<SnapshotPayload>(snapshot, ({ epoch }) => epoch.commit === commit);
    const sealed = first.secrets?.sealed ?? '';
    expect(first.secrets?.recipients).toHaveLength(1);
    expect(first.config).not.toHaveProperty('openai_api_key');
    const opened = await age(stack, identity, sealed);
    const target = { deployment: 'tars', env: 'dev', service: 'llm-worker', rev: first.secrets?.rev ?? '' };
    const bundle = parseSecretsBundle(Buffer.from(opened.stdout), target);
    expect(bundle.values).toEqual({ '/openai_api_key': canary });
    expect(opened.stdout.length % 256).toBe(0);
    expect(await age(stack, stranger, sealed)).toMatchObject({ code: 1, stdout: '' });

    // A change of config repeats the bundle, a restart too.
    const second = await stack.edit(`${folder}/config.json`, (config) => ({ ...config, max_tokens: 300 }));
    const changed = await broker.waitFor<SnapshotPayload>(diff, ({ epoch }) => epoch.commit === second);
    expect(changed).toMatchObject({ kind: 'diff', secrets: 'unchanged' });
    await stack.daemon.kill('SIGTERM');
    await stack.restart();
    const third = await stack.edit(`${folder}/config.json`, (config) => ({ ...config, max_tokens: 310 }));
    const repeated = await broker.waitFor<SnapshotPayload>(snapshot, ({ epoch }) => epoch.commit === third);
    expect(repeated.secrets).toEqual(first.secrets);

    // Whoever swaps encrypted values learns nothing, and services keep what they have.
    const both = text(await secretsFile({ openai_api_key: canary, gemini_api_key: `${canary}-2` }, daemon));
    const [a, b] = both.match(/ENC\[[^\]]*\]/g) as [string, string];
    const swapped = both.replace(a, '#').replace(b, a).replace('#', b);
    await stack.git('checkout', '-q', '-b', 'swapped');
    await writeFile(join(stack.clone, folder, 'secrets.dev.json'), swapped);
    await stack.git('commit', '-q', '-am', 'Swap');
    const refused = await runProcess('git', ['-C', stack.clone, 'push', '-q', 'origin', 'HEAD:main']);
    const held = refused.code === 0 ? await stack.daemon.waitFor(/commit is held/) : refused.stderr;
    expect(held).toContain('HW_SECRETS_TAMPERED');
    expect(held).toContain('/openai_api_key');
    const status = await stack.headwater('status', '--data', stack.data);

    const url = `${stack.ready.http}/api/v1/services/llm-worker?env=dev`;
    const token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
    const body = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
    expect(JSON.parse(body).secrets).toMatchObject({
      '/openai_api_key': { set: true, changedAt: '2026-05-01T12:00:00Z' },
      '/gemini_api_key': { set: false },
    });

    expectNoCanary('broker', broker.bytes());
    expectNoCanary('data folder', await filesBelow(stack.data));
    expectNoCanary('daemon log', stack.daemon.lines.join('\n'));
    expectNoCanary('status', status.stdout + status.stderr);
    expectNoCanary('push', refused.stdout + refused.stderr);
    expectNoCanary('http', body);
    // The search itself works: the bundle that the service opened has it.
    expect(forms.some((form) => opened.stdout.includes(form))).toBe(true);
  } finally {
    await mosquitto.stop();
  }
});

test('a daemon without the identity for one environment stands by for it alone, and one that has it goes on', async () => {
  const mosquitto = await startMosquitto();
  try {
    await using stack = await startStack({ serve: ['--mqtt', mosquitto.url] });
    await using broker = await tap(mosquitto.url);
    await stack.enroll('llm-worker', 'prod');
    const [daemon, prod] = [await daemonKey(stack), await makeTestKey()];
    await stack.git('pull', '-q', 'origin', 'main');
    const rule = (env: string, key: { recipient: string }) =>
      `  - path_regex: ^services/.+/secrets${env}\\.json$\n    age: ${key.recipient}\n`;
    const commit = await stack.push({
      '.sops.yaml': `creation_rules:\n${rule('\\.prod', prod)}${rule('', daemon)}`,
      [`${folder}/secrets.prod.json`]: text(await secretsFile({ openai_api_key: canary }, prod)),
      [`${folder}/secrets.json`]: text(await secretsFile({ openai_api_key: canary }, daemon)),
    });
    const dev = serviceTopics(prefix, 'dev', 'llm-worker').snapshot;
    const inProd = serviceTopics(prefix, 'prod', 'llm-worker').snapshot;
    await broker.waitFor<SnapshotPayload>(dev, ({ epoch }) => epoch.commit === commit);
    const problem = await stack.daemon.waitFor(/HW_SECRET_UNREADABLE/);
    expect(problem).toContain(`${folder}/secrets.prod.json`);
    expect(problem).toContain(daemon.recipient);
    const status = await stack.headwater('status', '--data', stack.data);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain('HW_SECRET_UNREADABLE');
    const doctor = await stack.headwater('doctor', '--data', stack.data);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(new RegExp(`problem .*secrets\\.prod\\.json.*${daemon.recipient}`));

    // A replica with the identity of that environment publishes what this one could not.
    const replica = await startReplica(stack, mosquitto.url, prod.text);
    try {
      const published = await broker.waitFor<SnapshotPayload>(inProd, ({ epoch }) => epoch.commit === commit);
      expect(published.secrets?.sealed).toContain('BEGIN AGE');
      await stack.daemon.waitFor(/works again/);
    } finally {
      await replica.kill('SIGTERM');
    }
    expectNoCanary('broker', broker.bytes());
    expectNoCanary('logs', [...stack.daemon.lines, ...replica.lines].join('\n'));
  } finally {
    await mosquitto.stop();
  }
});

async function startReplica(stack: Stack, mqtt: string, identity: string) {
  const data = join(stack.folder, 'replica');
  await mkdir(join(data, 'keys'), { recursive: true, mode: 0o700 });
  await writeFile(join(data, 'version'), '1\n', { mode: 0o600 });
  for (const name of await readdir(join(stack.data, 'keys')))
    await writeFile(join(data, 'keys', name), await readFile(join(stack.data, 'keys', name)), {
      mode: 0o600,
    });
  await writeFile(join(data, 'keys', 'secrets.prod.identity'), `${identity}\n`, { mode: 0o600 });
  const args = ['--data', data, '--repo', stack.ready.git, '--mqtt', mqtt, '--http', '127.0.0.1:0'];
  return startProcess(process.execPath, [headwaterBin, 'serve', ...args, '--log-format', 'text']);
}
