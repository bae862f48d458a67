import { HeadwaterError } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { parseSopsYaml } from './sops-rules.ts';
import { recipients } from './testing.ts';

const { A, B } = recipients;

function refusal(text: string): HeadwaterError {
  try {
    parseSopsYaml(text);
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('rules', () => {
  const rules = parseSopsYaml(`
# who may open what
creation_rules:
  - path_regex: ^services/.*/secrets\\.prod\\.json$
    age: >-
      ${A},
      ${B}
    encrypted_regex: ^(password|token)$
    mac_only_encrypted: true
  - path_regex: secrets
    age: [${A}, "${A}"]
  - age: ${B}
stores:
  json: { indent: 2 }
`);

  test('the first that fits counts, anywhere in the path', () => {
    expect(rules.ruleFor('services/web/secrets.prod.json')).toEqual({
      index: 0,
      pathRegex: '^services/.*/secrets\\.prod\\.json$',
      recipients: [A, B],
      rule: { kind: 'encrypted_regex', text: '^(password|token)$' },
      macOnlyEncrypted: true,
      unsupported: null,
    });
    expect(rules.ruleFor('services/web/secrets.json')).toMatchObject({
      index: 1,
      recipients: [A],
      rule: { kind: 'unencrypted_suffix', text: '_unencrypted' },
      macOnlyEncrypted: false,
    });
    expect(rules.ruleFor('other.yaml')).toMatchObject({ index: 2, pathRegex: null, recipients: [B] });
  });

  test('none fits, or there are none', () => {
    expect(parseSopsYaml(`creation_rules: [{ path_regex: x, age: ${A} }]`).ruleFor('y')).toBeNull();
    for (const text of [
      '',
      '# nothing',
      'creation_rules: []',
      'creation_rules:',
      '{}',
      'destination_rules: [{}]',
    ]) {
      expect(parseSopsYaml(text).ruleFor('x')).toBeNull();
    }
  });

  test.each([
    ['key_groups: [{ age: [x] }]', /key_groups/],
    ['pgp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4', /pgp/],
    ['kms: arn:aws:kms:x', /kms/],
    ['encrypted_comment_regex: sops', /encrypted_comment_regex/],
    ['path_regex: ""', /no age key/],
    ['encrypted_regex: (?=x)', /encrypted_regex is not RE2/],
  ])('with %s is passed on with the reason why it cannot be used', (line, reason) => {
    const age = line.includes('path_regex') ? '' : `\n    age: ${A}`;
    const { rules: found } = parseSopsYaml(`creation_rules:\n  - ${line}${age}\n  - age: ${B}\n`);
    expect(found[0]?.unsupported).toMatch(reason);
    expect(found[1]?.unsupported).toBeNull();
  });

  test('with a key that is no X25519 public key, or has a typing error, say so', () => {
    for (const key of ['ssh-ed25519 AAAA', `${A.slice(0, -1)}${A.endsWith('q') ? 'p' : 'q'}`]) {
      const [rule] = parseSopsYaml(`creation_rules:\n  - age: ${A}, ${key}\n`).rules;
      expect(rule?.unsupported).toContain(key);
      expect(rule?.recipients).toEqual([A]);
    }
  });
});

describe('refused', () => {
  test.each([
    ['a: [', 'line 1'],
    ['- 1', 'not a list of settings'],
    ['creation_rules: x', 'creation_rules is not a list'],
    ['creation_rules: [x]', 'rule 1'],
    ['creation_rules: [{}, { path_regex: 7 }]', 'rule 2: path_regex is not a text'],
    ['creation_rules: [{ path_regex: "(" }]', 'rule 1: path_regex is not RE2'],
    ['creation_rules: [{ path_regex: "(?=x)" }]', 'rule 1: path_regex is not RE2'],
    ['creation_rules: [{ age: { x: y } }]', 'rule 1: age'],
    ['creation_rules: [{ encrypted_regex: a, unencrypted_regex: b }]', '2 selection rules'],
    ['creation_rules: []\ncreation_rules: []', 'not YAML'],
    ['a: 1\n---\nb: 2', 'more than one document'],
    ['creation_rules: &x [*x]', 'anchors'],
    ['a: &a [x]\nb: [*a, *a]', 'anchors'],
  ])('%j', (text, words) => {
    expect(refusal(text)).toMatchObject({ code: 'HW_SOPS_RULES', message: expect.stringContaining(words) });
  });

  test('what would take long or overflow', () => {
    expect(refusal(`creation_rules:\n${`- age: ${A}\n`.repeat(1100)}`).code).toBe('HW_SOPS_RULES');
    expect(refusal('['.repeat(60_000)).code).toBe('HW_SOPS_RULES');
    expect(refusal(`a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`).code).toBe('HW_SOPS_RULES');
    expect(refusal(`creation_rules: [{ path_regex: "${'a'.repeat(2000)}" }]`).code).toBe('HW_SOPS_RULES');
  });

  test('a pattern that would hang another engine runs in linear time', () => {
    const rules = parseSopsYaml('creation_rules: [{ path_regex: "^(a+)+$" }]');
    expect(rules.ruleFor(`${'a'.repeat(50_000)}b`)).toBeNull();
  });
});
