/** Who may see what: roles and scopes as data, so that the token store, the HTTP API and the broker judge alike. */

/** Roles of people, each allowed at least what the one before it is. */
export const PEOPLE_ROLES = ['viewer', 'editor', 'approver', 'operator', 'admin'] as const;

export type PeopleRole = (typeof PEOPLE_ROLES)[number];

/** `service`: a running service; MQTT for its own topics and its own config over HTTP, nothing else. */
export type Role = PeopleRole | 'service';

/** A token without its secret. */
export interface TokenRecord {
  /** The middle part of `hw_<id>_<secret>`; not secret. */
  readonly id: string;
  readonly role: Role;
  /** Who or what holds it, for people to read. */
  readonly name: string;
  /** Environment it is for. People: a name in which `*` stands for any characters. Services: one exact name. */
  readonly env: string;
  /** Service it is for, written as `env`. */
  readonly service: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339; absent = never. */
  readonly expiresAt?: string;
  /** RFC 3339. */
  readonly revokedAt?: string;
  /** `login`: opens one browser session and counts for nothing else. `session`: such a session. Default: a token of its own. */
  readonly use?: TokenUse;
}

export type TokenUse = 'login' | 'session';

export function isRole(value: unknown): value is Role {
  return value === 'service' || (PEOPLE_ROLES as readonly unknown[]).includes(value);
}

/** True for a person with at least this role; a service has no role among people. */
export function hasRole(record: TokenRecord, atLeast: PeopleRole): boolean {
  if (record.role === 'service') return false;
  return PEOPLE_ROLES.indexOf(record.role) >= PEOPLE_ROLES.indexOf(atLeast);
}

/** True when the token reaches into this environment. */
export function coversEnvironment(record: TokenRecord, env: string): boolean {
  return covers(record, record.env, env);
}

/** True when the token reaches this service in this environment. */
export function coversService(record: TokenRecord, env: string, service: string): boolean {
  return covers(record, record.env, env) && covers(record, record.service, service);
}

/** True when the token is limited to no environment and no service. */
export function coversEverything(record: TokenRecord): boolean {
  return record.role !== 'service' && record.env === '*' && record.service === '*';
}

/** A service's scope is a name, not a pattern, so a `*` that got into its record opens nothing. */
function covers(record: TokenRecord, pattern: string, name: string): boolean {
  return record.role === 'service' ? pattern === name : matchesGlob(pattern, name);
}

/** `*` stands for any characters. Steps back only to the last `*`, so the cost is bounded by the product of the lengths. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      retry = i;
    } else if (pattern[at] === text[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++retry;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
