import type { ServiceDocument, ServiceList } from '@headwater/schemas/http';
import { ask, get, pathOf } from './http.ts';

export function listServices(env: string, signal?: AbortSignal): Promise<ServiceList> {
  return get(pathOf(['services'], { env }), signal);
}

/** A service with the tag that an edit of it must name (`If-Match`). */
export interface TaggedService {
  readonly document: ServiceDocument;
  readonly etag: string;
}

export async function readService(
  env: string,
  service: string,
  signal?: AbortSignal,
): Promise<TaggedService> {
  const { body, headers } = await ask<ServiceDocument>(pathOf(['services', service], { env }), { signal });
  return { document: body, etag: headers.get('etag') ?? '' };
}
