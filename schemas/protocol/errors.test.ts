import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode, HeadwaterError, isHeadwaterError } from './errors.ts';

interface Row {
  readonly code: string;
  readonly status: string;
  readonly retry: string;
  readonly meaning: string;
  readonly advice: string;
}

const rows = readRows(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8'));

function readRows(text: string): Row[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `HW_'))
    .map((line) => {
      const [, code, status, retry, meaning, advice, end] = line
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim());
      if (advice === undefined || end !== '') throw new Error(`odd row: ${line}`);
      return { code, status, retry, meaning, advice } as Row;
    });
}

describe('docs/errors.md', () => {
  test('has exactly one row per code, and no other', () => {
    expect(rows.map((row) => row.code).sort()).toEqual(
      Object.keys(ERRORS)
        .map((code) => `\`${code}\``)
        .sort(),
    );
  });

  test.each(rows)('says of $code what the catalogue says, what it means and what to do', (row) => {
    const kind = ERRORS[row.code.replaceAll('`', '') as ErrorCode];
    expect(row.status).toBe(String(kind?.status));
    expect(row.retry).toBe(kind?.retryable ? 'yes' : 'no');
    expect(row.meaning).toMatch(/^\S.*[.]$/);
    expect(row.advice).toMatch(/^\S.*[.`]$/);
  });
});

describe('an error', () => {
  const cause = new Error('below');
  const error = new HeadwaterError('HW_REF_MOVED', {
    message: 'moved',
    hint: 'again',
    details: { a: 1 },
    cause,
  });

  test('says its code, its status and whether to try again', () => {
    expect(error).toMatchObject({
      name: 'HeadwaterError',
      code: 'HW_REF_MOVED',
      status: 409,
      retryable: true,
      hint: 'again',
      cause,
    });
    expect(new HeadwaterError('HW_INTERNAL', { message: 'x' })).toMatchObject({
      hint: undefined,
      details: {},
      retryable: false,
    });
    expect('cause' in new HeadwaterError('HW_INTERNAL', { message: 'x' })).toBe(false);
  });

  test('is told apart from others by its code', () => {
    expect(isHeadwaterError(error)).toBe(true);
    expect(isHeadwaterError(error, 'HW_REF_MOVED')).toBe(true);
    expect(isHeadwaterError(error, 'HW_REF_LOCKED')).toBe(false);
    expect(isHeadwaterError({ code: 'HW_REF_MOVED' })).toBe(false);
  });
});
