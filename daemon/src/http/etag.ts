import { createHash } from 'node:crypto';
import type { ServiceView } from '../view.ts';

/** Names what an edit starts from: the commit, and what of the document the caller saw. Quotes included. */
export function etagOf(commit: string, body: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  return `"${commit}.${hash.slice(0, 16)}"`;
}

/** `If-None-Match` (RFC 9110 §13.1.2): weak comparison, a list or `*`. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

/** A service as the API shows it, without its clients: they come and go, and no edit starts from them. */
export function documentOf({
  service,
  env,
  epoch,
  schema,
  layers,
  config,
  origins,
  secrets,
  held,
}: ServiceView) {
  return {
    service,
    env,
    epoch,
    schema,
    layers,
    config,
    origins,
    secrets,
    ...(held === undefined ? {} : { held }),
  };
}

/** Tag of a service's document: what `If-Match` of an edit names. */
export function etagOfService(view: ServiceView): string {
  return etagOf(view.tipEpoch.commit, documentOf(view));
}
