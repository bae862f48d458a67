import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import {
  isHeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  MESSAGE_KINDS,
  type MessageKind,
  parseEnvelope,
  parseJsonBytes,
  parsePayload,
  parseReceipt,
  parseSecretsBundle,
  type SecretsBundle,
  utf8,
} from '@headwater/schemas/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import {
  diff,
  json,
  keysPayload,
  schema,
  sealed,
  snapshot,
  statement,
  tombstone,
} from '../vectors/make/world.mjs';

const read = (path: string): JsonObject =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as JsonObject;

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);
const documents = new Map(
  readdirSync(new URL('.', import.meta.url))
    .filter((file) => file.endsWith('.schema.json'))
    .map((file) => [file.replace('.schema.json', ''), read(file)]),
);
const validators = new Map([...documents].map(([name, document]) => [name, ajv.compile(document)]));
const fits = (name: string, value: unknown): boolean => {
  const validate = validators.get(name);
  if (!validate) throw new Error(`no schema of ${name}`);
  return validate(value);
};

/** True when the code that reads messages takes the payload. */
function parses(kind: MessageKind, payload: Uint8Array): boolean {
  try {
    parsePayload(kind, payload);
    return true;
  } catch (error) {
    if (isHeadwaterError(error)) return false;
    throw error;
  }
}

test('every message has a schema', () => {
  expect([...documents.keys()].sort()).toEqual(
    [...MESSAGE_KINDS, 'health', 'receipt', 'secrets-bundle'].sort(),
  );
});

describe.each([...documents])('%s', (name, document) => {
  test('its example fits', () => {
    for (const example of document.examples as readonly JsonValue[])
      expect(fits(name, example), name).toBe(true);
  });

  test('every field of it is described, once in itself or in what it refers to', () => {
    const defs = (document.$defs ?? {}) as Readonly<Record<string, JsonObject>>;
    for (const [field, property] of Object.entries(
      document.properties as Readonly<Record<string, JsonObject>>,
    )) {
      const referred =
        typeof property.$ref === 'string' ? defs[property.$ref.replace('#/$defs/', '')] : undefined;
      const nested = isObject(property.properties);
      expect(
        property.description ?? referred?.description ?? (nested ? 'by its own fields' : undefined),
        field,
      ).toBeTruthy();
    }
  });

  test('an example without one of its required fields does not fit', () => {
    const [example] = document.examples as readonly JsonObject[];
    for (const field of document.required as readonly string[]) {
      const { [field]: _, ...rest } = example as JsonObject;
      expect(fits(name, rest), field).toBe(false);
    }
  });
});

describe('the schema and the code agree', () => {
  interface Case {
    readonly name: string;
    readonly envelope: string;
  }
  const vectors = read('../vectors/messages.json') as unknown as { cases: Case[] };
  const keys = read('../vectors/keys.json') as unknown as { chains: { name: string; steps: Case[] }[] };
  const all = [
    ...vectors.cases,
    ...keys.chains.flatMap(({ name, steps }) => steps.map((step) => ({ ...step, name }))),
  ];

  test('on every message of the vectors that has a header', () => {
    let [taken, refused] = [0, 0];
    for (const { name, envelope } of all) {
      const message = opened(Uint8Array.from(Buffer.from(envelope, 'base64')));
      if (message === null) continue;
      const { kind, payload } = message;
      const parsed = parses(kind, payload);
      const value = jsonOf(payload);
      expect(value !== undefined && fits(kind, value), name).toBe(parsed);
      if (parsed) taken++;
      else refused++;
    }
    expect(taken).toBeGreaterThan(80);
    expect(refused).toBeGreaterThan(50);
  });

  const samples: readonly [MessageKind, JsonObject][] = [
    ['snapshot', snapshot({ secrets: sealed, requestId: 'r1' })],
    ['diff', diff({ secrets: sealed })],
    ['tombstone', tombstone()],
    ['schema', schema()],
    [
      'epoch',
      statement({
        held: [{ service: 'a', since: 'a'.repeat(40), code: 'HW_X', pointer: '/a' }],
        heldTotal: 1,
      }),
    ],
    ['keys', keysPayload({ previous: ['text'] })],
  ];
  test.each(samples)('on a %s with any one value replaced or removed', (kind, sample) => {
    expect(parses(kind, json(sample))).toBe(true);
    for (const [place, changed] of mutations(sample)) {
      // What lies inside config, a schema's document or an operation's value is not the protocol's business.
      if (/^\/(?:config|document)\/|^\/ops\/\d+\/value/.test(place)) continue;
      const text = JSON.stringify(changed);
      const parsed = parses(kind, utf8(text));
      const value = jsonOf(utf8(text));
      expect(value !== undefined && fits(kind, value), `${kind} ${place}: ${text.slice(0, 400)}`).toBe(
        parsed,
      );
    }
  });

  test('on receipts', () => {
    const [sample] = (documents.get('receipt') as JsonObject).examples as readonly JsonObject[];
    for (const [place, changed] of mutations({ ...sample, reason: 'behind', schema: 'x' })) {
      expect(fits('receipt', changed), place).toBe(parseReceipt(json(changed)) !== null);
    }
  });

  test('on secrets bundles, whoever they are for', () => {
    const [sample] = (documents.get('secrets-bundle') as JsonObject)
      .examples as unknown as readonly SecretsBundle[];
    for (const [place, changed] of mutations(sample as unknown as JsonObject)) {
      if (/^\/(?:deployment|env|service|rev)/.test(place)) continue;
      let parsed = true;
      try {
        parseSecretsBundle(json(changed), sample as SecretsBundle);
      } catch {
        parsed = false; // refused, which is what is compared
      }
      expect(fits('secrets-bundle', changed), place).toBe(parsed);
    }
  });
});

function opened(bytes: Uint8Array): { kind: MessageKind; payload: Uint8Array } | null {
  try {
    return parseEnvelope(bytes);
  } catch {
    return null; // no header, so no payload to compare
  }
}

/** The strict value, or `undefined`: duplicate keys and the like are below what a JSON Schema can see. */
function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseJsonBytes(bytes);
  } catch {
    return undefined; // not strict JSON: both sides refuse it
  }
}

const replacements: readonly JsonValue[] = [
  null,
  true,
  -1,
  0,
  1,
  1.5,
  2 ** 53,
  '',
  'x',
  'all',
  '2026-02-30T00:00:00Z',
  '2026-11-21T10:05:00Z',
  '*',
  'unchanged',
  'a'.repeat(40),
  'a'.repeat(64),
  'A'.repeat(64),
  `sha256:${'a'.repeat(64)}`,
  [],
  ['x'],
  [1],
  {},
  { a: 1 },
  { '../x': 1 },
];

/** The value with each part of it replaced by something else, removed, or given a field more. */
function* mutations(value: JsonValue, place = ''): Generator<[string, JsonValue]> {
  for (const other of replacements) if (!isDeepStrictEqual(other, value)) yield [place, other];
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const at = `${place}/${key}`;
    yield [`${at} removed`, without(value, key)];
    const child = (value as Readonly<Record<string, JsonValue>>)[key] as JsonValue;
    for (const [where, changed] of mutations(child, at)) {
      yield [where, Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }];
    }
  }
  if (isObject(value)) yield [`${place} with more`, { ...value, more: 1 }];
}

function without(value: JsonObject | readonly JsonValue[], key: string): JsonValue {
  if (Array.isArray(value)) return value.toSpliced(Number(key), 1);
  const { [key]: _, ...rest } = value as JsonObject;
  return rest;
}
