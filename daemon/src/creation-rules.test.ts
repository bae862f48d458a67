import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { creationRules } from './creation-rules.ts';

test('the starter has the rules of a repository that no daemon knows yet', () => {
  const starter = readFileSync(new URL('../../config-repo/.sops.yaml', import.meta.url), 'utf8');
  expect(starter).toBe(creationRules([]));
});

test('a rule names everybody who opens secrets', () => {
  const [daemon, ann] = [`age1${'q'.repeat(58)}`, `age1${'p'.repeat(58)}`];
  expect(creationRules([daemon, ann])).toContain(`    age: ${daemon},${ann}\n`);
});
