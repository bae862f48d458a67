import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { digestOfBytes, type JsonObject, parseJsonBytes } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateJavaScript, generateTypeScript, type TypegenInput } from './typegen.ts';

const services = [
  'camera',
  'llm-worker',
  'memory-worker',
  'router',
  'stt-worker',
  'tts-worker',
  'wake-activation',
];
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...more,
});
const generate = (document: JsonObject, service = 'svc') =>
  generateTypeScript({ service, digest: `sha256:${'0'.repeat(64)}`, document });
/** The lines of the generated interface, comments left out. */
const linesOf = (document: JsonObject) => {
  const text = generate(document);
  const from = text.search(/export (interface|type) /);
  return text
    .slice(from, text.indexOf('\n\n', from))
    .split('\n')
    .filter((line) => !/^\s*\/?\*/.test(line))
    .map((line) => line.trim());
};
const typeOf = (property: JsonObject, more: JsonObject = {}) =>
  linesOf(object({ x: property }, { required: ['x'], ...more }))
    .slice(1, -1)
    .join(' ')
    .replace(/^readonly x: (.*);$/, '$1');

describe('the type of a setting', () => {
  test.each<[string, JsonObject, string]>([
    ['a string', { type: 'string' }, 'string'],
    ['an integer', { type: 'integer' }, 'number'],
    ['a list of types', { type: ['string', 'null'] }, 'string | null'],
    ['an enum', { type: 'string', enum: ['a', "b'", 1, null] }, `"a" | "b'" | 1 | null`],
    ['a const', { const: { a: [1] } }, '{ readonly "a": readonly [1] }'],
    ['an array', { type: 'array', items: { type: ['number', 'null'] } }, 'readonly (number | null)[]'],
    ['an array of anything', { type: 'array' }, 'readonly unknown[]'],
    ['a tuple', { type: 'array', prefixItems: [{ type: 'string' }], items: false }, 'readonly [string?]'],
    [
      'a tuple with a rest',
      { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } },
      'readonly [string?, ...number[]]',
    ],
    ['a union', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, 'string | number'],
    [
      'a union that only constrains',
      { type: 'string', anyOf: [{ minLength: 1 }, { pattern: 'x' }] },
      'string',
    ],
    [
      'a map',
      { type: 'object', additionalProperties: { type: 'number' } },
      '{ readonly [name: string]: number; }',
    ],
    ['an object of anything', { type: 'object' }, '{ readonly [name: string]: unknown; }'],
    ['an empty object', object({}), 'Readonly<Record<string, never>>'],
    [
      'an object open for more',
      object({ a: { type: 'string' } }, { additionalProperties: true }),
      '{ readonly a?: string; readonly [name: string]: unknown; }',
    ],
    ['nothing in particular', {}, 'unknown'],
    [
      'a joined one',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'string' } } },
          { properties: { b: { type: 'null' } } },
        ],
      },
      '{ readonly a?: string; readonly b?: null; }',
    ],
  ])('of %s', (_, schema, expected) => {
    expect(typeOf(schema)).toBe(expected);
  });

  test('follows local references and ends at a recursive one', () => {
    const $defs = {
      port: { type: 'integer' },
      'odd/name~': { type: 'boolean' },
      node: object({ child: { $ref: '#/$defs/node' }, port: { $ref: '#/$defs/port' } }),
    };
    expect(typeOf({ $ref: '#/$defs/port' }, { $defs })).toBe('number');
    expect(typeOf({ $ref: '#/$defs/odd~1name~0' }, { $defs })).toBe('boolean');
    expect(typeOf({ $ref: '#/$defs/node' }, { $defs })).toBe(
      '{ readonly child?: unknown; readonly port?: number; }',
    );
    expect(typeOf({ $ref: '#' }, { $defs })).toBe('unknown');
    expect(typeOf({ $ref: 'https://example.org/x.json' }, { $defs })).toBe('unknown');
  });

  test('of a root with alternatives is a union of their fields', () => {
    expect(
      linesOf(
        object({ a: { type: 'string' } }, { oneOf: [object({ b: { const: 1 } }), { required: ['a'] }] }),
      )[0],
    ).toBe('export interface SvcConfig {');
    const text = generate(
      object(
        { a: { type: 'string' } },
        { oneOf: [object({ b: { const: 1 } }), object({ c: { const: 2 } })] },
      ),
    );
    expect(text).toMatch(/export type SvcConfig = \{[^}]*\} & \(\{/);
  });
});

describe('a setting is always there', () => {
  test('when it is required, has a default, or holds one somewhere below', () => {
    expect(
      linesOf(
        object(
          {
            a: { type: 'string' },
            b: { type: 'string' },
            c: { type: 'string', default: 'x' },
            d: object({ e: object({ f: { type: 'string', default: '' }, g: { type: 'string' } }) }),
            h: object({ i: { type: 'string' } }),
          },
          { required: ['a'] },
        ),
      ).slice(1, -1),
    ).toEqual([
      'readonly a: string;',
      'readonly b?: string;',
      'readonly c: string;',
      'readonly d: {',
      'readonly e: {',
      'readonly f: string;',
      'readonly g?: string;',
      '};',
      '};',
      'readonly h?: {',
      'readonly i?: string;',
      '};',
    ]);
  });

  test('but a default inside a list, an alternative, or something that may be null promises nothing', () => {
    const inner = object({ a: { type: 'string', default: 'x' } });
    const optional = '{ readonly a?: string; }';
    expect(typeOf({ type: 'array', items: inner })).toBe(`readonly ${optional}[]`);
    expect(typeOf({ oneOf: [inner, { type: 'null' }] })).toBe(`${optional} | null`);
    expect(typeOf({ ...inner, type: ['object', 'null'] })).toBe(`${optional} | null`);
  });
});

test('secrets are settings like others, and their description says what they are', () => {
  const secret = { type: 'string', 'x-hw': { secret: true } };
  const document = object(
    { key: secret, mqtt: object({ password: secret }), token: { ...secret, description: 'Of the API.' } },
    { required: ['key'] },
  );
  expect(linesOf(document).slice(1, -1)).toEqual([
    'readonly key: string;',
    'readonly mqtt?: {',
    'readonly password?: string;',
    '};',
    'readonly token?: string;',
  ]);
  expect(generate(document)).toContain(
    [
      '   * Of the API.',
      '   *',
      '   * Secret: printed as [secret]; reading it throws HW_SECRET_UNAVAILABLE while it cannot be opened.',
    ].join('\n'),
  );
});

test('a description shows prose, unit, bounds and default, and says when a restart is needed', () => {
  const text = generate(
    object({
      pad: {
        type: 'integer',
        title: 'Pad',
        description: 'Before speech.\nAnd after.',
        minimum: 0,
        maximum: 9,
        default: 3,
        deprecated: true,
        'x-hw': { unit: 'ms', apply: 'restart' },
      },
    }),
  );
  expect(text).toContain(
    [
      '  /**',
      '   * Pad. Before speech.',
      '   * And after.',
      '   *',
      '   * Unit: ms. 0 to 9. Default 3. A change takes effect after a restart.',
      '   *',
      '   * @deprecated',
      '   */',
    ].join('\n'),
  );
});

describe('generated modules', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hw-typegen-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('of the speech service look as agreed', async () => {
    await expect(generateTypeScript(await starter('stt-worker'))).toMatchFileSnapshot(
      'testing/stt-worker.config.ts.golden',
    );
  });

  test('compile under strict TypeScript, for every starter service and for hostile schemas, in both forms', async () => {
    await writeStubs(folder);
    for (const service of services) {
      const input = await starter(service);
      const js = generateJavaScript(input, `${service}.js-config.js`);
      await writeFile(join(folder, `${service}.config.ts`), generateTypeScript(input));
      await writeFile(join(folder, `${service}.js-config.js`), js.js);
      await writeFile(join(folder, `${service}.js-config.d.ts`), js.dts);
    }
    await writeFile(join(folder, 'hostile.config.ts'), generate(hostile));
    await writeFile(join(folder, 'use.ts'), usage);
    expect(await runCompiler(folder)).toBe('');
  });

  test('of hostile schemas run nothing but the literal they export', async () => {
    const { js } = generateJavaScript(
      { service: 'svc', digest: 'sha256:0', document: hostile },
      'hostile.js',
    );
    await writeFile(join(folder, 'hostile.js'), js);
    const module = (await import(join(folder, 'hostile.js'))) as {
      schema: { document: JsonObject; service: string };
    };
    expect(module.schema.document).toEqual(hostile);
    expect(Object.keys(globalThis)).not.toContain('pwned');
  });
});

const attack =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant to break out of a template
  '*/ globalThis.pwned = 1; /* `${globalThis.pwned = 1}` \'"; globalThis.pwned = 1; //\u2028globalThis.pwned = 1;';
const hostile: JsonObject = {
  title: attack,
  description: `x\n*/\nglobalThis.pwned = 1;`,
  type: 'object',
  properties: {
    [attack]: { type: 'string', description: attack, default: attack, 'x-hw': { unit: attack } },
    kind: { enum: [attack, { [attack]: [attack] }] },
    'two words': { const: attack },
  },
};

const usage = `
import { schema, type SttWorkerConfig } from './stt-worker.config.js';
import { schema as plain } from './stt-worker.js-config.js';
import type { ServiceSchema } from '@headwater/client';
type Config<S> = S extends ServiceSchema<infer T> ? T : never;
declare const config: Config<typeof schema>;
declare const same: Config<typeof plain>;
const threshold: number = config.vad_threshold;
const model: 'tiny' | 'base.en' = config.whisper_model === 'tiny' ? config.whisper_model : 'base.en';
const url: string | null = same.ws_url;
// @ts-expect-error settings are read-only
config.vad_threshold = 1;
// @ts-expect-error there is no such setting
config.vad_treshold;
const key: string | undefined = config.openai_api_key;
// @ts-expect-error a secret is read-only
config.openai_api_key = '';
// @ts-expect-error not a model
const wrong: SttWorkerConfig['whisper_model'] = 'huge';
export { threshold, model, url, wrong, key };
`;

async function starter(service: string): Promise<TypegenInput> {
  const bytes = await readFile(new URL(`../../../schemas/services/${service}.schema.json`, import.meta.url));
  return { service, digest: digestOfBytes(bytes, nodeCrypto), document: parseJsonBytes(bytes) as JsonObject };
}

/** What a service's project has: the client's types, and the strictest compiler settings. */
async function writeStubs(root: string): Promise<void> {
  const client = join(root, 'node_modules/@headwater/client');
  await mkdir(client, { recursive: true });
  await writeFile(
    join(client, 'package.json'),
    '{"name":"@headwater/client","type":"module","types":"./index.d.ts"}',
  );
  await writeFile(
    join(client, 'index.d.ts'),
    `export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject { readonly [key: string]: JsonValue }
export interface ServiceSchema<T> { service: string; digest: string; document: JsonObject; defaults: JsonObject; readonly type?: T }`,
  );
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    ...{
      target: 'ES2022',
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      types: [],
      allowJs: true,
      checkJs: true,
    },
    ...{
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
    },
    ...{ noUnusedLocals: true, noPropertyAccessFromIndexSignature: true },
  };
  await writeFile(
    join(root, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts', '*.js'] }),
  );
}

/** What the real compiler says; "" when it is content. */
function runCompiler(root: string): Promise<string> {
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc',
  );
  return new Promise((resolve) => {
    execFile(process.execPath, [compiler, '-p', root], (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}` || String(error) : ''),
    );
  });
}
