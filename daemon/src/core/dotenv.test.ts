import { isHeadwaterError } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { parseDotenv } from './dotenv.ts';

const valuesOf = (text: string) =>
  Object.fromEntries(parseDotenv(text).map((entry) => [entry.name, entry.value]));

describe('a .env file', () => {
  test('holds plain values, with or without export, spaces and Windows line ends', () => {
    expect(valuesOf('A=1\r\nexport B = two words \r\n\r\n  C=\n')).toEqual({ A: '1', B: 'two words', C: '' });
  });

  test('begins a comment with # after a space, so that colours and fragments survive', () => {
    expect(valuesOf('# note\nA=1 # one\nB=a#fff\nE= # none\nC=http://x/#top\nD="a # b" # c\n')).toEqual({
      A: '1',
      B: 'a#fff',
      E: '',
      C: 'http://x/#top',
      D: 'a # b',
    });
  });

  test('keeps single quotes literal and reads escapes in double quotes', () => {
    expect(valuesOf(`A='a\\n$B'\nB="a\\nb\\t\\"c\\" \\\\ \\$HOME \\q"\nC=\`it's "x"\`\n`)).toEqual({
      A: 'a\\n$B',
      B: 'a\nb\t"c" \\ $HOME \\q',
      C: `it's "x"`,
    });
  });

  test('never replaces a variable or runs a command', () => {
    expect(valuesOf('A=$HOME\nB=$(id)\nC="$A"')).toEqual({ A: '$HOME', B: '$(id)', C: '$A' });
  });

  test('has values over several lines in quotes, and counts lines through them', () => {
    const entries = parseDotenv('A="one\ntwo"\nB=\'x\ny\n\'\n\nC=3');
    expect(entries.map(({ name, line, quoted }) => [name, line, quoted])).toEqual([
      ['A', 1, true],
      ['B', 3, true],
      ['C', 7, false],
    ]);
    expect(entries[0]?.value).toBe('one\ntwo');
  });

  test('may begin with a byte order mark and be empty', () => {
    expect(valuesOf('\uFEFFA=1')).toEqual({ A: '1' });
    expect(valuesOf('')).toEqual({});
  });

  test.each([
    ['A=1\nnot a line', 2, 'expected NAME=value'],
    ['A=1\n\n1B=2', 3, 'expected NAME=value'],
    ['A=#hunter2', 1, 'needs quotes'],
    ['A="hunter2\nB=3', 1, 'never closed'],
    ['A="x" hunter2', 1, 'after the closing quote'],
    ['A=1\nB=2\nA=3', 3, 'already set on line 1'],
  ])('is refused with its line and without its values: %j', (text, line, reason) => {
    let error: unknown;
    try {
      parseDotenv(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(isHeadwaterError(error, 'HW_USAGE')).toBe(true);
    expect((error as Error).message).toContain(`line ${line} `);
    expect((error as Error).message).toContain(reason);
    expect((error as Error).message).not.toContain('hunter2');
  });
});
