/**
 * Compiles judged schemas with ajv and runs them. Lives in the validation worker: ajv turns a schema into code, and the schema comes from
 * the repository. Patterns run on RE2JS, in linear time.
 */
import type { JsonObject } from '@headwater/schemas/protocol';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import { RE2JS } from 're2js';
import { BoundedCache } from '../core/bounded-cache.ts';
import { eachSchema } from '../core/schema-walk.ts';
import type { Problem } from '../core/validate.ts';
import { explain, explainSecrets } from './explain-errors.ts';

/** Problems reported of one config: people fix them a few at a time. */
export const maxProblems = 20;
/** Longest pattern: RE2JS compiles this many characters of the worst kind in about 0.1 s. */
const maxPatternLength = 1000;

export interface SchemaCompiler {
  /** Compiles a schema unless it is there already. */
  compile(digest: string, schema: () => JsonObject): void;
  /**
   * Problems of a config, of the schema itself when that cannot be compiled; `null` when the schema is not there.
   * @param secret Values are neither told nor kept.
   */
  check(digest: string, config: () => JsonObject, secret?: boolean): readonly Problem[] | null;
}

/** @param maxSchemas Compiled schemas kept. Each is some ten to hundred KiB. */
export function createSchemaCompiler(maxSchemas = 500): SchemaCompiler {
  const compiled = new BoundedCache<ValidateFunction | readonly Problem[]>(maxSchemas);
  return {
    compile(digest, schema) {
      if (compiled.get(digest) === undefined) compiled.set(digest, compile(schema()));
    },
    check(digest, config, secret = false) {
      const known = compiled.get(digest);
      if (typeof known !== 'function') return known ?? null;
      try {
        if (known(config())) return [];
        return (secret ? explainSecrets : explain)(known.errors ?? [], maxProblems);
      } catch (error) {
        return [uncompilable(error)];
      } finally {
        known.errors = null; // it quotes the config
      }
    },
  };
}

// The package is CommonJS with an ES default export; its types and Node's interop disagree on what `default` is.
const addFormats = formatsPlugin as unknown as (ajv: Ajv2020) => void;

/** Ajv caches patterns by the source text of `regExp`, and what it made of them by `toString()`. */
const linearRegExp = Object.assign((pattern: string) => new LinearPattern(pattern), { code: 'linearRegExp' });

class LinearPattern {
  readonly #pattern: RE2JS;
  readonly #source: string;
  constructor(source: string) {
    this.#pattern = RE2JS.compile(source);
    this.#source = source;
  }
  test(text: string): boolean {
    return this.#pattern.test(text);
  }
  toString(): string {
    return `/${this.#source}/re2`;
  }
}

/** Compiled when this module loads, so that the first schema does not pay for it. */
const metaSchemas = new Ajv2020({ logger: false, allErrors: true, verbose: true });
metaSchemas.validateSchema({});

function compile(document: JsonObject): ValidateFunction | readonly Problem[] {
  if (!metaSchemas.validateSchema(document)) return metaProblems(metaSchemas.errors ?? []);
  const unsafe = patternProblems(document);
  if (unsafe.length > 0) return unsafe;
  try {
    // One instance per schema: nothing of one repository schema can be seen by another, and it is forgotten whole.
    const ajv = new Ajv2020({
      meta: false,
      validateSchema: false,
      strict: false,
      logger: false,
      allErrors: true,
      verbose: true,
      // A schema that is referred to often is compiled once, not pasted everywhere.
      inlineRefs: false,
      // Every object inherits "toString"; a setting of that name is there only when somebody set it.
      ownProperties: true,
      code: { regExp: linearRegExp },
    });
    addFormats(ajv);
    return ajv.compile(document);
  } catch (error) {
    return [uncompilable(error)];
  }
}

function metaProblems(errors: readonly ErrorObject[]): Problem[] {
  return explain(errors, maxProblems).map((problem) => ({
    ...problem,
    code: 'HW_SCHEMA_INVALID',
    about: 'schema',
  }));
}

function patternProblems(document: JsonObject): Problem[] {
  const problems: Problem[] = [];
  for (const { pointer, schema } of eachSchema(document)) {
    if (typeof schema !== 'object' || schema === null) continue;
    const { pattern, patternProperties } = schema as JsonObject;
    const patterns = typeof pattern === 'string' ? [pattern] : [];
    if (typeof patternProperties === 'object' && patternProperties !== null)
      patterns.push(...Object.keys(patternProperties));
    for (const source of patterns) {
      const reason = reasonAgainst(source);
      if (reason === null) continue;
      problems.push({
        code: 'HW_SCHEMA_UNSAFE_PATTERN',
        about: 'schema',
        pointer: `${pointer}/${source === pattern ? 'pattern' : 'patternProperties'}`,
        message: `the pattern ${JSON.stringify(source.slice(0, 80))} cannot run in linear time: ${reason}`,
        hint: 'Use RE2 syntax: no look-around, no back-references, counts up to 1000.',
      });
      if (problems.length >= maxProblems) return problems;
    }
  }
  return problems;
}

function reasonAgainst(source: string): string | null {
  if (source.length > maxPatternLength) return `it is longer than ${maxPatternLength} characters`;
  try {
    RE2JS.compile(source);
    return null;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).slice(0, 160);
  }
}

function uncompilable(error: unknown): Problem {
  const tooLarge = error instanceof RangeError;
  return {
    code: tooLarge ? 'HW_SCHEMA_LIMIT' : 'HW_SCHEMA_INVALID',
    about: 'schema',
    pointer: '',
    message: tooLarge
      ? 'the schema is too large or too deep to compile'
      : `the schema cannot be compiled: ${reasonOf(error)}`,
    hint: 'Describe less in one schema, and check its references.',
  };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}
