import type { Receipt } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { type ApiScene, openApiScene, ttsBase } from '../../testing/api-scene.ts';

describe('search', () => {
  const found = async (api: ApiScene, query: string) =>
    (await api.ask('GET', `/search?${query}`)).body.hits.map(
      ({ service, pointer, score, matched }: Record<string, unknown>) => [
        service,
        pointer ?? '',
        score,
        matched,
      ],
    );

  test('ranks the very word, beginnings, parts, and descriptions and values last', async () => {
    await using api = await openApiScene();
    expect(await found(api, 'q=rate')).toEqual([
      ['stt', '/rate', 1, 'name'],
      ['tts', '/rate', 1, 'name'],
    ]);
    expect(await found(api, 'q=RA')).toMatchObject([
      ['stt', '/rate', 0.8, 'name'],
      ['tts', '/rate', 0.8, 'name'],
    ]);
    expect(await found(api, 'q=stt')).toEqual([
      ['stt', '', 1, 'name'],
      ['stt', '/model', 0.8, 'env'],
    ]);
    expect(await found(api, 'q=hears')).toEqual([['stt', '/rate', 0.3, 'description']]);
    expect(await found(api, 'q=large')).toEqual([['stt', '/model', 1, 'enum']]);
    expect(await found(api, 'q=sample')).toEqual([['stt', '/rate', 0.8, 'title']]);
    await api.commit({ [ttsBase]: { rate: 2, voice: 'Contralto' } });
    expect(await found(api, 'q=contra')).toEqual([['tts', '/voice', 0.3, 'value']]);
  });

  test('is ranked before it is cut, and says how many there are', async () => {
    await using api = await openApiScene();
    const { body } = await api.ask('GET', '/search?q=e&limit=1');
    expect(body.total).toBeGreaterThan(3);
    const all = (await api.ask('GET', '/search?q=e')).body.hits;
    expect(body.hits).toEqual(all.slice(0, 1));
  });

  test('shows values by environment, and never of a secret', async () => {
    await using api = await openApiScene();
    const { hits } = (await api.ask('GET', '/search?q=rate&service=stt')).body;
    expect(hits[0]).toMatchObject({ envs: ['dev', 'prod'], values: { dev: 5, prod: 9 }, type: 'number' });
    const secret = (await api.ask('GET', '/search?q=api_key')).body.hits[0];
    expect(secret).toMatchObject({ pointer: '/api_key', secret: true });
    expect(secret).not.toHaveProperty('values');
  });

  test('is narrowed by level, type, environment and service', async () => {
    await using api = await openApiScene();
    expect(await found(api, 'q=o&level=simple')).toEqual([['stt', '/model', 0.6, 'name']]);
    expect(await found(api, 'q=e&type=array')).toEqual([]);
    expect(await found(api, 'q=i&type=array')).toEqual([['stt', '/list', 0.6, 'name']]);
    expect((await api.ask('GET', '/search?q=rate&env=prod&service=tts')).body.hits).toMatchObject([
      { service: 'tts', envs: ['prod'] },
    ]);
    for (const query of ['q=', 'q=a&level=none', 'q=a&type=none', 'q=a&limit=0'])
      expect([query, (await api.ask('GET', `/search?${query}`)).status]).toEqual([query, 400]);
  });

  test('finds what the caller sees', async () => {
    await using api = await openApiScene();
    const { hits } = (await api.ask('GET', '/search?q=rate', undefined, 'devViewer')).body;
    expect(hits).toMatchObject([{ service: 'stt', envs: ['dev'], values: { dev: 5 } }]);
    expect((await api.ask('GET', '/search?q=rate&env=prod', undefined, 'devViewer')).status).toBe(404);
  });
});

describe('clients', () => {
  const tell = async (api: ApiScene, env: string, service: string, more: Partial<Receipt>) => {
    const view = api.live.get(env, service);
    if (!view) throw new Error('not live');
    const clientId = `${env}.${service}.host-1`;
    const receipt: Receipt = {
      ...{
        v: 1,
        clientId,
        instance: 'host-1',
        service,
        env,
        epoch: view.epoch,
        digest: view.digest,
        state: 'live',
      },
      ...{
        restartPending: [],
        envOverrides: [],
        envInvalid: [],
        version: '0.1.0',
        at: '2026-01-01T00:00:00Z',
      },
      ...more,
    };
    const topic = `headwater/tars/${env}/services/${service}/clients/${clientId}`;
    if (!api.receipts.take({ topic, payload: Buffer.from(JSON.stringify(receipt)) }))
      throw new Error('refused');
  };

  test('are listed with how far they are behind, and filtered', async () => {
    await using api = await openApiScene();
    await tell(api, 'dev', 'stt', {});
    await tell(api, 'prod', 'stt', { state: 'offline' });
    await tell(api, 'dev', 'tts', {});
    await api.commit({ [ttsBase]: { rate: 3 } });
    const list = async (query: string) =>
      (await api.ask('GET', `/clients${query}`)).body.clients.map(
        ({ clientId, lag }: Record<string, unknown>) => [clientId, lag],
      );
    expect(await list('')).toEqual([
      ['dev.stt.host-1', 0],
      ['dev.tts.host-1', 1],
      ['prod.stt.host-1', 0],
    ]);
    expect(await list('?env=dev&service=tts')).toEqual([['dev.tts.host-1', 1]]);
    expect(await list('?state=offline')).toEqual([['prod.stt.host-1', 0]]);
    expect((await api.ask('GET', '/clients?state=dead')).status).toBe(400);
    const seen = await api.ask('GET', '/clients', undefined, 'devViewer');
    expect(seen.body.clients.map((one: Receipt) => one.clientId)).toEqual(['dev.stt.host-1']);
  });

  test('that do not run exactly what is live have drifted, with the reasons', async () => {
    await using api = await openApiScene();
    await tell(api, 'dev', 'stt', {});
    await tell(api, 'prod', 'stt', { digest: 'sha256:00' });
    await tell(api, 'dev', 'tts', { envOverrides: ['/rate'], restartPending: ['/rate'], state: 'stale' });
    const drift = async () => {
      const { body } = await api.ask('GET', '/drift');
      return [
        body.connected,
        ...body.drifted.map((one: Record<string, unknown>) => [one.clientId, one.reasons]),
      ];
    };
    expect(await drift()).toEqual([
      3,
      ['dev.tts.host-1', ['state', 'restart', 'override']],
      ['prod.stt.host-1', ['digest']],
    ]);
    await tell(api, 'dev', 'tts', {});
    await tell(api, 'prod', 'stt', { state: 'offline', digest: 'sha256:00' });
    expect(await drift()).toEqual([2]);
    await api.commit({ [ttsBase]: { rate: 3 } });
    expect(await drift()).toEqual([2, ['dev.tts.host-1', ['epoch']]]);
  });
});
