/**
 * Values as SOPS turns them into bytes, for encryption and for the MAC, and back. Its versions disagree about some numbers (up to
 * 3.13.1 everything is a double, later whole numbers are exact); those are read either way and never written.
 */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { NumberText, type OrderedScalar } from './ordered-json.ts';

export type ScalarType = 'str' | 'int' | 'float' | 'bool';

/** A value as it is encrypted and hashed. */
export interface ScalarText {
  readonly type: ScalarType;
  readonly text: string;
  /** What SOPS up to 3.13.1 hashes in place of `text`, where that differs. */
  readonly legacyText?: string;
}

export function scalarText(value: OrderedScalar): ScalarText {
  if (typeof value === 'string') return { type: 'str', text: value };
  if (typeof value === 'boolean') return { type: 'bool', text: value ? 'True' : 'False' };
  return numberText(value.text);
}

/** The value that decrypted text of a type stands for, with the text that is hashed; `null` when it is none of that type. */
export function scalarFrom(
  type: ScalarType,
  text: string,
): { readonly value: OrderedScalar; readonly hashed: string } | null {
  if (type === 'str') return { value: text, hashed: text };
  if (type === 'bool') {
    const value = booleans.get(text);
    return value === undefined ? null : { value, hashed: value ? 'True' : 'False' };
  }
  if (type === 'int') {
    const exact = int64(text);
    return exact === null ? null : { value: new NumberText(exact), hashed: exact };
  }
  const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number)) return null;
  return {
    value: new NumberText(Object.is(number, -0) ? '-0' : String(number)),
    hashed: withoutExponent(number),
  };
}

/**
 * @param pointer Where the value stands, for the message.
 * @throws HeadwaterError `HW_SECRETS_NUMBER` for numbers on which SOPS versions disagree or that they round.
 */
export function refuseRiskyNumber(value: OrderedScalar, pointer: string): void {
  if (!(value instanceof NumberText)) return;
  const number = Number(value.text);
  const isWhole = wholeNumber.test(value.text);
  if (!Object.is(number, -0) && (!isWhole || Number.isSafeInteger(number))) return;
  throw new HeadwaterError('HW_SECRETS_NUMBER', {
    message: `the number at ${pointer} is negative zero or beyond ±(2^53 − 1), which SOPS versions read differently`,
    hint: 'Write it as a string.',
    details: { pointer },
  });
}

const wholeNumber = /^-?\d+$/;

function numberText(token: string): ScalarText {
  const legacy = withoutExponent(Number(token));
  const exact = wholeNumber.test(token) ? int64(token) : null;
  // Whole numbers beyond 64 bits are doubles in every version.
  if (exact === null) return { type: 'float', text: legacy };
  return exact === legacy ? { type: 'int', text: exact } : { type: 'int', text: exact, legacyText: legacy };
}

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/** Canonical decimal text, or `null` when it is no whole number of 64 bits. */
function int64(text: string): string | null {
  // Leading zeros aside, 64 bits never need more digits; BigInt of very many is slow.
  if (text.length > 40 || !/^[+-]?\d+$/.test(text)) return null;
  const value = BigInt(text.replace(/^\+/, ''));
  return value < int64Min || value > int64Max ? null : value.toString();
}

/** Shortest digits that give the same double, never with an exponent: 1e21 is 1000000000000000000000. */
function withoutExponent(number: number): string {
  if (Object.is(number, -0)) return '-0';
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)) ?? [];
  if (exponent === undefined) return String(number);
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0').slice(0, point)}${point < digits.length ? `.${digits.slice(point)}` : ''}`;
}

/** Spellings that Go reads; SOPS writes `True` and `False`. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);
