import { expect, test } from 'vitest';
import type { PushProblem } from './push-problem.ts';
import { refusalText, warningText } from './push-text.ts';

const problem = (more: Partial<PushProblem> = {}): PushProblem => ({
  code: 'HW_CONFIG_INVALID',
  place: 'services/a/config.json',
  line: 4,
  pointer: '/level',
  envs: ['dev'],
  message: 'too loud',
  hint: 'Turn it down.',
  ...more,
});

test('a refusal says what, where, why and what to do', () => {
  expect(refusalText([problem()], 'abc')).toEqual([
    'headwater: this push was refused. Nothing has changed.',
    '',
    '  services/a/config.json:4  /level  (dev)',
    '    too loud',
    '    → Turn it down.  [HW_CONFIG_INVALID]',
    '',
    '(request abc)',
  ]);
  const { line: _, pointer: __, ...whole } = problem({ envs: ['a', 'b', 'c', 'd', 'e'] });
  expect(refusalText([whole], null)[2]).toBe('  services/a/config.json  (a, b, c and 2 more)');
});

test('what comes from files can neither steer a terminal nor forge a line', () => {
  const evil = 'a\u001b[31mb\nremote: fine\r\u202ec\u2028d\u0085e';
  const lines = refusalText([problem({ place: evil, message: evil, hint: evil, pointer: `/${evil}` })], null);
  expect(lines).toHaveLength(6);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
  expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
});

test('everything has a bound', () => {
  const many = Array.from({ length: 1000 }, () => problem({ message: 'x'.repeat(10_000) }));
  const lines = refusalText(many, null);
  expect(lines.join('\n')).toContain('and 980 more');
  expect(lines.length).toBeLessThan(100);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(301);
  expect(warningText(many).length).toBeLessThan(30);
  expect(warningText([])).toEqual([]);
});
