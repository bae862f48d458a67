import type { JsonObject } from '@headwater/schemas/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SchemaValidator } from '../core/validate.ts';
import { describeSchemaValidator } from '../testing/schema-validator.contract.ts';
import {
  type BuiltWorker,
  buildSchemaWorker,
  createInlineSchemaValidator,
} from '../testing/schema-validator.ts';
import { createSchemaValidator } from './schema-validator.ts';

let worker: BuiltWorker;
beforeAll(async () => {
  worker = await buildSchemaWorker();
});
afterAll(() => worker[Symbol.dispose]());

describe('in this thread', () => describeSchemaValidator(createInlineSchemaValidator));

describe('on a worker', () => {
  let validator: SchemaValidator;
  beforeAll(() => {
    validator = createSchemaValidator({ workerUrl: worker.url });
  });
  afterAll(() => validator.close());
  describeSchemaValidator(() => validator);
});

describe('limits', () => {
  let validator: SchemaValidator | null = null;
  afterEach(() => validator?.close());

  const fine = { digest: 'fine', document: { type: 'object' } };
  /** Each level asks two schemas about the level below: 2^30 questions. */
  const slow: { digest: string; document: JsonObject } = {
    digest: 'slow',
    document: {
      type: 'object',
      $defs: {
        n: { anyOf: [{ items: { $ref: '#/$defs/n' } }, { items: { $ref: '#/$defs/n' }, type: 'array' }] },
      },
      properties: { a: { allOf: [{ $ref: '#/$defs/n' }, { not: {} }] } },
    },
  };
  const deep = (levels: number): JsonObject => ({
    a: JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`),
  });

  test('a check that takes too long is ended with a finding, and what waited behind it is answered', async () => {
    validator = createSchemaValidator({ workerUrl: worker.url, timeoutMs: 150 });
    // Both schemas are compiled by now, so that the slow check is in front.
    await Promise.all([validator.check(fine, {}), validator.check(slow, {})]);
    const asked = [
      validator.check(slow, deep(60)),
      validator.check(fine, { a: 1 }),
      validator.check(fine, { b: 1 }),
    ];
    const [late, ...others] = await Promise.all(asked);
    expect(late).toEqual([expect.objectContaining({ code: 'HW_VALIDATION_TIMEOUT', about: 'schema' })]);
    expect(others).toEqual([[], []]);
  });

  test('a pattern that would take a backtracking engine for ever is answered', async () => {
    validator = createSchemaValidator({ workerUrl: worker.url });
    const evil = {
      digest: 'evil',
      document: { type: 'object', properties: { a: { pattern: '^(a|a)*$' } } },
    };
    expect(await validator.check(evil, { a: `${'a'.repeat(5000)}!` })).toEqual([
      expect.objectContaining({ code: 'HW_CONFIG_INVALID', pointer: '/a' }),
    ]);
    expect(await validator.check(evil, { a: 'a'.repeat(5000) })).toEqual([]);
  });

  test('the same check does not cost the time limit again, and other configs of that schema are judged', async () => {
    validator = createSchemaValidator({ workerUrl: worker.url, timeoutMs: 150 });
    const first = await validator.check(slow, deep(60));
    const again = validator.check(slow, deep(60));
    expect(await Promise.race([again, new Promise((resolve) => setImmediate(resolve, 'late'))])).toEqual(
      first,
    );
    expect(await validator.check(slow, { b: 1 })).toEqual([]);
  });

  test('a check that takes too much memory is ended with a finding', async () => {
    validator = createSchemaValidator({ workerUrl: worker.url, heapMb: 24, timeoutMs: 20_000 });
    const greedy = {
      digest: 'greedy',
      document: {
        type: 'object',
        properties: { a: { items: { allOf: Array.from({ length: 40 }, (_, i) => ({ const: i })) } } },
      },
    };
    expect(await validator.check(greedy, { a: Array.from({ length: 100_000 }, () => 'x') })).toEqual([
      expect.objectContaining({ code: 'HW_SCHEMA_LIMIT', about: 'schema' }),
    ]);
    expect(await validator.check(fine, {})).toEqual([]);
  });

  test('a worker that cannot start is nobody’s finding', async () => {
    validator = createSchemaValidator({ workerUrl: new URL('missing.cjs', worker.url) });
    await expect(validator.check(fine, {})).rejects.toThrow(/missing\.cjs/);
  });

  test('closing ends what is under way', async () => {
    const closing = createSchemaValidator({ workerUrl: worker.url });
    const asked = expect(closing.check(fine, {})).rejects.toThrow(/closed/);
    await closing.close();
    await asked;
    await expect(closing.check(fine, {})).rejects.toThrow(/closed/);
  });
});
