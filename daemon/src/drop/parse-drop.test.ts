import { isHeadwaterError } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { parseDrop } from './parse-drop.ts';

const parse = (text: string) => parseDrop(Buffer.from(text));
const code = (text: string) => {
  try {
    parse(text);
    return null;
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toContain('canary');
    return error.code;
  }
};

test('texts by pointer, nested as the settings are; null removes', () => {
  expect([...parse('{"a": "1", "db": {"password": "2", "old": null}, "x/y": "3"}')]).toEqual([
    ['/a', '1'],
    ['/db/password', '2'],
    ['/db/old', null],
    ['/x~1y', '3'],
  ]);
});

test.each([
  ['{"a": "canary"', 'HW_JSON_SYNTAX'],
  ['["canary"]', 'HW_JSON_NOT_OBJECT'],
  ['{"a": "canary", "a": "canary"}', 'HW_JSON_DUPLICATE_KEY'],
  ['{"a": 12, "b": "canary"}', 'HW_SECRETS_NOT_STRING'],
  ['{"a": ""}', 'HW_SECRETS_NOT_STRING'],
  ['{"a": ["canary"]}', 'HW_SECRETS_NOT_STRING'],
  ['{"canary:x": "canary"}', 'HW_SECRETS_KEY_NAME'],
  ['{"__proto__": "canary"}', 'HW_SECRETS_KEY_NAME'],
  ['{"a": "canary", "sops": {}}', 'HW_SECRETS_UNSUPPORTED'],
  ['{}', 'HW_SECRETS_NOT_STRING'],
])('%s is refused without being repeated', (text, expected) => {
  expect(code(text)).toBe(expected);
});
