import { describe, expect, test } from 'vitest';
import { diff, json, snapshot, statement } from '../vectors/make/world.mjs';
import { parsePayload } from './parse-payload.ts';
import { maxPatchOps } from './patch.ts';
import { isTime } from './time.ts';

// Every refusal stands in schemas/vectors/messages.json; schemas/messages compares the same rules with JSON Schemas.

test('fields that this version does not know are kept and do no harm', () => {
  expect(parsePayload('snapshot', json(snapshot({ later: [1] })))).toMatchObject({ later: [1] });
});

test('the error names the field, never its value', () => {
  expect(() => parsePayload('snapshot', json(snapshot({ digest: 'hunter2' })))).toThrow(
    expect.objectContaining({
      code: 'HW_MESSAGE_MALFORMED',
      details: { field: 'digest' },
      message: expect.not.stringContaining('hunter2'),
    }),
  );
});

test('a huge version or kind does not come back in the message', () => {
  for (const more of [{ v: 'x'.repeat(100_000) }, { kind: 'x'.repeat(100_000) }]) {
    expect(() => parsePayload('epoch', json(statement(more)))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,200}$/) }),
    );
  }
});

test('10,000 operations are a diff, one more is none', () => {
  const ops = Array.from({ length: maxPatchOps }, () => ({ op: 'remove', path: '/a' }));
  expect(parsePayload('diff', json(diff({ ops }))).ops).toHaveLength(maxPatchOps);
  expect(() => parsePayload('diff', json(diff({ ops: [...ops, ops[0]] })))).toThrow(
    expect.objectContaining({ details: { field: 'ops' } }),
  );
});

describe('times', () => {
  test.each([
    '2026-11-21T10:05:00Z',
    '2026-11-21T10:05:00.250Z',
    '2026-11-21T10:05:00.123456789Z',
    '2028-02-29T23:59:59Z',
    '0001-01-01T00:00:00Z',
  ])('%s is one', (text) => expect(isTime(text)).toBe(true));
  test.each([
    '',
    '2026-11-21',
    '2026-11-21T10:05Z',
    '2026-11-21 10:05:00Z',
    '2026-11-21T10:05:00z',
    '2026-11-21T10:05:00',
    '2026-11-21T10:05:00+00:00',
    '2026-11-21T10:05:00.Z',
    '2026-11-21T10:05:00.1234567890Z',
    '2027-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:59:60Z',
    '+002026-01-01T00:00:00Z',
    '2026-11-21T10:05:00Z\n',
    1763719500,
    null,
  ])('%j is none', (text) => expect(isTime(text)).toBe(false));
});
