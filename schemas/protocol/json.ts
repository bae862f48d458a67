/**
 * Strict JSON: what a config file and a message may contain. `JSON.parse` moves nothing past it silently: duplicate keys,
 * integers that a double cannot hold, bottomless nesting and keys that reach a prototype are refused with their place.
 */
import { fromUtf8 } from './bytes.ts';
import { type ErrorCode, HeadwaterError } from './errors.ts';
import { findSyntaxFault } from './json-syntax.ts';
import { formatPointer } from './pointer.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Deepest nesting accepted; the top-level value is at depth 1. */
export const maxJsonDepth = 64;

/** Keys that reach an object's prototype when code is careless with them. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isObject(value: unknown): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses UTF-8 JSON strictly.
 * @throws HeadwaterError `HW_JSON_*`; `details` has `offset` (UTF-16 units into the text, where known) and `pointer`.
 */
export function parseJsonBytes(bytes: Uint8Array): JsonValue {
  return parseWellFormed(fromUtf8(bytes));
}

/** As `parseJsonBytes`, for text that is already decoded. */
export function parseJson(text: string): JsonValue {
  const half = /\p{Surrogate}/u.exec(text);
  if (half) failSurrogate(half.index, []);
  return parseWellFormed(text);
}

function parseWellFormed(text: string): JsonValue {
  if (text.charCodeAt(0) === 0xfeff) {
    fail(
      'HW_JSON_BOM',
      'the text begins with a byte order mark',
      'Save the file as UTF-8 without BOM.',
      0,
      [],
    );
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's error is not kept as cause: its message quotes the text, which may be a secret.
    const { offset, expected } = findSyntaxFault(text);
    throw new HeadwaterError('HW_JSON_SYNTAX', {
      message: `not JSON: expected ${expected} at offset ${offset}`,
      hint: 'Look for a missing comma, quote or bracket; comments and trailing commas are not JSON.',
      details: { offset, pointer: '' },
    });
  }
  scan(text);
  return value;
}

interface Frame {
  /** Keys seen so far, or `null` for an array. */
  readonly keys: Set<string> | null;
  expectsKey: boolean;
  /** Key or index of the child being read. */
  at: string | number;
}

/** Walks text that is known to be JSON and refuses what `JSON.parse` lets through. */
function scan(text: string): void {
  const stack: Frame[] = [];
  let top: Frame | undefined;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        top = open(stack, text.charCodeAt(i) === 0x7b, i);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        top = stack[stack.length - 1];
        break;
      case 0x2c: // ,
        if (top?.keys) top.expectsKey = true;
        else if (top) top.at = (top.at as number) + 1;
        break;
      case 0x22: {
        const end = endOfString(text, i);
        const raw = text.slice(i + 1, end);
        if (top?.expectsKey) takeKey(top, raw, i, stack);
        else checkString(raw, i, stack);
        i = end;
        break;
      }
      case 0x2d: // -
      case 0x30:
      case 0x31:
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
      case 0x37:
      case 0x38:
      case 0x39:
        i = checkNumber(text, i, stack);
        break;
      default: // white space, colons, true, false, null
    }
  }
}

function open(stack: Frame[], isObject: boolean, offset: number): Frame {
  if (stack.length >= maxJsonDepth) {
    fail(
      'HW_JSON_DEPTH',
      `nested deeper than ${maxJsonDepth} levels`,
      'Flatten the document.',
      offset,
      stack,
    );
  }
  const frame: Frame = { keys: isObject ? new Set() : null, expectsKey: isObject, at: isObject ? '' : 0 };
  stack.push(frame);
  return frame;
}

function takeKey(frame: Frame, raw: string, offset: number, stack: readonly Frame[]): void {
  const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
  frame.at = key;
  if (FORBIDDEN_KEYS.has(key)) {
    fail('HW_JSON_FORBIDDEN_KEY', `the key "${key}" is not allowed`, 'Rename the key.', offset, stack);
  }
  if (frame.keys?.has(key)) {
    fail(
      'HW_JSON_DUPLICATE_KEY',
      `the key ${JSON.stringify(key.slice(0, 100))} occurs twice`,
      'Remove one of the two.',
      offset,
      stack,
    );
  }
  checkString(raw, offset, stack);
  frame.keys?.add(key);
  frame.expectsKey = false;
}

function checkString(raw: string, offset: number, stack: readonly Frame[]): void {
  // Only an escape can produce half a surrogate pair: the text itself came from valid UTF-8.
  if (raw.includes('\\u') && /\p{Surrogate}/u.test(JSON.parse(`"${raw}"`) as string))
    failSurrogate(offset, stack);
}

function failSurrogate(offset: number, stack: readonly Frame[]): never {
  fail(
    'HW_JSON_NOT_UTF8',
    'a string holds half of a surrogate pair',
    'Write the whole character.',
    offset,
    stack,
  );
}

function checkNumber(text: string, start: number, stack: readonly Frame[]): number {
  let end = start + 1;
  while (end < text.length && /[\d.eE+-]/.test(text[end] as string)) end++;
  const value = Number(text.slice(start, end));
  if (!Number.isFinite(value)) {
    fail(
      'HW_JSON_NUMBER',
      'a number is too large for a double',
      'Use a smaller number, or a string.',
      start,
      stack,
    );
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    fail(
      'HW_JSON_UNSAFE_INTEGER',
      'an integer is beyond ±(2^53 − 1), so it would be rounded',
      'Use a string.',
      start,
      stack,
    );
  }
  return end - 1;
}

function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (text.charCodeAt(end) !== 0x22) end += text.charCodeAt(end) === 0x5c ? 2 : 1;
  return end;
}

function fail(
  code: ErrorCode,
  message: string,
  hint: string,
  offset: number,
  stack: readonly Frame[],
): never {
  const pointer = formatPointer(stack.map((frame) => frame.at));
  throw new HeadwaterError(code, { message, hint, details: { offset, pointer } });
}
