import type { SearchResults } from '@headwater/schemas/http';
import { get, pathOf } from './http.ts';

/** Services and settings, best first. @param env Only of this environment. */
export function search(q: string, env: string, limit: number, signal?: AbortSignal): Promise<SearchResults> {
  return get(pathOf(['search'], { q, env, limit }), signal);
}
