/** Commands that ask the daemon for changes and histories, against its real API. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiScene, openApiScene, sttBase, sttProd, ttsBase } from '../../testing/api-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let api: ApiScene;
let daemon: readonly string[];
beforeEach(async () => {
  play = makePlayground();
  api = await openApiScene();
  daemon = await api.listen();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  play[Symbol.dispose]();
});

const run = (...args: string[]) => play.run(...args, ...daemon);

describe('set', () => {
  test('commits one setting of one layer, typed as the schema says', async () => {
    const done = await run('set', 'stt', 'rate', '7', '--env', 'prod', '-m', 'Slöw down');
    expect(done).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^Committed #2 · [0-9a-f]{7}, live in prod\n$/),
    });
    expect(await api.json(sttProd)).toEqual({ rate: 7 });
    await run('set', 'tts', 'voice', '5', '--env', 'base');
    expect(await api.json(ttsBase)).toEqual({ rate: 2, voice: '5' });
    await run('set', 'stt', '/deep/x', '4', '--env', 'dev');
    await run('set', 'stt', 'rate', '--unset', '--env', 'prod');
    expect(await api.json(sttProd)).toEqual({});
    expect((await run('log', '--limit', '4', '--json')).json<{ epochs: object[] }>().epochs).toMatchObject([
      { subject: 'Stop setting rate in stt (prod)' },
      { subject: 'Set deep/x to 4 in stt (dev)' },
      {},
      { subject: 'Slöw down' },
    ]);
  });

  test('says no to a value that does not fit, and shows before what would change', async () => {
    const tip = api.edits.tip();
    const refused = await run('set', 'stt', 'rate', '500', '--env', 'dev');
    expect(refused).toMatchObject({
      exit: 1,
      stdout: expect.stringMatching(/problem stt in dev \/rate: .*HW_CONFIG_INVALID/),
    });
    const dry = await run('set', 'stt', 'model', 'large', '--env', 'base', '--dry-run');
    expect([dry.exit, dry.stdout]).toEqual([
      0,
      'stt in dev\n  /model: "small" → "large" (needs a restart)\nstt in prod\n  /model: "small" → "large" (needs a restart)\n',
    ]);
    expect(api.edits.tip()).toBe(tip);
    expect((await run('set', 'stt', 'rate', '--env', 'dev')).exit).toBe(2);
    expect((await run('set', 'none', 'rate', '1', '--env', 'base')).exit).toBe(1);
  });
});

describe('revert', () => {
  test('undoes a commit, or says setting by setting why it cannot', async () => {
    const bad = await api.commit({ [sttBase]: { rate: 50, model: 'small' } });
    const next = await api.commit({ [sttBase]: { rate: 60, model: 'small' } });
    const refused = await run('revert', bad.slice(0, 8));
    expect(refused.exit).toBe(1);
    expect(refused.stdout).toContain(`conflict ${sttBase} /rate: was 50, wanted 5, is 60`);
    expect((await run('revert', next)).exit).toBe(0);
    expect((await run('revert', bad, '--json')).json()).toMatchObject({ changed: true });
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small' });
  });

  test('takes back a setting, a service, or everything', async () => {
    const first = api.edits.tip();
    await api.commit({ [sttBase]: { rate: 50, model: 'large' }, [ttsBase]: { rate: 9 } });
    await run('revert', '--service', 'stt', '--setting', 'rate');
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'large' });
    await run('revert', '--service', 'stt', '--to', first);
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small' });
    expect((await run('revert', '--all', '--to', first)).exit).toBe(0);
    expect(await api.json(ttsBase)).toEqual({ rate: 2 });
    for (const args of [[], ['--service', 'stt'], ['--all'], ['abcd', '--service', 'stt']])
      expect([args, (await run('revert', ...args)).exit]).toEqual([args, 2]);
  });
});

test('why says what a value is, which layer set it, and what it was before', async () => {
  await api.commit({ [sttBase]: { rate: 6, model: 'small' } });
  const { exit, stdout } = await run('why', 'stt', 'rate', '--env', 'dev');
  expect([exit, stdout.split('\n')[0]]).toEqual([0, '/rate of stt in dev is 6 (from base)']);
  expect(stdout).toMatch(/^#2 · [0-9a-f]{7} {2}.*by hand\n {2}\/rate: 5 → 6\n#1 .*\n {2}\/rate: — → 5\n$/m);
  expect((await run('why', 'stt', 'api_key', '--env', 'dev')).stdout).toContain('is not set');
  expect((await run('why', 'stt', 'none', '--env', 'dev')).exit).toBe(1);
});

test('presets are saved, listed, compared, activated and removed', async () => {
  expect((await run('preset', 'save', 'now', '--env', 'prod', '--title', 'Now')).exit).toBe(0);
  expect((await run('preset', 'save', 'now', '--env', 'prod')).exit).toBe(2);
  expect((await run('preset', 'list')).stdout).toMatch(/^now {2}2 services .* Now\n$/);
  expect(JSON.parse((await run('preset', 'show', 'now')).stdout)).toMatchObject({ stt: { rate: 9 } });
  expect(await run('preset', 'diff', 'now', '--env', 'prod')).toMatchObject({
    exit: 0,
    stdout: '0 settings differ.\n',
  });
  const tip = await api.commit({ [sttProd]: { rate: 11 } });
  const diff = await run('preset', 'diff', 'now', '--env', 'prod');
  expect(diff.exit).toBe(1);
  expect(diff.stdout).toContain(`stt /rate: 11 → 9  changed ${tip.slice(0, 7)}`);
  expect((await run('preset', 'activate', 'now', '--env', 'prod')).stdout).toContain('Committed #4');
  expect(await api.json(sttProd)).toEqual({ rate: 9 });
  expect((await run('preset', 'delete', 'now')).exit).toBe(0);
  expect((await run('preset', 'list')).stdout).toBe('There are none.\n');
});

test('drift is the answer yes when everybody runs what is live', async () => {
  expect(await run('drift')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('0 connected clients'),
  });
});

test('a service is renamed, and its old name removed', async () => {
  expect((await run('service', 'rename', 'tts', 'voice')).exit).toBe(0);
  expect((await run('service', 'remove', 'tts', '--dry-run')).stdout).toContain('tts in dev (removed)');
  expect((await run('service', 'remove', 'tts')).exit).toBe(0);
  expect(await api.json('services/voice/config.json')).toEqual({ rate: 2 });
  expect(await api.json(ttsBase)).toBeNull();
  expect((await run('service', 'remove', 'tts')).exit).toBe(1);
});
