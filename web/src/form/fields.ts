/**
 * The form of a service: what each setting of its schema needs to be shown and edited. Pure: from a JSON Schema with `x-hw`
 * annotations to a list of fields. What the form cannot draw becomes a field of kind "json", which is edited as text.
 */
import {
  isObject,
  type JsonObject,
  type JsonValue,
  readSettings,
  type Setting,
} from '@headwater/schemas/protocol';

export type FieldKind =
  | 'switch'
  | 'number'
  | 'choice'
  | 'text'
  | 'lines'
  | 'secret'
  /** Array of texts or numbers. */
  | 'list'
  /** Object whose settings are fields of their own, see `children`. */
  | 'group'
  /** Edited as JSON. */
  | 'json';

export interface Field {
  readonly pointer: string;
  readonly name: string;
  /** For people; the name when the schema has no title. */
  readonly title: string;
  readonly description: string;
  readonly help: string;
  readonly kind: FieldKind;
  readonly level: 'simple' | 'advanced';
  readonly apply: 'hot' | 'restart';
  /** Heading it stands under. */
  readonly group: string;
  readonly required: boolean;
  /** `null` is a value it may have: shown as "none". */
  readonly nullable: boolean;
  readonly shared: boolean;
  readonly deprecated: boolean;
  readonly unit?: string;
  /** Environment variable that overrides it. */
  readonly env?: string;
  readonly defaultValue?: JsonValue;
  /** Values of a choice, `null` left out. */
  readonly options: readonly JsonValue[];
  readonly examples: readonly JsonValue[];
  readonly limits: Limits;
  readonly children: readonly Field[];
  readonly relates: readonly string[];
  /** Lower-case text that a search looks in. */
  readonly searchText: string;
}

/** Bounds of the schema, as far as they are plain. */
export interface Limits {
  readonly integer?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  /** Type of the items of a list. */
  readonly items?: 'string' | 'number' | 'integer';
}

/** Fields under one heading. */
export interface FieldGroup {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** Fields of a schema, in the order it asks for. @throws HeadwaterError `HW_SCHEMA_LIMIT` for one that cannot be read. */
export function fieldsOf(schema: JsonObject): readonly Field[] {
  return ordered(readSettings(schema)).map((setting) => fieldOf(setting, ''));
}

/** Every field that is edited by itself: groups are replaced by what is in them. */
export function leavesOf(fields: readonly Field[]): readonly Field[] {
  return fields.flatMap((field) => (field.kind === 'group' ? leavesOf(field.children) : [field]));
}

/** By heading, in the order of the first field of each; those without one come first, under "". */
export function groupsOf(fields: readonly Field[]): readonly FieldGroup[] {
  const groups = new Map<string, Field[]>();
  for (const field of leavesOf(fields)) {
    const group = groups.get(field.group);
    if (group) group.push(field);
    else groups.set(field.group, [field]);
  }
  return [...groups]
    .map(([name, own]) => ({ name, fields: own }))
    .sort((a, b) => Number(a.name !== '') - Number(b.name !== ''));
}

/** Settings without an order keep the schema's, behind those with one. */
function ordered(settings: readonly Setting[]): readonly Setting[] {
  const orderOf = ({ annotations }: Setting) => annotations.order ?? Number.POSITIVE_INFINITY;
  return [...settings].sort((a, b) => {
    const [first, second] = [orderOf(a), orderOf(b)];
    return first === second ? 0 : first - second;
  });
}

function fieldOf(setting: Setting, outerGroup: string): Field {
  const { name, pointer, required, annotations } = setting;
  const facts = factsOf(setting);
  const kind = kindOf(setting, facts);
  const title = textOf(facts.title) || name;
  const group = annotations.group ?? outerGroup;
  const children =
    kind === 'group' ? ordered(setting.children).map((one) => fieldOf(one, group || title)) : [];
  const description = textOf(facts.description);
  const help = annotations.help ?? '';
  const options = optionsOf(facts).filter((option) => option !== null);
  return {
    pointer,
    name,
    title,
    description,
    help,
    kind,
    level: annotations.level,
    apply: annotations.apply,
    group,
    required,
    nullable: typesOf(facts).includes('null') || optionsOf(facts).includes(null),
    shared: annotations.shared,
    deprecated: facts.deprecated === true,
    ...(annotations.unit === undefined ? {} : { unit: annotations.unit }),
    ...(annotations.env === undefined ? {} : { env: annotations.env }),
    ...(facts.default === undefined ? {} : { defaultValue: facts.default }),
    options,
    examples: Array.isArray(facts.examples) ? facts.examples : [],
    limits: limitsOf(facts),
    children,
    relates: annotations.relates,
    searchText: [title, pointer, description, help, annotations.env ?? '', ...options.map(String)]
      .join('\n')
      .toLowerCase(),
  };
}

/** The property's schemas as one: of a keyword that occurs in several, the outermost. */
function factsOf({ schemas }: Setting): JsonObject {
  return Object.assign({}, ...[...schemas].reverse()) as JsonObject;
}

function kindOf(setting: Setting, facts: JsonObject): FieldKind {
  if (setting.annotations.secret) return 'secret';
  const types = typesOf(facts).filter((type) => type !== 'null');
  const isPlain = !['oneOf', 'anyOf', 'if', 'patternProperties'].some((keyword) => keyword in facts);
  if (optionsOf(facts).length > 0) return optionsOf(facts).every(isScalar) ? 'choice' : 'json';
  if (!isPlain || types.length !== 1) return 'json';
  switch (types[0]) {
    case 'boolean':
      return 'switch';
    case 'number':
    case 'integer':
      return 'number';
    case 'string':
      return setting.annotations.text ? 'lines' : 'text';
    case 'array':
      return itemType(facts) === undefined ? 'json' : 'list';
    case 'object':
      return setting.children.length > 0 && facts.additionalProperties === false ? 'group' : 'json';
    default:
      return 'json';
  }
}

function typesOf({ type }: JsonObject): readonly string[] {
  if (typeof type === 'string') return [type];
  return Array.isArray(type) ? type.filter((one) => typeof one === 'string') : [];
}

function optionsOf(facts: JsonObject): readonly JsonValue[] {
  if (Array.isArray(facts.enum)) return facts.enum;
  return 'const' in facts ? [facts.const as JsonValue] : [];
}

const isScalar = (value: JsonValue): boolean => value === null || typeof value !== 'object';

function limitsOf(facts: JsonObject): Limits {
  const numbers = [
    'minimum',
    'maximum',
    'exclusiveMinimum',
    'exclusiveMaximum',
    'multipleOf',
    'minLength',
    'maxLength',
    'minItems',
    'maxItems',
  ] as const;
  const given = numbers.flatMap((name) => (typeof facts[name] === 'number' ? [[name, facts[name]]] : []));
  const items = itemType(facts);
  return {
    ...Object.fromEntries(given),
    ...(typesOf(facts).includes('integer') ? { integer: true } : {}),
    ...(typeof facts.pattern === 'string' ? { pattern: facts.pattern } : {}),
    ...(items === undefined ? {} : { items }),
  };
}

/** Of lists that are lists of lines; anything more is edited as JSON. */
function itemType({ items, uniqueItems: _ }: JsonObject): Limits['items'] | undefined {
  if (!isObject(items) || 'enum' in items || '$ref' in items) return undefined;
  const { type } = items;
  return type === 'string' || type === 'number' || type === 'integer' ? type : undefined;
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
