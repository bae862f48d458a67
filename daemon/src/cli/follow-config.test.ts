import type { ServiceSchema } from '@headwater/client';
import { type FakeHeadwater, fakeHeadwater } from '@headwater/client/testing';
import type { JsonObject } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { printSetting } from './commands/get.ts';
import { followConfig } from './follow-config.ts';
import { createOutput } from './output.ts';
import { makePlayground, type Playground } from './testing/run-command.ts';

const canary = 'canary-e81b';
const schema: ServiceSchema<JsonObject> = {
  service: 'stt-worker',
  digest: `sha256:${'d'.repeat(64)}`,
  document: {
    type: 'object',
    properties: { level: { type: 'integer' }, key: { type: 'string', 'x-hw': { secret: true } } },
  },
  defaults: {},
};

let play: Playground;
let fake: FakeHeadwater<JsonObject>;
let printed: string;
beforeEach(() => {
  play = makePlayground();
  fake = fakeHeadwater({ schema, config: { level: 1 }, secrets: { '/key': canary } });
  printed = '';
});
afterEach(async () => {
  await fake.close();
  play[Symbol.dispose]();
});

function ioOf(json: boolean, signal = new AbortController().signal) {
  const take = (text: string) => {
    printed += text;
  };
  const terminal = { stdout: take, stderr: take, stdoutIsTerminal: false, stderrIsTerminal: false };
  const context = play.context({ terminal, signal });
  return { ...context, out: createOutput(context, json) };
}

test.each([false, true])('watch shows that a secret is there and that it changed, json %s', async (json) => {
  const client = await fake.connect();
  const stop = new AbortController();
  const following = followConfig(ioOf(json, stop.signal), 'stt-worker', 'test', client);
  await fake.changeSecrets({ '/key': `${canary}-2` });
  await fake.changeSecrets({ '/key': null });
  stop.abort();
  await following;
  expect(printed).not.toContain('canary');
  if (!json) {
    expect(printed).toMatch(/^key {2}\[secret\] → \[secret\] .*signature ok$/m);
    expect(printed).toMatch(/^key {2}\[secret\] → — /m);
    return;
  }
  const lines = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0].config).toEqual({ level: 1, key: '[secret]' });
  const [changed, gone] = lines.filter(({ changes }) => changes.length > 0);
  expect(changed.changes).toEqual([{ path: '/key', from: '[secret]', to: '[secret]' }]);
  expect(gone).toMatchObject({ config: { level: 1 }, changes: [{ path: '/key', to: null }] });
});

test.each([false, true])('get shows a secret as [secret], json %s', async (json) => {
  const client = await fake.connect();
  for (const pointer of ['', '/key', '/level'])
    expect(printSetting(ioOf(json), client, { service: 'stt-worker', env: 'test', pointer })).toBe(true);
  expect(printed).toContain('[secret]');
  expect(printed).not.toContain('canary');
});

test('get says no for a secret that the service cannot read, and why', async () => {
  const client = await fake.connect({ opensSecrets: false });
  const place = { service: 'stt-worker', env: 'test', pointer: '/key' };
  expect(printSetting(ioOf(false), client, place)).toBe(false);
  expect(printed).toContain('[secret unavailable]\nthe secret /key cannot be read: ');
});
