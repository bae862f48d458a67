import type { JsonObject } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { describeSchemaValidator } from '../testing/schema-validator.contract.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { createQuickValidator } from './quick-validator.ts';

describe('the quick validator', () => {
  describeSchemaValidator(() => createQuickValidator(createInlineSchemaValidator()));
});

function counted() {
  const inner = createInlineSchemaValidator();
  const asked: JsonObject[] = [];
  const validator = createQuickValidator({
    check(schema, config) {
      asked.push(config);
      return inner.check(schema, config);
    },
    close: () => inner.close(),
  });
  return { validator, asked };
}

test('only the first config of a schema waits for the validator', async () => {
  const { validator, asked } = counted();
  const schema = { digest: 'd', document: { properties: { n: { type: 'integer', maximum: 9 } } } };
  expect(await validator.check(schema, { n: 1 })).toEqual([]);
  expect(await validator.check(schema, { n: 2 })).toEqual([]);
  expect(asked).toEqual([{ n: 1 }]);
  expect(await validator.check(schema, { n: 10 })).toHaveLength(1);
  expect(asked).toEqual([{ n: 1 }, { n: 10 }]);
});

test('a schema that cannot be compiled is never waved through', async () => {
  const { validator } = counted();
  const schema = { digest: 'bad', document: { properties: { n: { type: 'integer', pattern: '(?=x)' } } } };
  for (const n of [1, 2]) {
    const [problem] = await validator.check(schema, { n });
    expect(problem?.about).toBe('schema');
  }
});

test('a text under a pattern is asked for once, by pattern and text', async () => {
  const { validator, asked } = counted();
  const document: JsonObject = { properties: { host: { pattern: '^[a-z]+$' }, n: { type: 'number' } } };
  const schema = { digest: 'p', document };
  await validator.check(schema, { host: 'abc', n: 1 });
  await validator.check(schema, { host: 'abc', n: 2 });
  expect(asked).toHaveLength(1);
  await validator.check(schema, { host: 'abd', n: 2 });
  expect(asked).toHaveLength(2);
  expect(await validator.check(schema, { host: 'ABC', n: 2 })).toHaveLength(1);
  expect(await validator.check(schema, { host: 'ABC', n: 2 })).toHaveLength(1);
  // Another pattern learns nothing from this one.
  const other = { digest: 'q', document: { properties: { host: { pattern: '^x' } } } };
  expect(await validator.check(other, { host: 'xyz' })).toEqual([]);
  expect(await validator.check(other, { host: 'abc' })).toHaveLength(1);
});
