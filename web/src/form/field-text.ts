/**
 * Between what somebody types and the value it means. What was typed is kept as it is: "1e" is no number yet, but on the way to one.
 */
import type { JsonValue } from '@headwater/schemas/protocol';
import { texts } from '../texts.ts';
import type { Field, Limits } from './fields.ts';

/** What a text means for a field: a value, or what is wrong with it. */
export type Reading = { readonly value: JsonValue } | { readonly problem: string };

/** The text of a value in the control of a field. `undefined` and `null` are empty. */
export function textOfValue(field: Field, value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (field.kind === 'json') return JSON.stringify(value, null, 2);
  if (field.kind === 'list') return Array.isArray(value) ? value.map(String).join('\n') : '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Reads the text of a control. Checks only what is plain from the field; the daemon judges the whole. */
export function readText(field: Field, text: string): Reading {
  switch (field.kind) {
    case 'number':
      return readNumber(text.trim(), field.limits, field.nullable);
    case 'choice':
      return readChoice(field, text);
    case 'switch':
      return { value: text === 'true' };
    case 'list':
      return readList(text, field.limits);
    case 'json':
      return readJson(text);
    default:
      return readString(text, field.limits, field.nullable);
  }
}

function readNumber(text: string, limits: Limits, nullable: boolean): Reading {
  if (text === '' && nullable) return { value: null };
  if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return { problem: texts.field.notNumber };
  const value = Number(text);
  const { integer, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = limits;
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    return { problem: texts.field.notSafe };
  if (integer && !Number.isInteger(value)) return { problem: texts.field.notWhole };
  if (minimum !== undefined && value < minimum) return { problem: texts.field.atLeast(minimum) };
  if (maximum !== undefined && value > maximum) return { problem: texts.field.atMost(maximum) };
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return { problem: texts.field.moreThan(exclusiveMinimum) };
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
    return { problem: texts.field.lessThan(exclusiveMaximum) };
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    return { problem: texts.field.multipleOf(multipleOf) };
  return { value };
}

/** 0.3 is a multiple of 0.1, whatever binary fractions say. */
function isMultiple(value: number, step: number): boolean {
  const quotient = value / step;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}

function readChoice({ options, nullable }: Field, text: string): Reading {
  if (text === '' && nullable) return { value: null };
  const found = options.find(
    (option) => (typeof option === 'string' ? option : JSON.stringify(option)) === text,
  );
  return found === undefined ? { problem: texts.field.notOption } : { value: found };
}

function readString(text: string, { minLength, maxLength }: Limits, nullable: boolean): Reading {
  if (text === '' && nullable) return { value: null };
  const length = [...text].length;
  if (minLength !== undefined && length < minLength)
    return { problem: text === '' ? texts.field.empty : texts.field.tooShort(minLength) };
  if (maxLength !== undefined && length > maxLength) return { problem: texts.field.tooLong(maxLength) };
  return { value: text };
}

function readList(text: string, limits: Limits): Reading {
  const lines = text === '' ? [] : text.split('\n');
  const { minItems, maxItems, items } = limits;
  if (minItems !== undefined && lines.length < minItems) return { problem: texts.field.fewItems(minItems) };
  if (maxItems !== undefined && lines.length > maxItems) return { problem: texts.field.manyItems(maxItems) };
  if (items === 'string') return { value: lines };
  const values: JsonValue[] = [];
  for (const [index, line] of lines.entries()) {
    const reading = readNumber(line.trim(), items === 'integer' ? { integer: true } : {}, false);
    if ('problem' in reading) return { problem: texts.field.inLine(index + 1, reading.problem) };
    values.push(reading.value);
  }
  return { value: values };
}

function readJson(text: string): Reading {
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch {
    return { problem: texts.field.notJson };
  }
}
