/** Search over settings: what a schema says of them is read once per schema, values once per config. Pure. */
import {
  eachSetting,
  type JsonObject,
  type JsonValue,
  readSettings,
  type Setting,
  valueAt,
} from '@headwater/schemas/protocol';

/** One setting as search sees it, in lower case. */
export interface SearchSetting {
  readonly pointer: string;
  readonly title?: string;
  readonly level: 'simple' | 'advanced';
  readonly type?: string;
  readonly secret: boolean;
  /** Words that are it: its name, pointer, title, variable. */
  readonly words: readonly (readonly [matched: string, text: string])[];
  /** Description, help and the like. */
  readonly prose: string;
}

export interface Match {
  readonly score: number;
  readonly matched: string;
}

const bySchema = new WeakMap<JsonObject, readonly SearchSetting[]>();

/** Settings of a schema that passed its check; remembered as long as the document lives. */
export function searchSettings(schema: JsonObject): readonly SearchSetting[] {
  let settings = bySchema.get(schema);
  if (!settings) {
    settings = [...eachSetting(readSettings(schema))].map(describe);
    bySchema.set(schema, settings);
  }
  return settings;
}

/** How well a setting fits. @param query In lower case. `null`: not at all. */
export function matchSetting(
  setting: SearchSetting,
  query: string,
  value: JsonValue | undefined,
): Match | null {
  const match = matchWords(setting.words, query);
  if (match && match.score >= 0.6) return match;
  if (setting.prose.includes(query)) return { score: 0.3, matched: 'description' };
  if (setting.secret || value === undefined || value === null) return null;
  const text =
    typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.toLowerCase().includes(query) ? { score: 0.3, matched: 'value' } : null;
}

/** The very word 1.0, a beginning 0.8, a part 0.6. */
export function matchWords(
  words: readonly (readonly [matched: string, text: string])[],
  query: string,
): Match | null {
  let best: Match | null = null;
  for (const [matched, text] of words) {
    const at = text.indexOf(query);
    if (at < 0) continue;
    const score = text.length === query.length ? 1 : at === 0 ? 0.8 : 0.6;
    if (best === null || score > best.score) best = { score, matched };
  }
  return best;
}

/** Value of a setting in a config; never of a secret. */
export function searchedValue(config: JsonObject, { pointer, secret }: SearchSetting): JsonValue | undefined {
  return secret ? undefined : (valueAt(config, pointer) as JsonValue | undefined);
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
