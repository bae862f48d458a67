import { expect, test } from 'vitest';
import type { TokenRecord } from '../access.ts';
import type { TreeChange } from '../ports.ts';
import type { AffectedService } from './candidate-judge.ts';
import { authorityProblems } from './push-authority.ts';

const token = (record: Partial<TokenRecord>): TokenRecord => ({
  id: 'a',
  role: 'editor',
  name: 'Ann',
  env: '*',
  service: '*',
  createdAt: '',
  ...record,
});
const touched = (service: string): AffectedService => ({ service, before: null, after: null });
const change = (path: string): TreeChange => ({ path, from: null, to: { mode: '100644', oid: 'o' } });
const none = { affected: new Map() };
const placesOf = (problems: readonly { place: string }[]) => problems.map(({ place }) => place);

test('an editor may change the services that the token reaches, in the environments that it reaches', () => {
  const affected = new Map([
    ['dev', [touched('stt'), touched('tts')]],
    ['prod', [touched('stt')]],
  ]);
  expect(authorityProblems(token({}), { affected }, [])).toEqual([]);
  expect(placesOf(authorityProblems(token({ env: 'dev' }), { affected }, []))).toEqual(['stt in prod']);
  expect(placesOf(authorityProblems(token({ service: 'st*' }), { affected }, []))).toEqual(['tts in dev']);
  expect(authorityProblems(token({ role: 'viewer' }), { affected }, [])).toHaveLength(3);
});

test('what is for everybody needs a token without limits', () => {
  const policy = ['headwater.json', 'allowed_signers', '.sops.yaml'];
  expect(authorityProblems(token({}), none, policy.map(change))).toEqual([]);
  expect(placesOf(authorityProblems(token({ env: 'dev' }), none, policy.map(change)))).toEqual(policy);
  expect(authorityProblems(token({ env: 'dev' }), none, [change('README.md')])).toEqual([]);
});

test('only an admin adds recipients; taking one away is an edit', () => {
  const recipients = 'services/stt/recipients.prod.txt';
  expect(placesOf(authorityProblems(token({}), none, [change(recipients)]))).toEqual([recipients]);
  expect(authorityProblems(token({ role: 'admin' }), none, [change(recipients)])).toEqual([]);
  expect(
    authorityProblems(token({}), none, [{ ...change(recipients), from: change('x').to, to: null }]),
  ).toEqual([]);
});
