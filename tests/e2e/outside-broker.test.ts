import { expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { root, startStack } from '../support/stack.ts';

const sample = `${root}examples/stt-worker/service.mjs`;

/** What an operator would write by hand: the daemon everything below its prefix, the service its own topics. */
const accessRules = (token: string) => ({
  passwords: { daemon: 'daemon-password', 'dev/stt-worker': token },
  acl: [
    'user daemon',
    'topic readwrite headwater/tars/#',
    'user dev/stt-worker',
    'topic read headwater/tars/keys',
    'topic read headwater/tars/dev/epoch',
    ...['snapshot', 'diff', 'schema'].map(
      (kind) => `topic read headwater/tars/dev/services/stt-worker/${kind}`,
    ),
    'pattern write headwater/tars/dev/services/stt-worker/clients/%c',
  ].join('\n'),
});

test('Mosquitto instead of the embedded broker: edits arrive, and a broker that comes back with nothing retained is filled again', async () => {
  const token = 'any-password-will-do';
  const mosquitto = await startMosquitto(accessRules(token));
  try {
    const url = mosquitto.url.replace('mqtt://', 'mqtt://daemon:daemon-password@');
    await using stack = await startStack({ serve: ['--mqtt', url] });
    const connection = await stack.enroll('stt-worker');
    const env = { HEADWATER_CONNECTION: connection, HEADWATER_TOKEN: token };
    const service = stack.start(sample, { env });
    await service.waitFor(/started from live config/);
    await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.6 }));
    await service.waitFor(/0\.5 → 0\.6 .*signature ok/);

    await mosquitto.halt();
    await stack.daemon.waitFor(/not reachable/);
    await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.7 }));
    await mosquitto.restart();
    await service.waitFor(/0\.6 → 0\.7 .*signature ok/);

    const fresh = stack.start(sample, { env: { ...env, XDG_STATE_HOME: `${stack.folder}/elsewhere` } });
    expect(await fresh.waitFor(/started from/)).toContain('live config');
  } finally {
    await mosquitto.stop();
  }
});
