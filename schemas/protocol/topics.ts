/**
 * MQTT topic names. Spec: contract of the wire, `docs/protocol.md` §5. Names inside are checked at the edge (`parseName`), so
 * formatting trusts them; parsing trusts nothing.
 */
import { isName } from './names.ts';

/** Topics of one service in one environment. */
export interface ServiceTopics {
  readonly snapshot: string;
  readonly diff: string;
  readonly schema: string;
}

/** What a topic is about. */
export type TopicTarget =
  | { readonly kind: 'keys' }
  | { readonly kind: 'epoch'; readonly env: string }
  | { readonly kind: 'snapshot' | 'diff' | 'schema'; readonly env: string; readonly service: string }
  | { readonly kind: 'receipt'; readonly env: string; readonly service: string; readonly clientId: string }
  | { readonly kind: 'health'; readonly daemonId: string };

/** Default prefix of all topics of a deployment. */
export function defaultPrefix(deployment: string): string {
  return `headwater/${deployment}`;
}

export const keysTopic = (prefix: string): string => `${prefix}/keys`;
export const epochTopic = (prefix: string, env: string): string => `${prefix}/${env}/epoch`;
export const healthTopic = (prefix: string, daemonId: string): string =>
  `${prefix}/daemons/${daemonId}/health`;

export function serviceTopics(prefix: string, env: string, service: string): ServiceTopics {
  const root = `${prefix}/${env}/services/${service}`;
  return { snapshot: `${root}/snapshot`, diff: `${root}/diff`, schema: `${root}/schema` };
}

export function receiptTopic(prefix: string, env: string, service: string, clientId: string): string {
  return `${prefix}/${env}/services/${service}/clients/${clientId}`;
}

/** Filter that matches the receipts of every service of an environment; for the daemon only. */
export const receiptFilter = (prefix: string, env: string): string => `${prefix}/${env}/services/+/clients/+`;

/** MQTT user name of a service. */
export const serviceUser = (env: string, service: string): string => `${env}/${service}`;

/** MQTT client id of one instance of a service. */
export const clientIdOf = (env: string, service: string, instance: string): string =>
  `${env}.${service}.${instance}`;

/** Shape of an instance name, the last field of a client id, and of a daemon's id. */
export const INSTANCE_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Splits a client id into its three fields, or `null` when it is not one. Fields are compared whole, never as a prefix. */
export function parseClientId(text: string): { env: string; service: string; instance: string } | null {
  const fields = text.split('.');
  const [env, service, instance] = fields;
  if (fields.length !== 3 || env === undefined || service === undefined || instance === undefined)
    return null;
  return isName(env) && isName(service) && INSTANCE_PATTERN.test(instance)
    ? { env, service, instance }
    : null;
}

/** Says what an exact topic is about, or `null` when it is none of ours. */
export function parseTopic(prefix: string, topic: string): TopicTarget | null {
  if (!topic.startsWith(`${prefix}/`)) return null;
  const parts = topic.slice(prefix.length + 1).split('/');
  const [a, b, c, d, e] = parts;
  if (parts.length === 1) return a === 'keys' ? { kind: 'keys' } : null;
  if (parts.length === 2)
    return b === 'epoch' && isName(a as string) ? { kind: 'epoch', env: a as string } : null;
  if (a === 'daemons' && parts.length === 3 && c === 'health')
    return INSTANCE_PATTERN.test(b as string) ? { kind: 'health', daemonId: b as string } : null;
  if (b !== 'services' || !isName(a as string) || !isName(c as string)) return null;
  const target = { env: a as string, service: c as string };
  if (parts.length === 4 && (d === 'snapshot' || d === 'diff' || d === 'schema'))
    return { kind: d, ...target };
  if (parts.length === 5 && d === 'clients' && e) return { kind: 'receipt', ...target, clientId: e };
  return null;
}
