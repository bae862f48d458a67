import type { SearchHit, SearchResults } from '@headwater/schemas/http';
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import {
  matchSetting,
  matchWords,
  type SearchSetting,
  searchedValue,
  searchSettings,
} from './core/search.ts';
import type { LiveConfig, LiveConfigs } from './live-configs.ts';

export interface SearchQuery {
  readonly q: string;
  readonly service?: string;
  /** To look at. */
  readonly envs: readonly string[];
  readonly level?: 'simple' | 'advanced';
  /** JSON type of the setting. */
  readonly type?: string;
  readonly limit: number;
  readonly sees: (env: string, service: string) => boolean;
}

/** A hit while it is being collected: `setting` null is the service itself. */
interface Found {
  readonly service: string;
  readonly setting: SearchSetting | null;
  score: number;
  matched: string;
  readonly title: string | undefined;
  readonly where: { readonly env: string; readonly value: JsonValue | undefined }[];
}

/** Looks through everything that is live. All hits are ranked before the best are taken. */
export function searchServices(query: SearchQuery, live: LiveConfigs): SearchResults {
  const found = new Map<string, Found>();
  const q = query.q.toLowerCase();
  for (const env of query.envs) {
    for (const one of live.of(env)) {
      if (query.service !== undefined && one.service !== query.service) continue;
      if (query.sees(env, one.service)) searchOne(one, q, query, found);
    }
  }
  const ranked = [...found.values()].sort(
    (a, b) =>
      b.score - a.score ||
      compare(a.service, b.service) ||
      compare(a.setting?.pointer ?? '', b.setting?.pointer ?? ''),
  );
  return { hits: ranked.slice(0, query.limit).map(hitOf), total: ranked.length };
}

function searchOne(
  { service, env, config, schema }: LiveConfig,
  q: string,
  { level, type }: SearchQuery,
  found: Map<string, Found>,
): void {
  const add = (
    setting: SearchSetting | null,
    score: number,
    matched: string,
    value: JsonValue | undefined,
  ) => {
    const key = setting === null ? service : `${service} ${setting.pointer}`;
    const known = found.get(key);
    const title = setting === null ? titleOf(schema) : setting.title;
    const hit = known ?? { service, setting, score, matched, title, where: [] };
    if (!known) found.set(key, hit);
    if (score > hit.score) Object.assign(hit, { score, matched });
    hit.where.push({ env, value });
  };
  if (level === undefined && type === undefined) {
    const title = titleOf(schema);
    const match = matchWords(
      [['name', service], ...(title ? [['title', title.toLowerCase()] as const] : [])],
      q,
    );
    if (match) add(null, match.score, match.matched, undefined);
  }
  for (const setting of searchSettings(schema)) {
    if (level !== undefined && setting.level !== level) continue;
    if (type !== undefined && !setting.type?.split('|').includes(type)) continue;
    const value = searchedValue(config, setting);
    const match = matchSetting(setting, q, value);
    if (match) add(setting, match.score, match.matched, value);
  }
}

function hitOf({ service, setting, score, matched, title, where }: Found): SearchHit {
  const values = where.flatMap(({ env, value }) => (value === undefined ? [] : [[env, value] as const]));
  return {
    service,
    envs: where.map(({ env }) => env),
    ...(setting === null ? {} : { pointer: setting.pointer, level: setting.level }),
    ...(setting?.type === undefined ? {} : { type: setting.type }),
    ...(title === undefined ? {} : { title }),
    ...(setting?.secret ? { secret: true as const } : {}),
    matched,
    score,
    ...(values.length === 0 ? {} : { values: Object.fromEntries(values) }),
  };
}

function titleOf(schema: unknown): string | undefined {
  return isObject(schema) && typeof schema.title === 'string' ? schema.title : undefined;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
