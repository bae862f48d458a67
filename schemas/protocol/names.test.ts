import { describe, expect, test } from 'vitest';
import { isName, parseName, RESERVED_NAMES } from './names.ts';

test.each(['a', 'stt-worker', 'robot-7', 'a'.repeat(63)])('%s is a name', (name) => {
  expect(parseName(name, 'service')).toBe(name);
});

describe('refused', () => {
  test.each([
    '',
    'A',
    '7up',
    '-a',
    'a_b',
    'a.b',
    'a/b',
    '..',
    'a\n',
    'a b',
    '+',
    '#',
    'ä',
    'a\u0000',
    'a%2fb',
    'a'.repeat(64),
    '__proto__',
    undefined,
    null,
    5,
    ['a'],
    { a: 1 },
    5n,
  ])('%o is no name', (name) => {
    expect(() => parseName(name, 'service')).toThrow(expect.objectContaining({ code: 'HW_NAME_INVALID' }));
  });

  test.each([...RESERVED_NAMES])('%s is reserved', (name) => {
    expect(isName(name)).toBe(false);
    expect(() => parseName(name, 'group')).toThrow(expect.objectContaining({ code: 'HW_NAME_RESERVED' }));
  });

  test('a huge name does not come back in the message', () => {
    expect(() => parseName('A'.repeat(100_000), 'service')).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,200}$/) }),
    );
  });
});

test('names that every object has are names like others', () => {
  expect(isName('constructor')).toBe(true);
  expect(isName('valueof')).toBe(true);
});
