import { expect, test } from 'vitest';
import { changesBetween } from './changes.ts';
import { noSecrets, type OpenedSecrets, unavailable } from './secrets/opened-secrets.ts';
import { SecretValues } from './secrets/secret-values.ts';
import { createView } from './view.ts';

const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };

const own = {
  service: 'stt-worker',
  digest: `sha256:${'0'.repeat(64)}`,
  document: {
    type: 'object',
    properties: {
      model: { type: 'string', 'x-hw': { apply: 'restart' } },
      level: { type: 'number', 'x-hw': { env: 'LEVEL' } },
      audio: { type: 'object', 'x-hw': { apply: 'restart' }, properties: { rate: { type: 'integer' } } },
    },
  },
  defaults: { model: 'base', level: 1, audio: { rate: 16000 } },
} as never;

test('settings that the document lacks take the own defaults, unknown ones stay, the environment stands above', () => {
  const view = createView({ schema: own, environment: { LEVEL: '3' }, target });
  view.useSchema(null);
  const document = { level: 2, audio: { gain: 1 }, new: true };
  const effective = view.effective(document, noSecrets);
  expect(effective).toEqual({ model: 'base', level: 3, audio: { gain: 1, rate: 16000 }, new: true });
  expect(document).toEqual({ level: 2, audio: { gain: 1 }, new: true });
  expect(Object.isFrozen(effective.audio)).toBe(true);
});

test('restart is told by the schema of the document, then by the own, and an unknown setting counts as restart', () => {
  const view = createView({ schema: own, environment: {}, target });
  view.useSchema({ type: 'object', properties: { model: { type: 'string' } } });
  const before = { model: 'a', level: 1, audio: { rate: 1 }, other: 1 };
  expect(view.pending(before, { model: 'b', level: 2, audio: { rate: 2 }, other: 2 })).toEqual([
    '/audio/rate',
    '/other',
  ]);
  view.useSchema(null);
  expect(view.pending(before, { ...before, model: 'b' })).toEqual(['/model']);
  expect(view.pending(before, before)).toEqual([]);
});

test('without any schema nothing is known to need a restart', () => {
  const view = createView({ schema: null, environment: {}, target });
  view.useSchema(null);
  expect(view.pending({ a: 1 }, { a: 2 })).toEqual([]);
});

test('a secret that became unavailable waits for no restart: it would not come back by one', () => {
  const schema = {
    ...(own as object),
    document: {
      properties: { key: { type: 'string', 'x-hw': { secret: true, apply: 'restart' } } },
      required: ['key'],
    },
  } as never;
  const view = createView({ schema, environment: {}, target });
  view.useSchema(null);
  const open = (value: string): OpenedSecrets => ({
    ...{ state: 'open', recipient: '' },
    values: new SecretValues([['/key', value]]),
  });
  const before = view.effective({}, open('a'));
  expect(view.pending(before, view.effective({}, open('b')))).toEqual(['/key']);
  expect(view.pending(before, view.effective({}, unavailable('damaged', '', '')))).toEqual([]);
  expect(view.pending(view.effective({}, null), before)).toEqual(['/key']);
});

test('changes name settings: an array is one, an absent value is undefined', () => {
  expect(
    changesBetween({ a: [1, 2], b: { c: 1, 'd/e': 1 }, f: null }, { a: [2], b: { c: 1 }, g: 0 }),
  ).toEqual([
    { path: '/a', from: [1, 2], to: [2] },
    { path: '/b/d~1e', from: 1, to: undefined },
    { path: '/f', from: null, to: undefined },
    { path: '/g', from: undefined, to: 0 },
  ]);
});
