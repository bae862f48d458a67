import { describe, expect, test } from 'vitest';
import { openApiScene, sttBase, sttProd, ttsBase } from '../../testing/api-scene.ts';

describe('a new service', () => {
  test('is one commit, with a schema inferred from its values', async () => {
    await using api = await openApiScene();
    const { status, body } = await api.ask('POST', '/services', {
      ...{ service: 'lamp', group: 'home/light', owner: 'light-team' },
      ...{ config: { delay_ms: 5 }, overlays: { prod: { delay_ms: 9 } } },
    });
    expect(status).toBe(201);
    expect(body.applied).toEqual({ dev: { lamp: ['/delay_ms'] }, prod: { lamp: ['/delay_ms'] } });
    expect(await api.json('services/home/light/lamp/config.prod.json')).toEqual({ delay_ms: 9 });
    expect(await api.json('schemas/lamp.schema.json')).toMatchObject({
      'x-hw': { owner: 'light-team' },
      properties: { delay_ms: { type: 'integer', 'x-hw': { unit: 'ms' } } },
    });
  });

  test('is refused when the name is taken, the values do not fit, or one looks like a secret', async () => {
    await using api = await openApiScene();
    const add = async (body: object) => {
      const answer = await api.ask('POST', '/services', { service: 'lamp', ...body });
      return [answer.status, answer.body.code];
    };
    expect(await add({ service: 'tts' })).toEqual([422, 'HW_SERVICE_DUPLICATE']);
    expect(await add({ config: { api_key: 'x' } })).toEqual([422, 'HW_SECRET_IN_CONFIG']);
    expect(await add({ config: { a: 1 }, schema: { type: 'object', additionalProperties: false } })).toEqual([
      422,
      'HW_EDIT_INVALID',
    ]);
    expect(await add({ group: '../x' })).toEqual([422, 'HW_NAME_INVALID']);
    expect(await add({ overlays: { none: {} } })).toEqual([404, 'HW_NOT_FOUND']);
    expect(await add({ service: 'Lamp' })).toEqual([400, 'HW_REQUEST_INVALID']);
  });
});

test('a removed service takes all its files along, and nobody else’s', async () => {
  await using api = await openApiScene();
  await api.commit({
    'services/speech/stt/README.md': 'Notes',
    'services/speech/stt/recipients.txt': '# none\n',
  });
  const { status, body } = await api.ask('DELETE', '/services/stt');
  expect(status).toBe(201);
  const files = api.edits.made.git('ls-tree', '-r', '--name-only', body.commit).split('\n');
  expect(files).toEqual(['headwater.json', 'schemas/tts.schema.json', ttsBase]);
  expect((await api.ask('DELETE', '/services/stt')).status).toBe(404);
});

describe('a renamed service', () => {
  test('has everything under both names, until the old one is removed', async () => {
    await using api = await openApiScene();
    await api.ask('PUT', '/presets/night', {
      title: 'Night',
      services: { stt: { rate: 7 }, tts: { rate: 1 } },
    });
    const { status, body } = await api.ask('POST', '/services/stt/rename', { to: 'ears' });
    expect([status, Object.keys(body.applied.dev)]).toEqual([201, ['ears']]);
    expect(await api.json('services/speech/ears/config.prod.json')).toEqual({ rate: 9 });
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small' });
    expect((await api.json('presets/night.json')) as object).toEqual({
      ...{ headwater: 1, title: 'Night' },
      services: { ears: { rate: 7 }, tts: { rate: 1 } },
    });
    expect((await api.ask('DELETE', '/services/stt')).status).toBe(201);
    expect(api.live.get('dev', 'ears')?.config).toMatchObject({ rate: 5 });
    expect(api.live.get('dev', 'stt')).toBeNull();
  });

  test('or the new name alone', async () => {
    await using api = await openApiScene();
    const { body } = await api.ask('POST', '/services/stt/rename', { to: 'ears', keep: false });
    expect(await api.json(sttProd)).toBeNull();
    const changed = (await api.ask('GET', `/epochs/${body.commit}`)).body.files;
    expect(changed).toHaveLength(6);
  });

  test('keeps no secret under a data key that two files would share', async () => {
    await using api = await openApiScene();
    const secrets = 'services/speech/stt/secrets.json';
    await api.edits.commitByHand({ [secrets]: '{"sops":{}}' });
    await api.edits.deps.branch.follow({ refresh: false });
    await api.ask('POST', '/services/stt/rename?dryRun=true', { to: 'ears', keep: false });
    expect(api.encryptedAnew).toEqual([]);
    await api.ask('POST', '/services/stt/rename?dryRun=true', { to: 'ears' });
    expect(api.encryptedAnew).toEqual([secrets]);
  });

  test('needs a name that is free', async () => {
    await using api = await openApiScene();
    expect((await api.ask('POST', '/services/stt/rename', { to: 'tts' })).body.code).toBe(
      'HW_SERVICE_DUPLICATE',
    );
    expect((await api.ask('POST', '/services/none/rename', { to: 'ears' })).status).toBe(404);
    expect((await api.ask('POST', '/services/stt/rename', { to: 'Ears' })).status).toBe(400);
  });
});

describe('a new setting', () => {
  const volume = { pointer: 'volume', schema: { type: 'integer', maximum: 11 }, value: 3 };

  test('is described and set in one commit', async () => {
    await using api = await openApiScene();
    const { status, body } = await api.ask('POST', '/services/tts/settings', volume);
    expect([status, body.applied]).toEqual([201, { dev: { tts: ['/volume'] }, prod: { tts: ['/volume'] } }]);
    const inner = { pointer: '/fx/echo', schema: { type: 'boolean' }, layer: 'dev', value: true };
    await api.ask('POST', '/services/tts/settings', inner);
    expect(api.live.get('dev', 'tts')?.config).toEqual({ rate: 2, volume: 3, fx: { echo: true } });
  });

  test('is refused when it is there already, or its value does not fit', async () => {
    await using api = await openApiScene();
    expect((await api.ask('POST', '/services/tts/settings', { ...volume, pointer: 'rate' })).status).toBe(
      400,
    );
    expect((await api.ask('POST', '/services/tts/settings', { ...volume, value: 12 })).status).toBe(422);
    expect((await api.ask('POST', '/services/tts/settings', { pointer: '/x' })).status).toBe(400);
  });
});

test('services come, go and change names only as far as the caller reaches', async () => {
  await using api = await openApiScene();
  const tip = api.edits.tip();
  const calls = [
    ['POST', '/services', { service: 'lamp' }, 404],
    ['POST', '/services', { service: 'tts' }, 404],
    ['POST', '/services', { service: 'stx' }, 403],
    ['DELETE', '/services/tts', undefined, 404],
    ['DELETE', '/services/stt', undefined, 403],
    ['POST', '/services/tts/rename', { to: 'stx' }, 404],
    ['POST', '/services/stt/rename', { to: 'lamp' }, 404],
    ['POST', '/services/stt/rename', { to: 'stx' }, 403],
    ['POST', '/services/tts/settings', { pointer: '/x', schema: {} }, 404],
    ['POST', '/services/stt/settings', { pointer: '/x', schema: {} }, 403],
  ] as const;
  for (const [method, path, body, status] of calls)
    expect([method, path, (await api.ask(method, path, body, 'devEditor')).status]).toEqual([
      method,
      path,
      status,
    ]);
  expect(api.edits.tip()).toBe(tip);
});
