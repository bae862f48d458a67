import type { JsonObject } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { mergeKeysOf, servicesIn } from './merge-keys.ts';

const schema: JsonObject = {
  properties: {
    cams: { type: 'array', 'x-hw': { mergeKey: 'id' } },
    plain: { type: 'array' },
    deep: { type: 'object', properties: { 'a/b': { type: 'array', 'x-hw': { mergeKey: 'name' } } } },
  },
};

test('base and overlays follow the schema of their service', () => {
  for (const path of ['services/vision/camera/config.json', 'services/camera/config.prod.json']) {
    expect([...servicesIn(path, [])]).toEqual(['camera']);
    expect([...mergeKeysOf(path, new Map([['camera', schema]]))]).toEqual([
      ['/cams', 'id'],
      ['/deep/a~1b', 'name'],
    ]);
  }
});

test('a preset follows the schemas of the services it names, in any version', () => {
  const path = 'presets/night.json';
  const versions = [undefined, { services: { camera: {}, '../x': {} } }, { services: { mic: 1 } }, 'odd'];
  expect([...servicesIn(path, versions)]).toEqual(['camera', 'mic']);
  expect(mergeKeysOf(path, new Map([['camera', schema]])).get('/services/camera/cams')).toBe('id');
});

test('other files merge their lists as whole values', () => {
  for (const path of ['services/shared.json', 'headwater.json', 'schemas/camera.schema.json', 'package.json'])
    expect(servicesIn(path, [{ services: { camera: {} } }]).size).toBe(0);
});

test('a schema whose references multiply names no list', () => {
  const loop: JsonObject = {
    properties: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, { $ref: '#' }])),
  };
  expect(mergeKeysOf('services/a/config.json', new Map([['a', loop]])).size).toBe(0);
});
