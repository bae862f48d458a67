import type { SearchHit, SearchResults } from '@headwater/schemas/http';
import type { JsonObject, JsonValue } from '@headwater/schemas/protocol';
import { createBreather } from './breather.ts';
import {
  isInValue,
  type Match,
  matchSetting,
  matchWords,
  type SearchSetting,
  searchedValue,
  searchSchema,
  searchText,
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

/** A service as it is live in the environments that are looked at. */
type Live = readonly LiveConfig[];

/** `setting` null is the service itself. */
interface Found extends Match {
  readonly service: string;
  readonly setting: SearchSetting | null;
  readonly live: Live;
}

/**
 * Looks through everything that is live. All hits are ranked and the best of them kept; texts of a whole service are asked first, so
 * services that have nothing to do with it cost next to nothing.
 */
export async function searchServices(query: SearchQuery, live: LiveConfigs): Promise<SearchResults> {
  const q = query.q.toLowerCase();
  const best = new Best(query.limit);
  // The first search after a start reads ten thousand schemas; others go on meanwhile.
  const breathe = createBreather();
  for (const one of servicesOf(query, live)) {
    await breathe();
    if (query.level === undefined && query.type === undefined) findService(one, q, best);
    findSettings(one, q, query, best);
  }
  return { hits: best.ranked().map(hitOf), total: best.total };
}

function servicesOf(query: SearchQuery, live: LiveConfigs): Iterable<Live> {
  const services = new Map<string, LiveConfig[]>();
  for (const env of query.envs) {
    for (const one of live.of(env)) {
      const { service } = one;
      if (query.service !== undefined && service !== query.service) continue;
      if (!query.sees(env, service)) continue;
      const known = services.get(service);
      if (known) known.push(one);
      else services.set(service, [one]);
    }
  }
  return services.values();
}

function findService(live: Live, q: string, best: Best): void {
  const [{ service, schema }] = live as [LiveConfig];
  const title = titleOf(schema)?.toLowerCase();
  const match = matchWords([['name', service], ...(title ? [['title', title] as const] : [])], q);
  if (match) best.add(match, service, null, live);
}

function findSettings(live: Live, q: string, { level, type }: SearchQuery, best: Best): void {
  // Environments see one schema, but for the moments in which one of them waits.
  const [{ service, schema }] = live as [LiveConfig];
  const known = searchSchema(schema);
  const inWords = known.text.includes(q);
  const inValues = live.filter(({ config }) => searchText(config, known).includes(q));
  if (!inWords && inValues.length === 0) return;
  for (const setting of known.settings) {
    if (level !== undefined && setting.level !== level) continue;
    if (type !== undefined && !setting.type?.split('|').includes(type)) continue;
    const match = inWords ? matchSetting(setting, q) : null;
    if (match) {
      best.add(match, service, setting, live);
      continue;
    }
    const having = inValues.filter(({ config }) => isInValue(searchedValue(config, setting), q));
    if (having.length > 0) best.add(valueMatch, service, setting, having);
  }
}

const valueMatch: Match = { score: 0.3, matched: 'value' };

/** The best of many, in order, without sorting all of them. */
class Best {
  readonly #limit: number;
  readonly #found: Found[] = [];
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ score, matched }: Match, service: string, setting: SearchSetting | null, live: Live): void {
    this.total++;
    const worst = this.#found[this.#limit - 1];
    // Nearly all of a hundred thousand hits end here.
    if (worst !== undefined && compareRank(worst, score, service, setting) <= 0) return;
    let place = this.#found.length;
    while (place > 0 && compareRank(this.#found[place - 1] as Found, score, service, setting) > 0) place--;
    this.#found.splice(place, 0, { score, matched, service, setting, live });
    if (this.#found.length > this.#limit) this.#found.pop();
  }

  ranked(): readonly Found[] {
    return this.#found;
  }
}

/** Below zero: `a` comes first. */
function compareRank(a: Found, score: number, service: string, setting: SearchSetting | null): number {
  if (score !== a.score) return score - a.score;
  if (service !== a.service) return a.service < service ? -1 : 1;
  return compare(a.setting?.pointer ?? '', setting?.pointer ?? '');
}

function hitOf({ service, setting, score, matched, live }: Found): SearchHit {
  const title = setting === null ? titleOf((live[0] as LiveConfig).schema) : setting.title;
  const values = live.flatMap(({ env, config }): [string, JsonValue][] => {
    const value = setting === null ? undefined : searchedValue(config, setting);
    return value === undefined ? [] : [[env, value]];
  });
  return {
    service,
    envs: live.map(({ env }) => env),
    ...(setting === null ? {} : { pointer: setting.pointer, level: setting.level }),
    ...(setting?.type === undefined ? {} : { type: setting.type }),
    ...(title === undefined ? {} : { title }),
    ...(setting?.secret ? { secret: true as const } : {}),
    matched,
    score,
    ...(values.length === 0 ? {} : { values: Object.fromEntries(values) }),
  };
}

function titleOf({ title }: JsonObject): string | undefined {
  return typeof title === 'string' ? title : undefined;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
