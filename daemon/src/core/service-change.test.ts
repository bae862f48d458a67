import type { JsonObject } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import type { ResolvedService, ServiceJudgement } from './judgement.ts';
import { serviceChange, settingChanges } from './service-change.ts';

const schema: JsonObject = {
  type: 'object',
  properties: {
    rate: { type: 'number', 'x-hw': { unit: 'Hz' } },
    socket: {
      type: 'object',
      'x-hw': { apply: 'restart' },
      properties: { port: { type: 'integer' }, host: { type: 'string' } },
    },
    words: { type: 'array', items: { type: 'string' } },
  },
};

const judged = (resolved: Partial<ResolvedService> | null): ServiceJudgement => ({
  key: 'k',
  findings: [],
  resolved: resolved && {
    config: {},
    digest: 'sha256:d',
    schema: 'sha256:s',
    schemaDocument: schema,
    secrets: null,
    ...resolved,
  },
});

const changes = (from: JsonObject, to: JsonObject) => settingChanges(from, to, schema);

describe('settings', () => {
  test('that differ are told with old, new, unit, and whether they need a restart', () => {
    expect(changes({ rate: 1, words: ['a'] }, { rate: 2, words: ['a', 'b'] })).toEqual([
      { pointer: '/rate', from: 1, to: 2, apply: 'hot', unit: 'Hz' },
      { pointer: '/words', from: ['a'], to: ['a', 'b'], apply: 'hot' },
    ]);
    expect(changes({ socket: { port: 1 } }, { socket: { port: 2 } })).toEqual([
      { pointer: '/socket/port', from: 1, to: 2, apply: 'restart' },
    ]);
  });

  test('that come and go have one side; an object is told by its settings', () => {
    expect(changes({}, { socket: { port: 1, host: 'h' } })).toEqual([
      { pointer: '/socket/host', to: 'h', apply: 'restart' },
      { pointer: '/socket/port', to: 1, apply: 'restart' },
    ]);
    expect(changes({ socket: {} }, {})).toEqual([{ pointer: '/socket', from: {}, apply: 'restart' }]);
    expect(changes({ socket: { port: 1 } }, { socket: 'off' })).toEqual([
      { pointer: '/socket', from: { port: 1 }, to: 'off', apply: 'restart' },
    ]);
  });

  test('null is a value, equal numbers are equal, and keys like __proto__ are only keys', () => {
    expect(changes({ a: null }, { a: 0 })).toEqual([{ pointer: '/a', from: null, to: 0, apply: 'hot' }]);
    expect(changes({ a: [1.0] }, { a: [1] })).toEqual([]);
    const odd = JSON.parse('{"__proto__": 1, "constructor": 2}') as JsonObject;
    expect(changes({}, odd).map(({ pointer }) => pointer)).toEqual(['/__proto__', '/constructor']);
  });
});

describe('a service', () => {
  test('that comes, goes or stays', () => {
    const now = judged({ config: { rate: 1 } });
    expect(serviceChange('dev', 'a', null, now)).toMatchObject({ kind: 'added', valid: true });
    expect(serviceChange('dev', 'a', now, null)).toMatchObject({ kind: 'removed' });
    expect(serviceChange('dev', 'a', now, judged({ config: { rate: 1 } }))).toBeNull();
    expect(serviceChange('dev', 'a', null, null)).toBeNull();
  });

  test('that is not valid afterwards says so, and no settings that nobody can know', () => {
    const change = serviceChange('dev', 'a', judged({ config: { rate: 1 } }), judged(null));
    expect(change).toMatchObject({ kind: 'changed', valid: false, settings: [] });
  });

  test('tells of its secrets only that they changed, and loudly who may read them', () => {
    const before = judged({ secrets: { rev: '1', recipients: ['age1a', 'age1b'], values: new Map() } });
    const after = judged({ secrets: { rev: '2', recipients: ['age1b', 'age1c'], values: new Map() } });
    expect(serviceChange('dev', 'a', before, after)).toMatchObject({
      secretsChanged: true,
      settings: [],
      recipients: { added: ['age1c'], removed: ['age1a'] },
    });
  });
});
