/** Search over settings: what a schema says of them is read once per schema, values once per config. Pure. */
import {
  eachSetting,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
  type Setting,
} from '@headwater/schemas/protocol';
import { planOf } from './schema-plan.ts';

/** One setting as search sees it, in lower case. */
export interface SearchSetting {
  readonly pointer: string;
  readonly path: readonly string[];
  readonly title?: string;
  readonly level: 'simple' | 'advanced';
  readonly type?: string;
  readonly secret: boolean;
  /** Words that are it: its name, pointer, title, variable. */
  readonly words: readonly (readonly [matched: string, text: string])[];
  /** Description, help and the like. */
  readonly prose: string;
}

/** What search knows of a schema. */
export interface SearchSchema {
  readonly settings: readonly SearchSetting[];
  /** All words and prose: what is not in here is in no setting. */
  readonly text: string;
}

export interface Match {
  readonly score: number;
  readonly matched: string;
}

const bySchema = new WeakMap<JsonObject, SearchSchema>();
const byConfig = new WeakMap<JsonObject, string>();

/** Settings of a schema that passed its check; remembered as long as the document lives. */
export function searchSchema(schema: JsonObject): SearchSchema {
  const known = bySchema.get(schema);
  if (known) return known;
  const settings = [...eachSetting(planOf(schema).settings)].map(describe);
  const text = settings
    .map(({ words, prose }) => `${words.map(([, word]) => word).join('\n')}\n${prose}`)
    .join('\n');
  const made = { settings, text };
  bySchema.set(schema, made);
  return made;
}

/** All values of a config, in lower case, secrets left out: what is not in here no value has. Remembered like schemas. */
export function searchText(config: JsonObject, { settings }: SearchSchema): string {
  let text = byConfig.get(config);
  if (text === undefined) {
    text = settings.map((setting) => textOf(searchedValue(config, setting))).join('\n');
    byConfig.set(config, text);
  }
  return text;
}

/** How well what a schema says of a setting fits. @param query In lower case. `null`: not at all. */
export function matchSetting({ words, prose }: SearchSetting, query: string): Match | null {
  return matchWords(words, query) ?? (prose.includes(query) ? proseMatch : null);
}

const proseMatch: Match = { score: 0.3, matched: 'description' };

/** True when a value has the text in it. @param query In lower case. */
export function isInValue(value: JsonValue | undefined, query: string): boolean {
  return value !== undefined && textOf(value).includes(query);
}

function textOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  return (typeof value === 'string' ? value : JSON.stringify(value)).toLowerCase();
}

/** The very word 1.0, a beginning 0.8, a part 0.6. */
export function matchWords(
  words: readonly (readonly [matched: string, text: string])[],
  query: string,
): Match | null {
  let score = 0;
  let matched = '';
  for (const [kind, text] of words) {
    const at = text.indexOf(query);
    if (at < 0) continue;
    const own = text.length === query.length ? 1 : at === 0 ? 0.8 : 0.6;
    if (own > score) [score, matched] = [own, kind];
  }
  return score === 0 ? null : { score, matched };
}

/** Value of a setting in a config; never of a secret. */
export function searchedValue(config: JsonObject, { path, secret }: SearchSetting): JsonValue | undefined {
  if (secret) return undefined;
  let value: JsonValue | undefined = config;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function describe({ name, pointer, schemas, annotations }: Setting): SearchSetting {
  const text = (keyword: string) => {
    const found = schemas.find((schema) => typeof schema[keyword] === 'string')?.[keyword];
    return typeof found === 'string' ? found : undefined;
  };
  const title = text('title');
  const choices = schemas.find((schema) => Array.isArray(schema.enum))?.enum;
  const type = schemas.find((schema) => schema.type !== undefined)?.type;
  const words: [string, string | undefined][] = [
    ['name', name],
    ['name', pointer.slice(1)],
    ['title', title],
    ['env', annotations.env],
    ...(Array.isArray(choices) ? choices : []).map((one): [string, string] => ['enum', String(one)]),
  ];
  return {
    pointer,
    path: parsePointer(pointer),
    ...(title === undefined ? {} : { title }),
    level: annotations.level,
    ...(type === undefined ? {} : { type: Array.isArray(type) ? type.join('|') : String(type) }),
    secret: annotations.secret,
    words: words.flatMap(([matched, word]) => (word ? [[matched, word.toLowerCase()] as const] : [])),
    prose: [text('description'), annotations.help, annotations.group, annotations.unit]
      .filter((one) => one !== undefined)
      .join('\n')
      .toLowerCase(),
  };
}
