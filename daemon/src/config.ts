/** Settings of `headwater serve`: options, then `HEADWATER_<OPTION>` variables, then defaults; checked once, then frozen. */
import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { readConfigFile } from './config/config-file.ts';
import type { RemoteSettings } from './config/remote-section.ts';
import { parseRepoSource, type RepoSource } from './config/repo-source.ts';
import type { WebhookSettings } from './config/webhooks-section.ts';
import { type HostPort, isLoopback, parseHostPort } from './host.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';

export type { RepoSource } from './config/repo-source.ts';

/** `embedded`: the daemon's own broker listens there. `outside`: it connects to one. */
export type BrokerSource =
  | { readonly kind: 'embedded'; readonly listen: HostPort }
  | {
      readonly kind: 'outside';
      /** `mqtt://host:port` or `mqtts://host:port`, without user and password. */
      readonly url: string;
      readonly username?: string;
      readonly password?: string;
    };

export interface DaemonConfig {
  /** Absolute. */
  readonly dataDir: string;
  readonly repo: RepoSource;
  readonly branch: string;
  /** How the host of a followed URL is talked to. */
  readonly remote: RemoteConfig;
  readonly webhooks: WebhookSettings;
  readonly http: HostPort;
  readonly broker: BrokerSource;
  readonly allowPlaintext: boolean;
  readonly logLevel: LogLevel;
  /** `undefined`: text on a terminal, else JSON. */
  readonly logFormat: LogFormat | undefined;
}

export interface RemoteConfig extends RemoteSettings {
  /** Token from the environment, or `user:token`. */
  readonly token?: string;
}

/** What the command line gave, as text. Each is also `HEADWATER_<OPTION>`: `allowPlaintext` is `HEADWATER_ALLOW_PLAINTEXT=1`. */
export interface ServeOptions {
  readonly data?: string;
  readonly repo?: string;
  readonly repoTokenFile?: string;
  readonly branch?: string;
  readonly http?: string;
  readonly mqtt?: string;
  readonly tls?: string;
  readonly allowPlaintext?: boolean;
  readonly config?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

export const serveDefaults = {
  branch: 'main',
  http: '127.0.0.1:7070',
  mqtt: '127.0.0.1:7071',
  logLevel: 'info',
} as const;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Settings of one daemon.
 * @throws HeadwaterError `HW_USAGE` for an option that cannot be read, `HW_INSECURE_LISTEN` and `HW_PLAINTEXT_BROKER` when tokens
 *   would cross a network unencrypted and nobody said so.
 */
export async function readDaemonConfig(options: ServeOptions, env: Variables): Promise<DaemonConfig> {
  const text = (name: Exclude<keyof ServeOptions, 'allowPlaintext'>): string | undefined =>
    nonEmpty(options[name]) ?? nonEmpty(env[variableOf(name)]);
  const data = text('data');
  if (data === undefined)
    throw usage('--data is missing', 'Say where the daemon keeps its files: --data DIR.');
  if (text('tls') !== undefined) {
    throw usage('--tls is not there yet', 'Put a TLS proxy in front, or listen on loopback only.');
  }
  const allowPlaintext = options.allowPlaintext ?? parseSwitch(env, 'allowPlaintext');
  const dataDir = resolve(data);
  const file = await readConfigFile(text('config'), dataDir);
  const repo = parseRepoSource(text('repo'));
  const http = parseHostPort(text('http') ?? serveDefaults.http, '--http');
  const broker = parseBroker(text('mqtt') ?? serveDefaults.mqtt);
  if (!allowPlaintext) refusePlaintext(http, broker, repo);
  return deepFreeze({
    dataDir,
    repo,
    branch: parseBranch(text('branch') ?? serveDefaults.branch),
    remote: remoteOf(file.remote, text('repoTokenFile'), nonEmpty(env.HEADWATER_REPO_TOKEN)),
    webhooks: file.webhooks,
    http,
    broker,
    allowPlaintext,
    logLevel: oneOf('logLevel', text('logLevel') ?? serveDefaults.logLevel, LOG_LEVELS),
    logFormat: logFormatOf(text('logFormat')),
  });
}

/** `allowPlaintext` -> `HEADWATER_ALLOW_PLAINTEXT`. */
function variableOf(option: string): string {
  return `HEADWATER_${option.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

function parseSwitch(env: Variables, option: string): boolean {
  const name = variableOf(option);
  const value = nonEmpty(env[name]);
  if (value === undefined || value === '0' || value === 'false') return false;
  if (value === '1' || value === 'true') return true;
  throw usage(`${name} is neither 1 nor 0`, `Write ${name}=1 to switch it on.`);
}

/** Of several credentials the one that was said closest to this start counts: option, variables, file. */
function remoteOf(
  settings: RemoteSettings,
  tokenFile: string | undefined,
  token: string | undefined,
): RemoteConfig {
  if (tokenFile === undefined && token === undefined) return settings;
  const { tokenFile: _file, credentialHelper: _helper, ...rest } = settings;
  if (tokenFile !== undefined) return { ...rest, tokenFile: resolve(tokenFile) };
  return { ...rest, ...(token === undefined ? {} : { token }) };
}

/** The rules of `git check-ref-format`, as far as they matter for one branch. */
function parseBranch(text: string): string {
  const isFine =
    /^(?![-/.])[^\p{Cc} ~^:?*[\\]{1,200}$/u.test(text) && !/\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[/.]$/.test(text);
  if (isFine && text !== '@') return text;
  throw usage(
    `--branch: ${JSON.stringify(text)} is not a branch name`,
    'Write it without refs/heads/: --branch main.',
  );
}

function parseBroker(text: string): BrokerSource {
  if (!text.includes('://')) return { kind: 'embedded', listen: parseHostPort(text, '--mqtt') };
  const url = URL.canParse(text) ? new URL(text) : null;
  const isBroker = url !== null && /^mqtts?:$/.test(url.protocol) && url.hostname !== '';
  if (!isBroker || !/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    // The text may hold a password.
    throw usage(
      '--mqtt is neither HOST:PORT nor a broker address',
      'Write mqtts://broker.example:8883, or mqtt://… on this machine only.',
    );
  }
  const port = url.port || (url.protocol === 'mqtts:' ? '8883' : '1883');
  return {
    kind: 'outside',
    url: `${url.protocol}//${url.hostname}:${port}`,
    ...(url.username === '' ? {} : { username: decoded(url.username) }),
    ...(url.password === '' ? {} : { password: decoded(url.password) }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not quoted: what the error would say is the password itself.
    throw usage('--mqtt: user and password are not URL-encoded', 'Write a % as %25 and an @ as %40.');
  }
}

function refusePlaintext(http: HostPort, broker: BrokerSource, repo: RepoSource): void {
  const listens = [
    { option: '--http', at: http },
    ...(broker.kind === 'embedded' ? [{ option: '--mqtt', at: broker.listen }] : []),
  ];
  for (const { option, at } of listens) {
    if (isLoopback(at.host)) continue;
    throw new HeadwaterError('HW_INSECURE_LISTEN', {
      message: `${option} ${at.host}:${at.port} is reachable from other machines, and tokens would cross the network unencrypted`,
      hint: `Listen on 127.0.0.1 behind a TLS proxy, or say --allow-plaintext if that network is trusted.`,
    });
  }
  if (
    broker.kind === 'outside' &&
    broker.url.startsWith('mqtt:') &&
    !isLoopback(new URL(broker.url).hostname)
  ) {
    throw new HeadwaterError('HW_PLAINTEXT_BROKER', {
      message: `${broker.url} is on another machine and not encrypted, so its password could be read on the way`,
      hint: 'Use mqtts://, or say --allow-plaintext if that network is trusted.',
    });
  }
  if (repo.kind === 'url' && repo.transport === 'http' && !isLoopback(new URL(repo.url).hostname)) {
    throw new HeadwaterError('HW_PLAINTEXT_REPO', {
      message: `${repo.url} is on another machine and not encrypted, so anybody on the way could change the config`,
      hint: 'Use https://, or say --allow-plaintext if that network is trusted.',
    });
  }
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  const flag = `--${option.replace(/[A-Z]/g, '-$&').toLowerCase()}`;
  throw usage(`${flag}: ${JSON.stringify(text)} is not one of ${allowed.join(', ')}`, 'Choose one of them.');
}

function logFormatOf(text: string | undefined): LogFormat | undefined {
  return text === undefined ? undefined : oneOf<LogFormat>('logFormat', text, ['text', 'json']);
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const usage = (message: string, hint: string): HeadwaterError =>
  new HeadwaterError('HW_USAGE', { message, hint });

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) deepFreeze(item);
  return Object.freeze(value);
}
