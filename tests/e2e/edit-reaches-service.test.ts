import { expect, test } from 'vitest';
import { root, startStack } from '../support/stack.ts';

const sample = `${root}examples/stt-worker/service.mjs`;

test('a pushed edit is printed by the running service: setting, old and new value, epoch, signature', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const service = stack.start(sample, { env: { HEADWATER_CONNECTION: connection } });
  await service.waitFor(/started from live config at #\d+ · [0-9a-f]{7}.* signature ok/);
  const commit = await stack.edit('services/stt-worker/config.json', (config) => ({
    ...config,
    vad_threshold: 0.62,
  }));
  const line = await service.waitFor(/vad_threshold/, service.lines.length);
  expect(line).toContain('0.5 → 0.62');
  expect(line).toContain(`· ${commit.slice(0, 7)}`);
  expect(line).toContain('signature ok');
});

test('a service starts alone from its last-known-good copy and goes live when the daemon is back', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const first = stack.start(sample, { env: { HEADWATER_CONNECTION: connection } });
  await first.waitFor(/started from live config/);
  await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.3 }));
  await first.waitFor(/0.5 → 0.3/);
  await stack.daemon.kill('SIGKILL');
  await first.kill('SIGKILL');

  const second = stack.start(sample, { env: { HEADWATER_CONNECTION: connection } });
  await second.waitFor(/started from last-known-good copy/);
  await second.waitFor(/vad_threshold 0.3/);
  await stack.restart();
  await second.waitFor(/^live at/);
  await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.4 }));
  await second.waitFor(/0.3 → 0.4/);
});

test('a commit that breaks the schema goes live nowhere, is explained, and the next good commit heals it', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const service = stack.start(sample, { env: { HEADWATER_CONNECTION: connection } });
  await service.waitFor(/started from live config/);
  const bad = await stack.land('services/stt-worker/config.json', (config) => ({
    ...config,
    vad_threshold: 7,
    channels: 2,
  }));
  const held = await stack.daemon.waitFor(/commit is held/);
  expect(held).toContain('services/stt-worker/config.json:');
  expect(held).toContain('/vad_threshold');
  expect(held).toContain('expected a number from 0 to 1, got 7');
  await stack.daemon.waitFor(new RegExp(`git revert ${bad.slice(0, 7)}`));
  const status = await stack.headwater('status', '--data', stack.data);
  expect(status.stdout).toContain('/vad_threshold');
  expect(status.stdout).toContain(`git revert ${bad.slice(0, 7)}`);

  await stack.edit('services/stt-worker/config.json', (config) => ({ ...config, vad_threshold: 0.7 }));
  await service.waitFor(/vad_threshold {2}0.5 → 0.7/);
  await service.waitFor(/channels {2}1 → 2/);
  expect(service.lines.join('\n')).not.toMatch(/→ 7\b/);
  await stack.daemon.waitFor(/nothing is held any more/);
});
