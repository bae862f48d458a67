import { expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { maxSecretsBundleBytes, maxSecretsBytes, parseSecretsBundle } from './secrets-bundle.ts';

const expected = { deployment: 'tars', env: 'prod', service: 'stt-worker', rev: 'a'.repeat(64) };
const bundle = { ...expected, values: { '/db/password': 'hunter2' }, pad: '   ' };
const parse = (more: Record<string, unknown> = {}) =>
  parseSecretsBundle(utf8(JSON.stringify({ ...bundle, ...more })), expected);

test('the bundle of the message is read', () => {
  expect(parse()).toEqual(bundle);
  expect(parse({ values: {} }).values).toEqual({});
});

test.each(['deployment', 'env', 'service', 'rev'])(
  'one of another %s was moved here, and is refused',
  (field) => {
    expect(() => parse({ [field]: 'other' })).toThrow(
      expect.objectContaining({ code: 'HW_SECRETS_FOREIGN', details: { field } }),
    );
  },
);

test.each<[string, Record<string, unknown>]>([
  ['an empty secret', { values: { '/a': '' } }],
  ['a secret that is no text', { values: { '/a': 5 } }],
  ['a name that is no pointer', { values: { a: 'x' } }],
  ['the pointer of the whole document', { values: { '': 'x' } }],
  ['a pointer through a prototype', { values: { '/__proto__/a': 'x' } }],
  ['a pointer deeper than any config', { values: { ['/a'.repeat(65)]: 'x' } }],
  ['a list of values', { values: ['x'] }],
  ['no padding', { pad: undefined }],
])('%s is refused', (_, more) => {
  expect(() => parse(more)).toThrow(expect.objectContaining({ code: 'HW_MESSAGE_MALFORMED' }));
});

test('too much of it, and text that is no JSON, are refused', () => {
  expect(() => parse({ pad: ' '.repeat(maxSecretsBundleBytes) })).toThrow(
    expect.objectContaining({ code: 'HW_MESSAGE_TOO_LARGE' }),
  );
  expect(parse({ values: { '/a': 'x'.repeat(maxSecretsBytes) } }).rev).toBe(expected.rev);
  expect(() => parse({ values: { '/a': 'ä'.repeat(maxSecretsBytes / 2), '/b': 'x' } })).toThrow(
    expect.objectContaining({ code: 'HW_MESSAGE_TOO_LARGE' }),
  );
  expect(() => parseSecretsBundle(utf8('[]'), expected)).toThrow(
    expect.objectContaining({ code: 'HW_MESSAGE_MALFORMED' }),
  );
});

test('no refusal shows a secret', () => {
  for (const more of [{ env: 'dev' }, { pad: 5 }, { values: { '/a': 'hunter2', b: 'hunter2' } }]) {
    try {
      parse(more);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify([(error as Error).message, error])).not.toContain('hunter2');
    }
  }
});
