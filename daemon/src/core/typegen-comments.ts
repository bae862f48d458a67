/** Prose of a schema as JSDoc: what a person sees when the editor shows a setting. */
import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/** A JSDoc block with its line end, or nothing for no lines. */
export function comment(lines: readonly string[], indent: string): string {
  const clean = lines.flatMap((line) => line.split(/\r\n|[\n\r\u2028\u2029]/)).map(escapeEnd);
  if (clean.every((line) => line.trim() === '')) return '';
  const [only] = clean;
  if (clean.length === 1) return `${indent}/** ${only} */\n`;
  const body = clean.map((line) => `${indent} * ${line}`.trimEnd());
  return `${indent}/**\n${body.join('\n')}\n${indent} */\n`;
}

/** Title, description, then unit, bounds, default, whether it is a secret, and how a change takes effect. */
export function proseOf(schemas: readonly JsonObject[]): string[] {
  const text = (keyword: string) => {
    const found = first(schemas, keyword);
    return typeof found === 'string' ? found.trim() : '';
  };
  const title = text('title');
  const summary = [title && !/[.!?]$/.test(title) ? `${title}.` : title, text('description')]
    .filter(Boolean)
    .join(' ');
  const facts = factsOf(schemas);
  return [
    ...(summary === '' ? [] : [summary]),
    ...(facts === '' ? [] : [...(summary === '' ? [] : ['']), facts]),
    ...(first(schemas, 'deprecated') === true ? ['', '@deprecated'] : []),
  ];
}

function factsOf(schemas: readonly JsonObject[]): string {
  const annotations = first(schemas, 'x-hw');
  const { unit, apply, secret } = isObject(annotations) ? annotations : {};
  const standard = first(schemas, 'default');
  const facts = [
    ...(typeof unit === 'string' ? [`Unit: ${unit}.`] : []),
    ...range(first(schemas, 'minimum'), first(schemas, 'maximum'), ''),
    ...range(first(schemas, 'minLength'), first(schemas, 'maxLength'), ' characters'),
    ...range(first(schemas, 'minItems'), first(schemas, 'maxItems'), ' elements'),
    ...(standard === undefined ? [] : [`Default ${shorten(JSON.stringify(standard))}.`]),
    ...(secret === true
      ? ['Secret: printed as [secret]; reading it throws HW_SECRET_UNAVAILABLE while it cannot be opened.']
      : []),
    ...(apply === 'restart' ? ['A change takes effect after a restart.'] : []),
  ];
  return facts.join(' ');
}

function range(low: JsonValue | undefined, high: JsonValue | undefined, of: string): string[] {
  const [hasLow, hasHigh] = [typeof low === 'number', typeof high === 'number'];
  if (hasLow && hasHigh) return [`${low} to ${high}${of}.`];
  if (hasLow) return [`At least ${low}${of}.`];
  return hasHigh ? [`At most ${high}${of}.`] : [];
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** A description that holds the end of a comment must not end this one. */
function escapeEnd(line: string): string {
  return line.replaceAll('*/', '*\\/');
}

function first(schemas: readonly JsonObject[], keyword: string): JsonValue | undefined {
  return schemas.find((schema) => Object.hasOwn(schema, keyword))?.[keyword];
}
