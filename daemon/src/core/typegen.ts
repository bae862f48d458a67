/**
 * Writes a TypeScript module from a service schema, so that a service reads its settings typed and knows their defaults before
 * any daemon answers. A small printer of our own over the part of JSON Schema that settings use:
 *
 *     object, properties, required, additionalProperties · array, items, prefixItems · string, number, integer, boolean, null ·
 *     lists of types · enum, const · local $ref, allOf · oneOf, anyOf as unions
 *
 * What else a schema says (if, patterns, bounds, formats) narrows values and not types, and becomes documentation or nothing.
 * The output depends on the schema alone, and no text of the schema can become code: names and values pass through
 * `JSON.stringify`, prose only into comments.
 */
import { defaultsOf, type JsonObject } from '@headwater/schemas/protocol';
import { printConfigType } from './typegen-types.ts';
import { pascalCase } from './words.ts';

export interface TypegenInput {
  /** Name of the service. */
  readonly service: string;
  /** "sha256:…" of the bytes of the schema file. */
  readonly digest: string;
  readonly document: JsonObject;
}

/** One module for TypeScript: type, schema and defaults. */
export function generateTypeScript(input: TypegenInput): string {
  const type = typeName(input);
  return [
    header(input),
    `import type { ServiceSchema } from '@headwater/client';\n`,
    declaration(input),
    `/** Hand it to \`connect\`: it carries the type, and the defaults for a start without any source. */`,
    `export const schema: ServiceSchema<${type}> = ${literal(input)};\n`,
  ].join('\n');
}

/** The same for plain JavaScript: a module, and its types beside it. `name` is the module's file name, ".js" included. */
export function generateJavaScript(
  input: TypegenInput,
  name: string,
): { readonly js: string; readonly dts: string } {
  const type = typeName(input);
  const js = [
    header(input),
    `/** @type {import('@headwater/client').ServiceSchema<import(${JSON.stringify(`./${name}`)}).${type}>} */`,
    `export const schema = ${literal(input)};\n`,
  ].join('\n');
  const dts = [
    header(input),
    `import type { ServiceSchema } from '@headwater/client';\n`,
    declaration(input),
    `export declare const schema: ServiceSchema<${type}>;\n`,
  ].join('\n');
  return { js, dts };
}

function typeName(input: TypegenInput): string {
  return `${pascalCase(input.service)}Config`;
}

function header(input: TypegenInput): string {
  return `// Written by \`headwater typegen ${input.service}\`. Do not edit: change the schema and run it again.\n`;
}

function declaration(input: TypegenInput): string {
  return printConfigType(typeName(input), input.document);
}

function literal(input: TypegenInput): string {
  const { service, digest, document } = input;
  return JSON.stringify({ service, digest, document, defaults: defaultsOf(document) }, null, 2);
}
