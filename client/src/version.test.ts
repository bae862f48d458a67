import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clientVersion } from './version.ts';

test('receipts tell the version of the package', () => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  expect(clientVersion).toBe(JSON.parse(text).version);
});
