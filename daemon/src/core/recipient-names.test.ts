import { expect, test } from 'vitest';
import { recipientNames } from './recipient-names.ts';

const [a, b, c] = ['q', 'p', 'z'].map((char) => `age1${char.repeat(58)}`) as [string, string, string];

test('a name stands behind a key, or right above it', () => {
  const rules = `# Who can open the files.
creation_rules:
  - path_regex: x
    age:
      - ${a} # alice
      # Bob, laptop
      - ${b}
      - ${c}
`;
  expect([...recipientNames(rules)]).toEqual([
    [a, 'alice'],
    [b, 'Bob, laptop'],
  ]);
  expect([...recipientNames(`# stt in prod, enrolled on host\n${a}\n\n#\n${b}\n`)]).toEqual([
    [a, 'stt in prod, enrolled on host'],
  ]);
});

test('one comment for several keys names none of them', () => {
  expect([...recipientNames(`    age: ${a},${b} # alice and bob\n`)]).toEqual([]);
});
