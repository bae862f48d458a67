import { expect, test } from 'vitest';
import { openApiScene, sttBase, sttProd } from './testing/api-scene.ts';

test('a service that is asked for again shows the files of today: layers of the tip, origins of what is live', async () => {
  await using api = await openApiScene();
  const shown = async () => {
    const { body } = await api.ask('GET', '/services/stt?env=prod');
    return [body.layers.base.rate, body.layers.prod?.rate, body.config.rate, body.origins['/rate']];
  };
  expect(await shown()).toEqual([5, 9, 9, 'prod']);
  expect(await shown()).toEqual([5, 9, 9, 'prod']);
  await api.commit({ [sttProd]: null });
  expect(await shown()).toEqual([5, undefined, 5, 'base']);
  await api.commit({ [sttBase]: { rate: 1000 } });
  expect(await shown()).toEqual([1000, undefined, 5, 'base']);
  await api.commit({ [sttBase]: {} });
  expect(await shown()).toEqual([undefined, undefined, 1, 'defaults']);
});
