import { expect, test } from 'vitest';
import { environmentChain, parseRepoSettings } from './repo-settings.ts';

const good = {
  headwater: 1,
  deployment: 'tars',
  environments: ['dev', 'prod', { name: 'robot-7', extends: 'prod' }],
};

function parse(value: unknown) {
  return parseRepoSettings(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value, null, 2)));
}

function findings(value: unknown) {
  const result = parse(value);
  return 'findings' in result ? result.findings : [];
}

test('what is left out has its default', () => {
  expect(parse(good)).toEqual({
    settings: {
      headwater: 1,
      deployment: 'tars',
      environments: [
        { name: 'dev', extends: null },
        { name: 'prod', extends: null },
        { name: 'robot-7', extends: 'prod' },
      ],
      protected: [],
      review: 'headwater',
      signedCommits: 'off',
      atomicity: 'environment',
    },
  });
});

test('a chain runs from the root of "extends" to the environment', () => {
  const result = parse({
    ...good,
    environments: [{ name: 'c', extends: 'b' }, 'a', { name: 'b', extends: 'a' }],
  });
  if (!('settings' in result)) throw new Error('expected settings');
  expect(environmentChain(result.settings, 'c')).toEqual(['a', 'b', 'c']);
  expect(environmentChain(result.settings, 'missing')).toEqual([]);
});

test('a misspelt field is an error with a suggestion and its line', () => {
  expect(findings({ ...good, atomicty: 'service' })).toEqual([
    expect.objectContaining({
      severity: 'error',
      code: 'HW_REPO_SETTINGS',
      file: 'headwater.json',
      pointer: '/atomicty',
      line: 12,
      hint: 'Did you mean "atomicity"?',
    }),
  ]);
});

test.each([
  ['no number', { ...good, headwater: undefined }, 'HW_REPO_SETTINGS', '/headwater'],
  ['a later number', { ...good, headwater: 2 }, 'HW_REPO_SETTINGS', '/headwater'],
  ['a bad deployment', { ...good, deployment: 'Tars/#' }, 'HW_REPO_SETTINGS', '/deployment'],
  ['no environments', { ...good, environments: [] }, 'HW_REPO_SETTINGS', '/environments'],
  ['a reserved environment', { ...good, environments: ['base'] }, 'HW_REPO_SETTINGS', '/environments/0'],
  [
    'an environment named twice',
    { ...good, environments: ['dev', { name: 'dev' }] },
    'HW_REPO_SETTINGS',
    '/environments/1',
  ],
  [
    'an unknown parent',
    { ...good, environments: ['prod', { name: 'eu', extends: 'prd' }] },
    'HW_ENVIRONMENT_UNDECLARED',
    '/environments/1/extends',
  ],
  [
    'itself as parent',
    { ...good, environments: [{ name: 'a', extends: 'a' }] },
    'HW_ENVIRONMENT_CYCLE',
    '/environments/0/extends',
  ],
  [
    'an unknown field of an environment',
    { ...good, environments: [{ name: 'a', extend: 'b' }] },
    'HW_REPO_SETTINGS',
    '/environments/0/extend',
  ],
  [
    'an unknown protected environment',
    { ...good, protected: ['prd'] },
    'HW_ENVIRONMENT_UNDECLARED',
    '/protected/0',
  ],
  ['an unknown choice', { ...good, signedCommits: 'always' }, 'HW_REPO_SETTINGS', '/signedCommits'],
  ['no object', '[]', 'HW_JSON_NOT_OBJECT', ''],
  [
    '__proto__ as environment',
    { ...good, environments: ['__proto__'] },
    'HW_REPO_SETTINGS',
    '/environments/0',
  ],
])('%s is refused', (_, value, code, pointer) => {
  expect(findings(value)).toContainEqual(expect.objectContaining({ severity: 'error', code, pointer }));
});

test('a circle of parents is refused at every environment in it', () => {
  const environments = [
    { name: 'a', extends: 'b' },
    { name: 'b', extends: 'c' },
    { name: 'c', extends: 'a' },
    'd',
  ];
  expect(findings({ ...good, environments }).map(({ code }) => code)).toEqual(
    Array(3).fill('HW_ENVIRONMENT_CYCLE'),
  );
});

test('sixteen environments in a chain are fine, seventeen are not', () => {
  const chain = (length: number) =>
    Array.from({ length }, (_, i) => (i === 0 ? 'e0' : { name: `e${i}`, extends: `e${i - 1}` }));
  expect(findings({ ...good, environments: chain(16) })).toEqual([]);
  expect(findings({ ...good, environments: chain(17) })).toHaveLength(1);
});

test('thousands of environments are refused before anything is judged in them', () => {
  const environments = Array.from({ length: 5000 }, (_, i) => `e${i}`);
  expect(findings({ ...good, environments })).toEqual([
    expect.objectContaining({ pointer: '/environments' }),
  ]);
});
