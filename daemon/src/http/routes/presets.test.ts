import { describe, expect, test } from 'vitest';
import { openApiScene, sttBase, sttProd, ttsBase } from '../../testing/api-scene.ts';

const night = { services: { stt: { rate: 7, deep: { x: 1 } }, tts: { rate: 2, voice: 'low' } } };

describe('a preset', () => {
  test('is saved as given, listed, shown, replaced and removed, each by a commit', async () => {
    await using api = await openApiScene();
    expect((await api.ask('GET', '/presets')).body).toEqual({ presets: [] });
    const saved = await api.ask('PUT', '/presets/night', { title: 'Night', ...night });
    expect([saved.status, await api.json('presets/night.json')]).toEqual([
      201,
      { headwater: 1, title: 'Night', ...night },
    ]);
    expect((await api.ask('GET', '/presets')).body.presets).toMatchObject([
      { name: 'night', title: 'Night', services: ['stt', 'tts'], saved: { commit: saved.body.commit } },
    ]);
    await api.ask('PUT', '/presets/night', { services: { tts: { rate: 3 } } });
    const { body } = await api.ask('GET', '/presets/night');
    expect(body).toMatchObject({ title: 'Night', services: { tts: { rate: 3 } } });
    expect((await api.ask('DELETE', '/presets/night')).status).toBe(201);
    expect((await api.ask('GET', '/presets/night')).status).toBe(404);
    expect((await api.ask('GET', '/presets')).body).toEqual({ presets: [] });
  });

  test('takes all values that are live in an environment', async () => {
    await using api = await openApiScene();
    expect((await api.ask('PUT', '/presets/now', { from: { env: 'prod' } })).status).toBe(201);
    expect((await api.ask('GET', '/presets/now')).body.services).toEqual({
      stt: { rate: 9, model: 'small' },
      tts: { rate: 2 },
    });
    await api.ask('PUT', '/presets/one', { from: { env: 'dev', services: ['tts'] } });
    expect((await api.ask('GET', '/presets/one')).body.services).toEqual({ tts: { rate: 2 } });
  });

  test('holds no secret, no service that is not there, and nothing but values', async () => {
    await using api = await openApiScene();
    const put = (body: object) => api.ask('PUT', '/presets/night', body);
    const secret = await put({ services: { stt: { api_key: 'canary' } } });
    expect([secret.status, secret.body.code]).toEqual([422, 'HW_SECRET_IN_CONFIG']);
    expect(JSON.stringify(secret.body)).not.toContain('canary');
    expect((await put({ services: { none: {} } })).status).toBe(404);
    for (const body of [{}, { services: {} }, { services: { stt: 1 } }, { ...night, from: { env: 'dev' } }])
      expect([body, (await put(body)).status]).toEqual([body, 400]);
    expect((await put({ from: { env: 'none' } })).status).toBe(404);
    expect((await api.ask('PUT', '/presets/No', night)).status).toBe(400);
  });
});

describe('activating', () => {
  test('writes what differs into one layer, for all services in one commit', async () => {
    await using api = await openApiScene();
    await api.ask('PUT', '/presets/night', night);
    const { status, body } = await api.ask('POST', '/presets/night/activate', { layer: 'prod' });
    expect(status).toBe(201);
    expect(body.applied).toEqual({ prod: { stt: ['/deep/x', '/rate'], tts: ['/voice'] } });
    expect(await api.json(sttProd)).toEqual({ rate: 7, deep: { x: 1 } });
    expect(await api.json('services/tts/config.prod.json')).toEqual({ voice: 'low' });
    const again = await api.ask('POST', '/presets/night/activate', { layer: 'prod' });
    expect([again.status, again.body.differences]).toEqual([200, []]);
    await api.ask('POST', '/presets/night/activate', { layer: 'base', message: 'Everywhere' });
    expect(await api.json(sttBase)).toEqual({ rate: 7, model: 'small', deep: { x: 1 } });
    expect(await api.json(ttsBase)).toEqual({ rate: 2, voice: 'low' });
  });

  test('shows before what differs, and who changed it since the preset was saved', async () => {
    await using api = await openApiScene();
    await api.ask('PUT', '/presets/now', { from: { env: 'prod' } });
    const tip = await api.commit({ [sttProd]: { rate: 11 } });
    await api.commit({ [ttsBase]: { rate: 2, voice: 'high' } });
    const { status, body } = await api.ask('POST', '/presets/now/activate?dryRun=true', { layer: 'prod' });
    expect(status).toBe(200);
    expect(body.differences).toEqual([
      {
        ...{ service: 'stt', pointer: '/rate', from: 11, to: 9 },
        changed: {
          commit: tip,
          time: expect.any(String),
          author: expect.objectContaining({ email: 'tess@example.org' }),
        },
      },
    ]);
    expect(await api.json(sttProd)).toEqual({ rate: 11 });
  });

  test('is validated like any change, and leaves out services that are gone', async () => {
    await using api = await openApiScene();
    await api.ask('PUT', '/presets/night', { services: { stt: { rate: 1000 }, tts: { rate: 4 } } });
    const refused = await api.ask('POST', '/presets/night/activate', { layer: 'dev' });
    expect([refused.status, refused.body.problems[0].pointer]).toEqual([422, '/rate']);
    await api.commit({
      'services/speech/stt/config.json': null,
      [sttProd]: null,
      'schemas/stt.schema.json': null,
    });
    const { status, body } = await api.ask('POST', '/presets/night/activate', { layer: 'dev' });
    expect([status, body.missing]).toEqual([201, ['stt']]);
    expect((await api.ask('POST', '/presets/night/activate', { layer: 'none' })).status).toBe(404);
  });
});

test('people see and change only presets of services that they see', async () => {
  await using api = await openApiScene();
  await api.ask('PUT', '/presets/both', night);
  await api.ask('PUT', '/presets/other', { services: { tts: { rate: 4 } } });
  const list = await api.ask('GET', '/presets', undefined, 'devEditor');
  expect(
    list.body.presets.map((one: { name: string; services: string[] }) => [one.name, one.services]),
  ).toEqual([['both', ['stt']]]);
  expect((await api.ask('GET', '/presets/both', undefined, 'devEditor')).body.services).toEqual({
    stt: night.services.stt,
  });
  const tip = api.edits.tip();
  const calls = [
    ['GET', '/presets/other', undefined, 404],
    ['DELETE', '/presets/other', undefined, 404],
    ['POST', '/presets/other/activate', { layer: 'dev' }, 404],
    ['DELETE', '/presets/both', undefined, 403],
    ['PUT', '/presets/both', { services: { stt: { rate: 1 } } }, 403],
    ['POST', '/presets/both/activate', { layer: 'dev' }, 403],
    ['PUT', '/presets/mine', { from: { env: 'prod' } }, 404],
  ] as const;
  for (const [method, path, body, status] of calls) {
    const answer = await api.ask(method, path, body, 'devEditor');
    expect([method, path, answer.status]).toEqual([method, path, status]);
    expect(JSON.stringify(answer.body)).not.toContain('tts');
  }
  expect(api.edits.tip()).toBe(tip);
  await api.ask('PUT', '/presets/mine', { services: { stt: { rate: 8 } } }, 'devEditor');
  expect((await api.ask('POST', '/presets/mine/activate', { layer: 'prod' }, 'devEditor')).status).toBe(403);
  expect((await api.ask('POST', '/presets/mine/activate', { layer: 'dev' }, 'devEditor')).status).toBe(201);
});
