/** What `connect` needs, from three places: options, `HEADWATER_*` variables, the connection file; the first that says it wins. */

import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  defaultPrefix,
  HeadwaterError,
  INSTANCE_PATTERN,
  parseName,
  parsePublicKey,
} from '@headwater/schemas/protocol';
import { readConnectionFile } from './connection-file.ts';
import { consoleLog } from './console-log.ts';
import { didYouMean } from './did-you-mean.ts';
import {
  type ConnectOptions,
  defaultFirstConfigTimeoutMs,
  type ResolvedOptions,
  type ServiceSchema,
} from './options.ts';

const connectionFields = [
  'deployment',
  'env',
  'service',
  'instance',
  'broker',
  'ca',
  'token',
  'trust',
  'keys',
  'identityFile',
  'cacheDir',
  'stateDir',
  'prefix',
] as const;
const otherOptions = [
  'connection',
  'schema',
  'firstConfigTimeoutMs',
  'onStart',
  'crypto',
  'log',
  'environment',
] as const;

/**
 * @throws HeadwaterError `HW_OPTIONS_INVALID`, `HW_CONNECTION_FILE`, `HW_NAME_INVALID`, `HW_NAME_RESERVED`, `HW_NO_TRUST`,
 *   `HW_KEY_INVALID`.
 */
export function resolveOptions(options: ConnectOptions<never>): ResolvedOptions {
  refuseUnknown(Object.keys(options), [...connectionFields, ...otherOptions], 'option');
  const environment = options.environment ?? process.env;
  const path = options.connection ?? environment.HEADWATER_CONNECTION;
  const file = path === undefined ? {} : readConnectionFile(path, connectionFields);
  const pick = (name: (typeof connectionFields)[number]): unknown =>
    options[name] ?? environment[variableOf(name)] ?? file[name];
  const text = (name: (typeof connectionFields)[number]): string | undefined => {
    const value = pick(name);
    if (value === undefined || (typeof value === 'string' && value !== ''))
      return value as string | undefined;
    return invalid(`"${name}" must be text`, `Give ${name} as a string.`);
  };
  const required = (name: 'broker' | 'token'): string => text(name) ?? missing(name);
  const schema = (options.schema as ServiceSchema | undefined) ?? null;
  const stateHome = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  const cacheDir = text('cacheDir') ?? join(stateHome, 'headwater');
  const base = path === undefined ? '.' : dirname(path);
  const deployment = parseName(pick('deployment') ?? missing('deployment'), 'deployment');
  const service = parseName(pick('service') ?? schema?.service ?? missing('service'), 'service');
  if (schema && schema.service !== service) {
    invalid(
      `the schema is of service "${schema.service}", the connection of "${service}"`,
      'Use the connection file and the schema module of the same service.',
    );
  }
  return Object.freeze({
    target: { deployment, service, env: parseName(pick('env') ?? missing('env'), 'environment') },
    instance: instanceName(text('instance')),
    broker: parseBroker(required('broker')),
    ca: text('ca') === undefined ? undefined : readCa(text('ca') as string, base),
    token: required('token'),
    trust: parseTrust(pick('trust')),
    keys: text('keys') ?? null,
    identityFile: text('identityFile') === undefined ? null : resolve(base, text('identityFile') as string),
    cacheDir: resolve(cacheDir),
    stateDir: resolve(text('stateDir') ?? join(stateHome, 'headwater')),
    prefix: text('prefix') ?? defaultPrefix(deployment),
    schema,
    firstConfigTimeoutMs: parseTimeout(
      options.firstConfigTimeoutMs ?? environment.HEADWATER_FIRST_CONFIG_TIMEOUT_MS,
    ),
    onStart: parseOnStart(options.onStart ?? environment.HEADWATER_ON_START, schema),
    crypto:
      parseChoice('crypto', options.crypto ?? environment.HEADWATER_CRYPTO, ['node', 'noble']) ?? 'node',
    log: options.log === undefined ? consoleLog : options.log,
    environment,
  });
}

/** `cacheDir` -> `HEADWATER_CACHE_DIR`. */
function variableOf(name: string): string {
  return `HEADWATER_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function refuseUnknown(given: readonly string[], known: readonly string[], what: string): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const guess = didYouMean(unknown, known);
  invalid(
    `there is no ${what} "${unknown}"`,
    guess ? `Did you mean "${guess}"?` : `Known: ${known.join(', ')}.`,
  );
}

function instanceName(given: string | undefined): string {
  if (given === undefined) {
    const host =
      hostname()
        .replaceAll(/[^A-Za-z0-9_-]/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 48) || 'host';
    return `${host}-${Math.random().toString(36).slice(2, 6).padEnd(4, '0')}`;
  }
  if (INSTANCE_PATTERN.test(given)) return given;
  return invalid(
    `"${given}" cannot name an instance`,
    'Use letters, digits, "_" and "-", 64 characters at most, starting with a letter or digit.',
  );
}

function parseBroker(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isKnown = url?.protocol === 'mqtt:' || url?.protocol === 'mqtts:';
  if (url && isKnown && url.hostname !== '' && url.username === '' && url.password === '') return text;
  return invalid(
    'the broker address is not one this client can use',
    'Write mqtt://host:port, or mqtts://host:port for TLS; the token is a setting of its own.',
  );
}

function readCa(text: string, base: string): string {
  if (text.includes('-----BEGIN')) return text;
  const path = resolve(base, text);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new HeadwaterError('HW_OPTIONS_INVALID', {
      message: `"ca" is neither PEM text nor a file that can be read: ${path}`,
      hint: 'Give the PEM text of the authority, or the path of a file that holds it.',
      cause,
    });
  }
}

function parseTrust(value: unknown): readonly string[] {
  const keys = typeof value === 'string' ? value.split(/[\s,]+/).filter((key) => key !== '') : value;
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new HeadwaterError('HW_NO_TRUST', {
      message: 'no root key is trusted, so no config can be verified',
      hint: 'Use the connection file that `headwater enroll` writes; its "trust" lists the root keys of the deployment.',
    });
  }
  for (const key of keys) parsePublicKey(key);
  return keys;
}

function parseTimeout(value: number | string | undefined): number {
  if (value === undefined) return defaultFirstConfigTimeoutMs;
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0 && number <= 2 ** 31 - 1) return number;
  return invalid('"firstConfigTimeoutMs" must be a number of milliseconds', 'For example 10000.');
}

function parseOnStart(value: string | undefined, schema: ServiceSchema | null): 'fail' | 'defaults' {
  const choice = parseChoice('onStart', value, ['fail', 'defaults']) ?? 'fail';
  if (choice === 'defaults' && schema === null) {
    invalid(
      'onStart "defaults" needs a schema to take them from',
      'Pass the schema module that `headwater typegen` writes.',
    );
  }
  return choice;
}

function parseChoice<C extends string>(
  name: string,
  value: string | undefined,
  choices: readonly C[],
): C | undefined {
  if (value === undefined || choices.includes(value as C)) return value as C | undefined;
  return invalid(`"${name}" is "${value}", expected ${choices.join(' or ')}`, `Set ${name} to one of these.`);
}

function missing(name: string): never {
  return invalid(
    `"${name}" is missing`,
    `It usually comes from the connection file: pass connection: '<service>.<env>.connection.json', or set ${variableOf(name)}.`,
  );
}

function invalid(message: string, hint: string): never {
  throw new HeadwaterError('HW_OPTIONS_INVALID', { message, hint });
}
