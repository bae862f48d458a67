/** A daemon for tests of the HTTP API: two environments, two services, and tokens by name. Not part of the program. */
import { randomBytes } from 'node:crypto';
import type { EditResult } from '@headwater/schemas/http';
import { HeadwaterError, type Health, type JsonObject } from '@headwater/schemas/protocol';
import type { FastifyInstance } from 'fastify';
import type { TokenRecord } from '../access.ts';
import { buildServer, type ServerDeps } from '../http/server.ts';
import { LiveEvents } from '../live-events.ts';
import { createLog } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { Sight } from '../timeline/history.ts';
import type { DaemonView, EnvironmentView, ServiceView } from '../view.ts';
import { createFakeAudit, type FakeAudit } from './fake-audit.ts';
import { createFakeRewrites, type FakeRewrites } from './fake-rewrites.ts';

export const commit = 'a1'.repeat(20);
export const tipCommit = 'b2'.repeat(20);

/** What the fake daemon serves; tests change it. */
export interface FakeState {
  config: JsonObject;
  clients: number;
  health: Health;
  /** Thrown by `view.service`. */
  failure: unknown;
  /** What the history and the editor were asked. */
  asked: object[];
  /** Outcome of every edit, unless it is refused. */
  edit: EditResult;
  refusal: HeadwaterError | null;
  readonly rewrites: FakeRewrites;
  readonly audit: FakeAudit;
}

export interface FakeDaemon {
  readonly app: FastifyInstance;
  readonly events: LiveEvents;
  readonly state: FakeState;
  /** Everything logged so far. */
  readonly log: string[];
  /** Moves the monotonic clock. */
  advance(ms: number): void;
  token(name: keyof typeof people): string;
  revoke(name: keyof typeof people): void;
}

const record = (id: string, more: Partial<TokenRecord>): TokenRecord => ({
  id,
  role: 'viewer',
  name: id,
  env: '*',
  service: '*',
  createdAt: '2026-01-01T00:00:00.000Z',
  ...more,
});

export const people = {
  admin: record('aaaaaaaaaaa1', { role: 'admin' }),
  devAdmin: record('aaaaaaaaaaa7', { role: 'admin', env: 'dev' }),
  viewer: record('aaaaaaaaaaa2', {}),
  devViewer: record('aaaaaaaaaaa3', { env: 'dev', service: 'st*' }),
  devEditor: record('aaaaaaaaaaa8', { role: 'editor', env: 'dev', service: 'st*' }),
  service: record('aaaaaaaaaaa4', { role: 'service', env: 'dev', service: 'stt' }),
  starService: record('aaaaaaaaaaa5', { role: 'service', env: '*', service: '*' }),
} as const;

/** Opens one session of an admin. */
export const loginToken = `hw_bbbbbbbbbbb1_${'L'.repeat(43)}`;

export const tokenOf = (id: string): string => `hw_${id}_${'S'.repeat(43)}`;

/**
 * @param web Folder with a built web editor. Default: none is built.
 * @param more What the server is given besides.
 */
export function fakeDaemon(
  hosts: readonly string[] = [],
  web = '/nonexistent',
  more: Partial<ServerDeps> = {},
): FakeDaemon {
  const state: FakeState = {
    config: { vad_threshold: 0.5 },
    clients: 0,
    health: healthyState(),
    failure: null,
    asked: [],
    edit: {
      epoch: { era: 1, seq: 8, commit: tipCommit },
      commit: tipCommit,
      changed: true,
      applied: {},
      merged: false,
    },
    refusal: null,
    rewrites: createFakeRewrites(),
    audit: createFakeAudit(),
  };
  let time = 0;
  const clock: Clock = { now: () => time, monotonic: () => time };
  const events = new LiveEvents();
  const log: string[] = [];
  const sessions = new Map<string, string>();
  const logins = new Map([[loginToken, record('aaaaaaaaaaa6', { role: 'admin', use: 'session' })]]);
  const tokens = new Map<string, TokenRecord>(Object.values(people).map((one) => [tokenOf(one.id), one]));
  const app = buildServer({
    view: fakeView(state),
    tokens: {
      verify: (token) => tokens.get(token) ?? null,
      find: (id) => tokens.get(tokenOf(id)) ?? null,
      async redeem(token) {
        const login = logins.get(token) ?? null;
        logins.delete(token);
        if (login) tokens.set(tokenOf(login.id), login);
        return login;
      },
    },
    sessions: {
      lifetimeMs: 60_000,
      find: (secret) => sessions.get(secret) ?? null,
      async open(tokenId) {
        const secret = randomBytes(32).toString('base64url');
        sessions.set(secret, tokenId);
        return secret;
      },
      close: async (secret) => void sessions.delete(secret),
    },
    log: createLog({ stream: { write: (line) => log.push(line) }, format: 'json', level: 'debug' }),
    clock,
    hosts,
    web,
    events,
    history: fakeHistory(state),
    edits: fakeEdits(state),
    rewrites: state.rewrites,
    audit: state.audit,
    ...more,
  });
  return {
    app,
    events,
    state,
    log,
    advance: (ms) => {
      time += ms;
    },
    token: (name) => tokenOf(people[name].id),
    revoke: (name) => void tokens.delete(tokenOf(people[name].id)),
  };
}

/** Takes down what it is asked; services are stt and tts in dev, and stt in prod. */
function fakeEdits(state: FakeState): NonNullable<ServerDeps['edits']> {
  const nothing = { changes: [], problems: [], warnings: [], conflicts: [], reach: [], protected: [] };
  return {
    environmentsOf(service, layer) {
      const present = new Map([
        ['stt', ['dev', 'prod']],
        ['tts', ['dev']],
      ]).get(service);
      return (present ?? []).filter((env) => layer === 'base' || env === layer);
    },
    async commit(request) {
      state.asked.push(request);
      if (state.refusal) throw state.refusal;
      return state.edit;
    },
    async preview(request) {
      state.asked.push(request);
      return { ...nothing, merged: false };
    },
  };
}

/** Answers with what it was asked, so that tests see what reaches it. */
function fakeHistory(state: FakeState): ServerDeps['history'] {
  const asked = async (what: object): Promise<never> => {
    state.asked.push(what);
    throw new HeadwaterError('HW_NOT_FOUND', { message: 'the fake has no history' });
  };
  const seenBy = (sight: Sight) => ({
    everything: sight.everything,
    sttInDev: sight.service('dev', 'stt'),
    ttsInDev: sight.service('dev', 'tts'),
    sttInProd: sight.service('prod', 'stt'),
  });
  return {
    epochs: (filter, sight) => asked({ filter, ...seenBy(sight) }),
    epoch: (commit, sight) => asked({ commit, ...seenBy(sight) }),
    compare: (from, to, sight) => asked({ from, to, ...seenBy(sight) }),
    ofService: (query) => asked(query),
  };
}

function fakeView(state: FakeState): DaemonView {
  const epoch = { era: 1, seq: 7, commit };
  const live: Readonly<Record<string, readonly string[]>> = { dev: ['stt', 'tts'], prod: ['stt'] };
  const view = (env: string, service: string): ServiceView => ({
    service,
    env,
    epoch,
    tipEpoch: { era: 1, seq: 8, commit: tipCommit },
    schema: { type: 'object' },
    layers: { base: state.config },
    config: state.config,
    origins: { '/vad_threshold': 'base' },
    secrets: { '/api_key': { set: true } },
    clients: Array.from({ length: state.clients }, (_, i) => ({
      v: 1,
      clientId: `${env}.${service}.host-${i}`,
      instance: `host-${i}`,
      service,
      env,
      epoch,
      digest: null,
      state: 'live',
      restartPending: [],
      envOverrides: [],
      envInvalid: [],
      version: '0.1.0',
      at: '2026-01-01T00:00:00.000Z',
    })),
  });
  const held = (service: string) => ({
    service,
    since: tipCommit,
    code: 'HW_CONFIG_INVALID',
    message: `${service} is not valid`,
    hint: 'Fix it.',
  });
  const environment = (env: string): EnvironmentView => ({
    env,
    epoch,
    status: 'degraded',
    tip: { commit: tipCommit, seq: 8 },
    held: [held('tts'), held('stt')],
    heldTotal: 2,
    policy: { protected: false, review: 'headwater', signedCommits: 'off' },
    warnings: [],
  });
  return {
    deployment: 'tars',
    health: () => state.health,
    environments: () => Object.keys(live),
    environment: (env) => (Object.hasOwn(live, env) ? environment(env) : null),
    services: (env) =>
      (live[env] ?? []).map((service) => ({
        service,
        folder: `services/${service}`,
        epoch,
        digest: 'sha256:00',
        tags: [],
        held: false,
        clients: 0,
      })),
    service: async (env, service) => {
      if (state.failure !== null) throw state.failure;
      return live[env]?.includes(service) ? view(env, service) : null;
    },
  };
}

function healthyState(): Health {
  return {
    v: 1,
    ok: true,
    daemonId: 'daemon-1',
    deployment: 'tars',
    version: '0.1.0',
    at: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.000Z',
    environments: { dev: { epoch: { era: 1, seq: 7, commit }, status: 'ok', heldTotal: 0 } },
    broker: { connected: true, kind: 'embedded' },
    repo: { branch: 'main', tip: commit },
    problems: [],
  };
}
