import { expect, test } from 'vitest';
import { parsePush } from './push.ts';

const [zero, a, b] = ['0', 'a', 'b'].map((digit) => digit.repeat(40));
const question = (...updates: string[]) =>
  ['headwater-push 1', 'repository /r', 'quarantine /r/objects/q', 'ticket t', ...updates, 'end', ''].join(
    '\n',
  );

test('a question names the repository, the quarantine, the ticket and every ref', () => {
  expect(parsePush(question(`update ${zero} ${a} refs/heads/x`, `update ${a} ${zero} refs/tags/é`))).toEqual({
    repository: '/r',
    quarantine: '/r/objects/q',
    ticket: 't',
    updates: [
      { ref: 'refs/heads/x', from: null, to: a },
      { ref: 'refs/tags/é', from: a, to: null },
    ],
  });
});

test('without objects and without a ticket both are absent', () => {
  const text = question(`update ${a} ${zero} refs/heads/x`)
    .replace('/r/objects/q', '')
    .replace('ticket t', 'ticket ');
  expect(parsePush(text)).toMatchObject({ quarantine: null, ticket: null });
});

test('what is not whole or not ours is no question', () => {
  const whole = question(`update ${a} ${b} refs/heads/x`);
  expect(parsePush(whole)).not.toBeNull();
  for (let length = 0; length < whole.length; length++) expect(parsePush(whole.slice(0, length))).toBeNull();
  for (const odd of [
    `update ${a} refs/heads/x`,
    `update ${a} ${b} HEAD`,
    `update ${a} ${b} refs/heads/x y`,
    'update',
  ])
    expect([odd, parsePush(question(odd))]).toEqual([odd, null]);
  expect(parsePush(whole.replace('headwater-push 1', 'headwater-push 2'))).toBeNull();
  expect(parsePush(question())).toBeNull();
});
