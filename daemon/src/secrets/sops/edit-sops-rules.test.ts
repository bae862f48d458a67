import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, expect, test } from 'vitest';
import { creationRules } from '../../creation-rules.ts';
import { editSopsRules } from './edit-sops-rules.ts';
import { parseSopsYaml } from './sops-rules.ts';

let a: string;
let b: string;
let c: string;
beforeAll(async () => {
  const make = async () => identityToRecipient(await generateX25519Identity());
  [a, b, c] = [await make(), await make(), await make()];
});

const keysOf = (text: string) => parseSopsYaml(text).rules.map(({ recipients }) => recipients);

test('a key is added with its name; comments and everything else stay', () => {
  const text = creationRules([a]);
  const after = editSopsRules(text, { add: { recipient: b, name: 'Bob, laptop' } });
  expect(keysOf(after)).toEqual([[a, b]]);
  expect(after).toContain(`- ${b} # Bob, laptop\n`);
  expect(after.startsWith(text.split('creation_rules')[0] as string)).toBe(true);
  expect(after).toContain('path_regex: ^services/.+/secrets(\\.[a-z0-9-]+)?\\.json$');
  expect(editSopsRules(after, { add: { recipient: b } })).toBe(after);
});

test('a key goes with the comment beside it, however the keys are written', () => {
  const rules = `# head
creation_rules:
  # prod first
  - path_regex: prod
    age:
      - ${a} # alice
      - ${b} # bob
    encrypted_regex: ^x
  - path_regex: .*
    age: ${a},${b}
  - age: >-
      ${b},
      ${a}
`;
  const after = editSopsRules(rules, { remove: new Set([a]) });
  expect(keysOf(after)).toEqual([[b], [b], [b]]);
  expect(after).toContain('# prod first');
  expect(after).toContain(`- ${b} # bob`);
  expect(after).not.toContain('alice');
  expect(after).toContain('encrypted_regex: ^x');
  expect(keysOf(editSopsRules(rules, { add: { recipient: c }, only: 1 }))).toEqual([
    [a, b],
    [a, b, c],
    [b, a],
  ]);
});

test('no rule is left without a key, and what is no key is not added', () => {
  expect(() => editSopsRules(creationRules([a]), { remove: new Set([a]) })).toThrow(
    /rule 1 would name no key/,
  );
  expect(keysOf(editSopsRules(creationRules([a]), { remove: new Set([a]), add: { recipient: b } }))).toEqual([
    [b],
  ]);
  expect(() => editSopsRules(creationRules([a]), { add: { recipient: 'age1x' } })).toThrow(
    /not an age public key/,
  );
  expect(() => editSopsRules('creation_rules: [', { add: { recipient: b } })).toThrow(/cannot be used/);
});
