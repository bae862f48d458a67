/** Somebody copied the signing key and runs ahead of the daemon. The root key ends that, and every service comes back. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  digestOf,
  epochTopic,
  type Payload,
  parseEnvelope,
  serviceTopics,
  signEnvelope,
  signingKeyOf,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { connectAsync } from 'mqtt';
import { expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { root, type Stack, startStack } from '../support/stack.ts';

const sample = join(root, 'examples/stt-worker/service.mjs');
const prefix = 'headwater/tars';
const { snapshot, diff } = serviceTopics(prefix, 'dev', 'stt-worker');

/** Publishes as the daemon would, at an epoch that is far ahead of everything. */
async function runAhead(stack: Stack, url: string): Promise<void> {
  const seed = Buffer.from((await readFile(join(stack.data, 'keys/signing.key'), 'utf8')).trim(), 'hex');
  const stolen = signingKeyOf(seed, nodeCrypto);
  const client = await connectAsync(url, { clientId: 'thief' });
  try {
    const newest = new Map<string, Record<string, unknown>>();
    const arrived = new Promise<void>((resolve) => {
      client.on('message', (topic, payload) => {
        newest.set(topic, JSON.parse(Buffer.from(parseEnvelope(payload).payload).toString()));
        if (newest.size === 2) resolve();
      });
    });
    await client.subscribeAsync([snapshot, epochTopic(prefix, 'dev')]);
    await arrived;
    const epoch = { era: 1, seq: 9_000, commit: 'ee'.repeat(20) };
    const issuedAt = new Date(Date.now() + 60_000).toISOString();
    const sign = (payload: object) =>
      Buffer.from(
        signEnvelope((payload as Payload).kind, utf8(JSON.stringify(payload)), [stolen], nodeCrypto),
      );
    const before = newest.get(snapshot) as { config: Record<string, unknown> };
    const config = { ...before.config, vad_threshold: 0.99 };
    const forged = sign({
      ...before,
      epoch,
      issuedAt,
      config,
      digest: digestOf(config as never, nodeCrypto),
    });
    await client.publishAsync(snapshot, forged, { qos: 1, retain: true });
    await client.publishAsync(diff, forged, { qos: 1 });
    const statement = newest.get(epochTopic(prefix, 'dev')) as object;
    const expiresAt = new Date(Date.parse(issuedAt) + 90_000).toISOString();
    await client.publishAsync(
      epochTopic(prefix, 'dev'),
      sign({ ...statement, epoch, issuedAt, expiresAt, recent: [] }),
      { qos: 1, retain: true },
    );
  } finally {
    await client.endAsync(true);
  }
}

test('a revoked key brings every service back, the one that ran and the one that slept through it', async () => {
  const mosquitto = await startMosquitto();
  try {
    await using stack = await startStack({ serve: ['--mqtt', mosquitto.url] });
    const connection = await stack.enroll('stt-worker');
    const env = { HEADWATER_CONNECTION: connection };
    const running = stack.start(sample, { env });
    await running.waitFor(/started from live config/);
    const sleeping = stack.start(sample, {
      env: { ...env, XDG_STATE_HOME: join(stack.folder, 'other'), HEADWATER_INSTANCE: 'sleeper' },
    });
    await sleeping.waitFor(/started from live config/);

    await runAhead(stack, mosquitto.url);
    await running.waitFor(/vad_threshold .*→ 0.99/);
    await sleeping.waitFor(/vad_threshold .*→ 0.99/);
    await sleeping.kill('SIGKILL');

    const root = join(stack.folder, 'root.key');
    expect((await stack.headwater('keys', 'export-root', '--out', root, '--data', stack.data)).code).toBe(0);
    const shown = await stack.headwater('keys', 'show', '--data', stack.data, '--json');
    const [stolen] = (JSON.parse(shown.stdout) as { signers: { keyId: string }[] }).signers;
    const revoked = await stack.headwater(
      'keys',
      'revoke',
      stolen?.keyId as string,
      '--root-key',
      root,
      '--data',
      stack.data,
    );
    expect([revoked.code, revoked.stderr]).toEqual([0, '']);
    await running.waitFor(/vad_threshold .*0.99 → 0.5/);

    const commit = await stack.edit('services/stt-worker/config.json', (config) => ({
      ...config,
      vad_threshold: 0.61,
    }));
    expect(await running.waitFor(/0.5 → 0.61/)).toContain(commit.slice(0, 7));
    const again = stack.start(sample, {
      env: { ...env, XDG_STATE_HOME: join(stack.folder, 'other'), HEADWATER_INSTANCE: 'sleeper' },
    });
    await again.waitFor(/vad_threshold .*0.61/);

    // The daemon goes on after a restart, without the root key.
    await stack.daemon.kill('SIGTERM');
    await stack.restart();
    await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.62 }));
    await running.waitFor(/0.61 → 0.62/);
    await again.waitFor(/0.61 → 0.62/);
    const status = await stack.headwater('status', '--data', stack.data);
    expect([status.code, status.stdout]).toEqual([0, expect.not.stringContaining('HW_')]);
  } finally {
    await mosquitto.stop();
  }
});
