/** Schema -> text of a TypeScript type. See `typegen.ts` for what of JSON Schema it knows. */
import { isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { comment, proseOf } from './typegen-comments.ts';

/** The type of what a service reads: the resolved config, and its secrets as settings among the others. */
export function printConfigType(name: string, schema: JsonObject): string {
  const schemas = expand(schema, { root: schema });
  const context: Context = { root: schema, indent: '', defaultsCount: true, path: schemas };
  const alternatives = alternativesOf(schemas, context);
  const body = objectType(schemas, context);
  const head = comment(proseOf(schemas), '');
  // An interface shows its own name in editors and errors; only a union cannot be one.
  return alternatives.length === 0
    ? `${head}export interface ${name} ${body}\n`
    : `${head}export type ${name} = ${intersect([body, ...alternatives])};\n`;
}

interface Context {
  readonly root: JsonObject;
  readonly indent: string;
  /** False where the daemon reads no defaults: in list elements, in alternatives, below something that may be no object. */
  readonly defaultsCount: boolean;
  /** Schemas on the way here, so that a recursive one ends. */
  readonly path: readonly JsonObject[];
}

/** A schema, then what it refers to and what it joins by `allOf`, each with what they refer to. */
function expand(schema: JsonObject, { root }: Pick<Context, 'root'>): JsonObject[] {
  const found: JsonObject[] = [];
  const visit = (one: JsonValue | undefined) => {
    if (!isObject(one) || found.includes(one)) return;
    found.push(one);
    if (typeof one.$ref === 'string') visit(resolve(one.$ref, root));
    if (Array.isArray(one.allOf)) one.allOf.forEach(visit);
  };
  visit(schema);
  return found;
}

function resolve(ref: string, root: JsonObject): JsonValue | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let value: JsonValue | undefined = root;
  for (const part of ref.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

function typeOf(schema: JsonValue | undefined, context: Context): string {
  if (!isObject(schema)) return schema === false ? 'never' : 'unknown';
  const schemas = expand(schema, context);
  if (schemas.some((one) => context.path.includes(one))) return 'unknown';
  const inside = { ...context, path: [...context.path, ...schemas] };
  return intersect([ownType(schemas, inside), ...alternativesOf(schemas, inside)]);
}

function ownType(schemas: readonly JsonObject[], context: Context): string {
  const constant = find(schemas, 'const');
  if (constant !== undefined) return literalType(constant);
  const values = find(schemas, 'enum');
  if (Array.isArray(values)) return unite(values.map((value) => literalType(value)));
  const type = find(schemas, 'type') ?? (find(schemas, 'properties') === undefined ? undefined : 'object');
  if (type === undefined) return 'unknown';
  const types = (Array.isArray(type) ? type : [type]).filter((one) => typeof one === 'string');
  const inside = types.length === 1 ? context : { ...context, defaultsCount: false };
  return unite(types.map((one) => typeOfKind(one, schemas, inside)));
}

function typeOfKind(kind: string, schemas: readonly JsonObject[], context: Context): string {
  if (kind === 'integer') return 'number';
  if (kind === 'object') return objectType(schemas, context);
  if (kind === 'array') return arrayType(schemas, { ...context, defaultsCount: false });
  return ['string', 'number', 'boolean', 'null'].includes(kind) ? kind : 'unknown';
}

/** oneOf and anyOf, each as one union; those that only constrain say nothing about types. */
function alternativesOf(schemas: readonly JsonObject[], context: Context): string[] {
  const inside = { ...context, defaultsCount: false };
  const unions = schemas.flatMap((schema) =>
    [schema.oneOf, schema.anyOf].flatMap((branches) =>
      Array.isArray(branches) ? [unite(branches.map((branch) => typeOf(branch, inside)))] : [],
    ),
  );
  return unions.filter((union) => union !== 'unknown');
}

function objectType(schemas: readonly JsonObject[], context: Context): string {
  const required = new Set(schemas.flatMap((one) => (Array.isArray(one.required) ? one.required : [])));
  const inner = { ...context, indent: `${context.indent}  ` };
  const names = new Map<string, JsonValue[]>();
  for (const schema of schemas) {
    if (!isObject(schema.properties)) continue;
    for (const [name, one] of Object.entries(schema.properties))
      names.set(name, [...(names.get(name) ?? []), one]);
  }
  const lines = [...names].map(([name, found]) => {
    // The same property may be described in several joined schemas.
    const property: JsonObject = { allOf: found };
    const own = expand(property, context);
    const isThere = required.has(name) || (context.defaultsCount && hasDefault(property, context));
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    const text = `${inner.indent}readonly ${key}${isThere ? '' : '?'}: ${typeOf(property, inner)};`;
    return `${comment(proseOf(own), inner.indent)}${text}`;
  });
  const others = find(schemas, 'additionalProperties');
  if (others !== false && (names.size === 0 || others !== undefined)) {
    // Beside named properties the index must admit each of their types.
    const type = names.size === 0 ? typeOf(others, inner) : 'unknown';
    lines.push(`${inner.indent}readonly [name: string]: ${type};`);
  }
  return lines.length === 0
    ? 'Readonly<Record<string, never>>'
    : `{\n${lines.join('\n')}\n${context.indent}}`;
}

function arrayType(schemas: readonly JsonObject[], context: Context): string {
  const first = find(schemas, 'prefixItems');
  const items = find(schemas, 'items');
  if (!Array.isArray(first)) return `readonly ${grouped(typeOf(items, context))}[]`;
  // A list may end before its described elements do.
  const elements = first.map((one) => `${grouped(typeOf(one, context))}?`);
  const rest = items === false ? [] : [`...${grouped(typeOf(items, context))}[]`];
  return `readonly [${[...elements, ...rest].join(', ')}]`;
}

/** True when the schema's defaults alone already give the property a value: its own, or one somewhere below it. */
function hasDefault(schema: JsonValue, context: Context): boolean {
  if (!isObject(schema)) return false;
  const schemas = expand(schema, context);
  if (schemas.some((one) => context.path.includes(one))) return false;
  if (schemas.some((one) => Object.hasOwn(one, 'default'))) return true;
  const inside = { ...context, path: [...context.path, ...schemas] };
  return schemas.some(
    (one) =>
      isObject(one.properties) &&
      Object.values(one.properties).some(
        (child) =>
          !(isObject(child) && isObject(child['x-hw']) && child['x-hw'].secret === true) &&
          hasDefault(child, inside),
      ),
  );
}

function find(schemas: readonly JsonObject[], keyword: string): JsonValue | undefined {
  return schemas.find((schema) => Object.hasOwn(schema, keyword))?.[keyword];
}

function literalType(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `readonly [${value.map(literalType).join(', ')}]`;
  const fields = Object.entries(value).map(
    ([name, one]) => `readonly ${JSON.stringify(name)}: ${literalType(one)}`,
  );
  return `{ ${fields.join('; ')} }`;
}

function unite(types: readonly string[]): string {
  const different = [...new Set(types)];
  return different.includes('unknown') ? 'unknown' : different.length === 0 ? 'never' : different.join(' | ');
}

function intersect(types: readonly string[]): string {
  const telling = [...new Set(types)].filter((type) => type !== 'unknown');
  if (telling.length === 0) return 'unknown';
  return telling.length === 1 ? (telling[0] as string) : telling.map(grouped).join(' & ');
}

function grouped(type: string): string {
  return /^[A-Za-z]+$|^\{[^{}]*\}$/.test(type) ? type : `(${type})`;
}
