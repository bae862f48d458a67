import { isHeadwaterError, type JsonObject, readSettings } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { parseDotenv } from './dotenv.ts';
import { coerceText, settingsFromEnv } from './env-values.ts';
import { planEnvImport, planJsonImport } from './import-values.ts';

const settings = readSettings({
  type: 'object',
  properties: {
    threshold: { type: 'number', 'x-hw': { env: 'VAD_LEVEL' } },
    count: { type: 'integer' },
    name: { type: 'string' },
    url: { type: ['string', 'null'] },
    on: { type: 'boolean' },
    mode: { enum: ['fast', 'slow', 3] },
    tags: { type: 'array', items: { type: 'string' } },
    map: { type: 'object', additionalProperties: { type: 'string' } },
    mqtt: {
      type: 'object',
      properties: {
        host: { type: 'string', 'x-hw': { env: 'MQTT_HOST' } },
        password: { type: 'string', 'x-hw': { secret: true, env: 'MQTT_PASSWORD' } },
      },
    },
  },
});
const settingOf = (name: string) => settings.find((one) => one.name === name) as (typeof settings)[number];
const fromEnv = (text: string, layer: JsonObject = {}) => planEnvImport(parseDotenv(text), settings, layer);

describe('text becomes the type of its setting', () => {
  test.each<[string, string, unknown]>([
    ['threshold', '0.5', 0.5],
    ['threshold', ' 3 ', 3],
    ['threshold', '1e-3', 0.001],
    ['threshold', '0x10', undefined],
    ['threshold', '', undefined],
    ['count', '3', 3],
    ['count', '3.5', undefined],
    ['count', '9007199254740993', undefined],
    ['name', '007', '007'],
    ['name', ' kept ', ' kept '],
    ['name', '', ''],
    ['url', 'null', null],
    ['url', '', null],
    ['url', 'x', 'x'],
    ['on', 'YES', true],
    ['on', '0', false],
    ['on', 'maybe', undefined],
    ['mode', 'fast', 'fast'],
    ['mode', '3', 3],
    ['tags', '["a"]', ['a']],
    ['tags', '{"a":1}', undefined],
    ['tags', 'a,b', undefined],
    ['tags', '[1,1', undefined],
    ['map', '{"a":"b"}', { a: 'b' }],
    ['map', '{"a":1,"a":2}', undefined],
  ])('%s takes %j as %j', (name, text, expected) => {
    expect(coerceText(text, settingOf(name))).toEqual(expected);
  });
});

describe('settings named after variables', () => {
  test('are typed by how they are written, and quotes mean text', () => {
    const { values, envNames, fractional } = settingsFromEnv(
      parseDotenv('A=1\nB=1.0\nC="1"\nD=true\nE=007\nF=\nG=1e400\n'),
    );
    expect(values).toEqual({ a: 1, b: 1, c: '1', d: true, e: '007', f: '', g: '1e400' });
    expect([envNames.get('b'), [...fractional]]).toEqual(['B', ['b']]);
  });

  test.each(['Ab=1\naB=2', '__proto__=1', 'constructor=1'])(
    'are refused when they would collide or reach a prototype: %j',
    (text) => {
      let error: unknown;
      try {
        settingsFromEnv(parseDotenv(text));
      } catch (thrown) {
        error = thrown;
      }
      expect(isHeadwaterError(error, 'HW_USAGE')).toBe(true);
    },
  );
});

describe('an import from variables', () => {
  test('follows the name in the schema first, also into objects, then the name of the setting', () => {
    const plan = fromEnv('VAD_LEVEL=0.6\nCOUNT=2\nMQTT_HOST=b\nOTHER=1\n', {
      mqtt: { host: 'a', port: 1 },
      count: 2,
    });
    expect(plan.document).toEqual({ mqtt: { host: 'b', port: 1 }, count: 2, threshold: 0.6 });
    expect(plan.changes).toEqual([
      { pointer: '/threshold', from: undefined, to: 0.6 },
      { pointer: '/mqtt/host', from: 'a', to: 'b' },
    ]);
    expect(plan.unknown).toEqual(['OTHER']);
  });

  test('lets a variable that the schema gives to one setting not reach another of that name', () => {
    const tricky = readSettings({
      properties: { a: { type: 'string' }, b: { type: 'string', 'x-hw': { env: 'A' } } },
    });
    expect(planEnvImport(parseDotenv('A=x'), tricky, {}).document).toEqual({ b: 'x' });
  });

  test('keeps secrets and misfits out, and says which', () => {
    const plan = fromEnv('MQTT_PASSWORD=x\nURL=http://u:p@h\nCOUNT=many\nNAME=ok\n');
    expect(plan.document).toEqual({ name: 'ok' });
    expect(plan.secrets).toEqual(['MQTT_PASSWORD', 'URL']);
    expect(plan.unfit).toEqual([{ source: 'COUNT', pointer: '/count' }]);
  });

  test('leaves the layer it was given untouched', () => {
    const layer = { mqtt: { host: 'a' } };
    fromEnv('MQTT_HOST=b', layer);
    expect(layer).toEqual({ mqtt: { host: 'a' } });
  });
});

describe('an import of a document', () => {
  const fromJson = (values: JsonObject, layer: JsonObject = {}) => planJsonImport(values, settings, layer);

  test('merges objects and replaces everything else', () => {
    const plan = fromJson(
      { mqtt: { host: 'b' }, tags: ['x'], url: null },
      { mqtt: { port: 1 }, tags: ['a', 'b'], count: 1 },
    );
    expect(plan.document).toEqual({ mqtt: { port: 1, host: 'b' }, tags: ['x'], url: null, count: 1 });
    expect(plan.changes.map((change) => change.pointer)).toEqual(['/mqtt/host', '/tags', '/url']);
  });

  test('names what the schema does not describe, and where secrets stand', () => {
    const plan = fromJson({ typo: 1, mqtt: { port: 1, password: 'x' }, map: { 'any/key': 'v' } });
    expect(plan.unknown).toEqual(['/typo', '/mqtt/port']);
    expect(plan.secrets).toEqual(['/mqtt/password']);
    expect(plan.document).toEqual({ map: { 'any/key': 'v' } });
  });
});
