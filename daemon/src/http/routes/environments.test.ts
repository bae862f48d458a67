import { describe, expect, test } from 'vitest';
import { openApiScene, sttProd, ttsBase } from '../../testing/api-scene.ts';

describe('comparing environments', () => {
  test('shows settings that differ and services that are in one only', async () => {
    await using api = await openApiScene();
    await api.commit({
      'schemas/new.schema.json': { type: 'object', properties: { a: {} }, 'x-hw': { environments: ['dev'] } },
      'services/new/config.json': { a: 1 },
      'services/speech/stt/config.dev.json': { deep: { x: 1 } },
    });
    expect((await api.ask('GET', '/compare?envs=dev,prod')).body).toEqual({
      envs: ['dev', 'prod'],
      equal: 1,
      services: [
        { service: 'new', only: 'dev', settings: [{ pointer: '/a', from: 1 }] },
        {
          service: 'stt',
          settings: [
            { pointer: '/deep/x', from: 1 },
            { pointer: '/rate', from: 5, to: 9 },
          ],
        },
      ],
    });
  });

  test('needs two that the caller sees', async () => {
    await using api = await openApiScene();
    expect((await api.ask('GET', '/compare?envs=dev')).status).toBe(400);
    expect((await api.ask('GET', '/compare?envs=dev,none')).status).toBe(404);
    expect((await api.ask('GET', '/compare?envs=dev,prod', undefined, 'devViewer')).status).toBe(404);
  });
});

describe('promoting', () => {
  const promote = { from: 'prod', to: 'dev', settings: [{ service: 'stt', pointer: 'rate' }] };

  test('sets chosen values in the overlay of the other environment, in one commit', async () => {
    await using api = await openApiScene();
    await api.commit({ 'services/speech/stt/config.dev.json': { deep: { x: 1 } }, [ttsBase]: { rate: 3 } });
    const { status, body } = await api.ask('POST', '/promotions', {
      ...promote,
      settings: [
        ...promote.settings,
        { service: 'stt', pointer: '/deep/x' },
        { service: 'tts', pointer: '/rate' },
      ],
    });
    expect([status, body.differences]).toEqual([
      201,
      [
        { service: 'stt', pointer: '/rate', from: 5, to: 9 },
        { service: 'stt', pointer: '/deep/x', from: 1 },
      ],
    ]);
    expect(await api.json('services/speech/stt/config.dev.json')).toEqual({ rate: 9 });
    expect((await api.ask('POST', '/promotions', promote)).status).toBe(200);
  });

  test('takes no secret, and nothing from or to where the caller does not reach', async () => {
    await using api = await openApiScene();
    const secret = await api.ask('POST', '/promotions', {
      ...promote,
      settings: [{ service: 'stt', pointer: '/api_key' }],
    });
    expect([secret.status, secret.body.code]).toEqual([422, 'HW_SECRET_IN_CONFIG']);
    expect((await api.ask('POST', '/promotions', promote, 'devEditor')).status).toBe(404);
    expect((await api.ask('POST', '/promotions', { ...promote, to: 'prod' })).status).toBe(400);
    const none = { ...promote, settings: [{ service: 'none', pointer: '/rate' }] };
    expect((await api.ask('POST', '/promotions', none)).status).toBe(404);
  });
});

describe('export and import', () => {
  test('take all values of one environment to another, in one commit, and only what differs', async () => {
    await using api = await openApiScene();
    const exported = await api.ask('GET', '/export?env=prod');
    expect(exported.body).toMatchObject({
      ...{ headwater: 1, deployment: 'tars', env: 'prod' },
      services: { stt: { rate: 9, model: 'small' }, tts: { rate: 2 } },
    });
    const { status, body } = await api.ask('POST', '/import', { ...exported.body, layer: 'dev' });
    expect([status, body.applied]).toEqual([201, { dev: { stt: ['/rate'] } }]);
    expect(await api.json('services/speech/stt/config.dev.json')).toEqual({ rate: 9 });
    const dry = await api.ask('POST', '/import?dryRun=true', {
      layer: 'base',
      services: { none: {}, stt: { model: 'huge' } },
    });
    expect([dry.status, dry.body.missing, dry.body.problems[0].pointer]).toEqual([200, ['none'], '/model']);
  });

  test('give schemas when asked for, and variables of one service', async () => {
    await using api = await openApiScene();
    const { schemas } = (await api.ask('GET', '/export?env=dev&schema=true&service=stt')).body;
    expect(Object.keys(schemas)).toEqual(['stt']);
    const dotenv = await api.text('/export?env=dev&service=stt&format=dotenv');
    expect(dotenv).toBe('STT_MODEL=small\n');
    expect((await api.ask('GET', '/export?env=dev&format=dotenv')).status).toBe(400);
    expect((await api.ask('GET', '/export?env=dev&format=xml')).status).toBe(400);
  });

  test('go as far as the caller does', async () => {
    await using api = await openApiScene();
    const seen = await api.ask('GET', '/export?env=dev', undefined, 'devViewer');
    expect(Object.keys(seen.body.services)).toEqual(['stt']);
    expect((await api.ask('GET', '/export?env=dev&service=tts', undefined, 'devViewer')).status).toBe(404);
    const wanted = (layer: string, service: string) => ({ layer, services: { [service]: { rate: 8 } } });
    expect((await api.ask('POST', '/import', wanted('dev', 'tts'), 'devEditor')).status).toBe(404);
    expect((await api.ask('POST', '/import', wanted('base', 'stt'), 'devEditor')).status).toBe(403);
    expect((await api.ask('POST', '/import', wanted('prod', 'stt'), 'devEditor')).status).toBe(403);
    expect((await api.ask('POST', '/import', wanted('dev', 'stt'), 'devEditor')).status).toBe(201);
    expect(await api.json(sttProd)).toEqual({ rate: 9 });
  });
});
