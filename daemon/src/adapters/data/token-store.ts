/**
 * Tokens `hw_<id>_<secret>` in `<data>/tokens.json`, which holds hashes only. The daemon and commands beside it may write at the
 * same time; each reads the file anew as soon as it changed, so a revocation by a command reaches the daemon with its next decision.
 */
import { join } from 'node:path';
import { HeadwaterError, parseName } from '@headwater/schemas/protocol';
import { isRole, PEOPLE_ROLES, type Role, type TokenRecord, type TokenUse } from '../../access.ts';
import type { Clock } from '../../ports.ts';
import { writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { takeOwnerLock } from './owner-lock.ts';
import { formatToken, hashOf, matchesHash, newToken, parseToken } from './token.ts';
import {
  isScope,
  readTokenFile,
  type StoredToken,
  type TokenFile,
  tokenFilePath,
  tokenFileStamp,
  writeTokenFile,
} from './token-file.ts';

/** A person's token ends after 90 days unless asked otherwise. */
export const defaultLifetimeMs = 90 * 24 * 60 * 60 * 1000;

/** Another process writes for a few milliseconds. */
const lockWaitMs = 5000;

export interface NewToken {
  readonly role: Role;
  /** Who or what will hold it; up to 100 printable characters. */
  readonly name: string;
  /** People: name or pattern with `*`, default `*`. Services: the exact name, required. */
  readonly env?: string;
  readonly service?: string;
  /** Milliseconds from now. Default 90 days for people, none for services. */
  readonly expiresInMs?: number;
  /** Default: a token of its own. */
  readonly use?: TokenUse;
}

export interface CreatedToken {
  /** The only time the whole token is shown. */
  readonly token: string;
  readonly record: TokenRecord;
}

export interface TokenStore {
  /** @throws HeadwaterError `HW_USAGE`, `HW_NAME_*`, `HW_TOKEN_FILE`, `HW_DATA_IN_USE`, `HW_STORAGE_FAILED`. */
  create(request: NewToken): Promise<CreatedToken>;
  /** The token's record while it counts, else `null`. Constant time; `null` for everything while the file is damaged. */
  verify(token: string): TokenRecord | null;
  /** The record of a token that counts, by its id: for a session that was opened with it. `null` as `verify`. */
  find(id: string): TokenRecord | null;
  /**
   * Uses up a login token: it counts no more, and a record for the session it opens takes its place, with its role and scope.
   * @returns `null` when it is no login token that counts. @throws as `create`.
   */
  redeem(token: string, sessionMs: number): Promise<TokenRecord | null>;
  /** Every token ever made, revoked and expired ones too; of logins and sessions only those that count. @throws HeadwaterError `HW_TOKEN_FILE`. */
  list(): readonly TokenRecord[];
  /** Revokes for good; revoking twice is fine. @throws HeadwaterError `HW_NOT_FOUND`, and as `create`. */
  revoke(id: string): Promise<TokenRecord>;
  /**
   * First run (no token file): makes an admin token and writes it to `<data>/admin-token`.
   * @returns Path of that file and whether this call made it. @throws as `create`.
   */
  ensureAdminToken(): Promise<{ readonly path: string; readonly created: boolean }>;
  /**
   * Reports ids of tokens that stopped counting (revoked, removed or expired) within `pollMs` (default 1000 ms), whoever did it.
   * While the file is damaged nothing is reported: new connections are refused, open ones stay.
   * @returns Stops watching.
   */
  watchRevocations(onGone: (ids: readonly string[]) => void, pollMs?: number): () => void;
}

/** The part of the logger used here. */
export interface TokenLog {
  error(fields: object, message: string): void;
}

/** Opens the tokens of a data folder; a missing file means there are none. Never throws for a damaged file, see `verify`. */
export async function openTokenStore(
  folder: DataFolder,
  clock: Clock,
  log: TokenLog = { error: () => {} },
): Promise<TokenStore> {
  const path = tokenFilePath(folder);
  const cache = createCache(path, log);
  const counts = (token: StoredToken) =>
    token.revokedAt === undefined &&
    (token.expiresAt === undefined || Date.parse(token.expiresAt) > clock.now());

  async function change<T>(
    decide: (file: TokenFile) => Promise<{ tokens: StoredToken[]; result: T }>,
  ): Promise<T> {
    const lock = await takeOwnerLock(folder.lockDir('tokens'), lockWaitMs);
    if (!('release' in lock)) throw busy(path, lock.pid);
    try {
      const { tokens, result } = await decide(readTokenFile(path));
      // Logins and sessions come and go daily; what they did is in the log.
      await writeTokenFile(
        path,
        tokens.filter((token) => token.use === undefined || counts(token)),
      );
      return result;
    } finally {
      await lock.release();
    }
  }

  /** The stored token that this text is, whatever it is for. */
  const match = (text: string): StoredToken | null => {
    const token = parseToken(text);
    if (token === null) return null;
    const stored = cache.current()?.tokens.get(token.id);
    const matches = matchesHash(token.secret, stored?.hash ?? null);
    return matches && stored !== undefined && counts(stored) ? stored : null;
  };

  return {
    create: (request) =>
      change(async (file) => {
        const made = makeToken(request, clock);
        return { tokens: [...file.tokens.values(), made.stored], result: made.created };
      }),
    verify(text) {
      const stored = match(text);
      return stored !== null && stored.use === undefined ? withoutHash(stored) : null;
    },
    find(id) {
      const stored = cache.current()?.tokens.get(id);
      return stored !== undefined && stored.use !== 'login' && counts(stored) ? withoutHash(stored) : null;
    },
    redeem: (text, sessionMs) =>
      change(async (file) => {
        const found = match(text);
        // Looked up again under the lock: of two that come with the same link one is second.
        const login = found?.use === 'login' ? file.tokens.get(found.id) : undefined;
        if (login === undefined || !counts(login)) return { tokens: [...file.tokens.values()], result: null };
        const { role, name, env, service } = login;
        const made = makeToken({ role, name, env, service, expiresInMs: sessionMs, use: 'session' }, clock);
        const others = [...file.tokens.values()].filter(({ id }) => id !== login.id);
        return { tokens: [...others, made.stored], result: made.created.record };
      }),
    list: () => [...readTokenFile(path).tokens.values()].map(withoutHash),
    revoke: (id) =>
      change(async (file) => {
        const stored = file.tokens.get(id);
        if (stored === undefined) throw unknownToken(id);
        const revoked = { ...stored, revokedAt: stored.revokedAt ?? new Date(clock.now()).toISOString() };
        const tokens = [...file.tokens.values()].map((one) => (one.id === id ? revoked : one));
        return { tokens, result: withoutHash(revoked) };
      }),
    async ensureAdminToken() {
      const adminFile = join(folder.path, 'admin-token');
      if (readTokenFile(path).exists) return { path: adminFile, created: false };
      return change<{ path: string; created: boolean }>(async (file) => {
        const existing = [...file.tokens.values()];
        if (file.exists) return { tokens: existing, result: { path: adminFile, created: false } };
        const made = makeToken({ role: 'admin', name: 'first admin' }, clock);
        // The token first: if we die before its hash is stored, the next start finds no token file and replaces it.
        await writeFileDurably(adminFile, Buffer.from(`${made.created.token}\n`), { mode: 0o600 });
        return { tokens: [made.stored], result: { path: adminFile, created: true } };
      });
    },
    watchRevocations(onGone, pollMs = 1000) {
      const living = () => {
        const file = cache.current();
        return file === null ? null : new Set([...file.tokens.values()].filter(counts).map((one) => one.id));
      };
      let before = living() ?? new Set<string>();
      const timer = setInterval(() => {
        const now = living();
        if (now === null) return;
        const gone = [...before].filter((id) => !now.has(id));
        before = now;
        if (gone.length > 0) onGone(gone);
      }, pollMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** The file as it is now, read again only when it changed; `null` while it is damaged, which is logged once per state. */
function createCache(path: string, log: TokenLog): { current(): TokenFile | null } {
  let file: TokenFile | null = null;
  let stamp: string | null = null;
  return {
    current() {
      try {
        const seen = tokenFileStamp(path);
        if (seen === stamp) return file;
        stamp = seen;
        file = null;
        file = readTokenFile(path);
        stamp = file.stamp;
      } catch (error) {
        file = null;
        const code = error instanceof HeadwaterError ? error.code : (error as NodeJS.ErrnoException).code;
        log.error({ code, err: error }, 'token file cannot be used, no token is accepted');
      }
      return file;
    },
  };
}

function makeToken(request: NewToken, clock: Clock): { created: CreatedToken; stored: StoredToken } {
  const scope = checkScope(request);
  const lifetimeMs = request.expiresInMs ?? (request.role === 'service' ? undefined : defaultLifetimeMs);
  if (lifetimeMs !== undefined && !(lifetimeMs > 0 && lifetimeMs < 1e13)) {
    throw usage(`a token cannot expire in ${lifetimeMs} ms`, 'Give a time after now.');
  }
  const token = newToken();
  const now = clock.now();
  const record: TokenRecord = {
    id: token.id,
    role: request.role,
    name: request.name,
    ...scope,
    createdAt: new Date(now).toISOString(),
    ...(lifetimeMs === undefined ? {} : { expiresAt: new Date(now + lifetimeMs).toISOString() }),
    ...(request.use === undefined ? {} : { use: request.use }),
  };
  return {
    created: { token: formatToken(token), record },
    stored: { ...record, hash: hashOf(token.secret) },
  };
}

function checkScope(request: NewToken): { env: string; service: string } {
  if (!/^[^\p{Cc}\p{Cf}]{1,100}$/u.test(request.name)) {
    throw usage(
      'a token needs a name of 1 to 100 printable characters',
      'Say who will use it: --name "Ada, laptop".',
    );
  }
  if (!isRole(request.role))
    throw usage('there is no such role', `Roles: ${[...PEOPLE_ROLES, 'service'].join(', ')}.`);
  if (request.role === 'service') {
    return { env: parseName(request.env, 'environment'), service: parseName(request.service, 'service') };
  }
  const { env = '*', service = '*' } = request;
  for (const scope of [env, service]) {
    if (!isScope(scope)) {
      throw usage(
        `${JSON.stringify(scope)} is no name or pattern`,
        'Use a name; "*" stands for any characters.',
      );
    }
  }
  return { env, service };
}

function withoutHash({ hash: _, ...record }: StoredToken): TokenRecord {
  return record;
}

const usage = (message: string, hint: string) => new HeadwaterError('HW_USAGE', { message, hint });

function unknownToken(id: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    // What was typed may be a whole token.
    message: /^[a-z0-9]{12}$/.test(id)
      ? `there is no token ${id}`
      : 'a token id is 12 lower-case letters and digits',
    hint: 'List them with `headwater token list`. In hw_<id>_<secret> the id is the middle part.',
  });
}

function busy(path: string, pid: number): HeadwaterError {
  return new HeadwaterError('HW_DATA_IN_USE', {
    message: `process ${pid} has been writing ${path} for more than ${lockWaitMs} ms`,
    hint: 'Try again; if it hangs, stop that process.',
    details: { pid },
  });
}
