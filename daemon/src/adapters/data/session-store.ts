/**
 * Sessions of browsers in `<data>/sessions.json`, which holds hashes only. A session borrows a token: it may what the token may, and
 * ends when the token does. It survives a restart of the daemon, so nobody is logged out by an update.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import type { Clock } from '../../ports.ts';
import { SerialQueue } from '../../serial-queue.ts';
import { writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';

/** A session ends after this time, and earlier when nobody used it for `sessionIdleMs`. */
export const sessionLifetimeMs = 7 * 24 * 60 * 60 * 1000;
export const sessionIdleMs = 24 * 60 * 60 * 1000;

/** More than people have browsers; the oldest makes room. */
const maxSessions = 1_000;

export interface SessionStore {
  /** Opens a session for a token. @returns The secret for the cookie. @throws HeadwaterError `HW_STORAGE_FAILED`. */
  open(tokenId: string): Promise<string>;
  /** Id of the token that the session borrows, or `null`. Counts as use. */
  find(secret: string): string | null;
  /** Ends a session; an unknown one is fine. @throws HeadwaterError `HW_STORAGE_FAILED`. */
  close(secret: string): Promise<void>;
}

interface StoredSession {
  /** SHA-256 of the secret, 64 hex digits. */
  readonly hash: string;
  readonly tokenId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Opens the sessions of a data folder. A damaged file is as good as none: everybody logs in again. */
export function openSessionStore(folder: DataFolder, clock: Clock): SessionStore {
  const path = join(folder.path, 'sessions.json');
  const sessions = new Map(readSessions(path).map((session) => [session.hash, session]));
  const usedAt = new Map<string, number>();
  const startedAt = clock.monotonic();
  const queue = new SerialQueue();

  const isOver = ({ hash, expiresAt }: StoredSession) =>
    expiresAt <= clock.now() || clock.monotonic() - (usedAt.get(hash) ?? startedAt) > sessionIdleMs;

  const save = () =>
    queue.run(() => {
      const living = [...sessions.values()].filter((session) => !isOver(session)).slice(-maxSessions);
      const gone = new Set(sessions.keys());
      for (const { hash } of living) gone.delete(hash);
      for (const hash of gone) {
        sessions.delete(hash);
        usedAt.delete(hash);
      }
      const text = `${JSON.stringify({ headwater: 1, sessions: [...sessions.values()] }, null, 2)}\n`;
      return writeFileDurably(path, Buffer.from(text), { mode: 0o600 });
    });

  return {
    async open(tokenId) {
      const secret = randomBytes(32).toString('base64url');
      const hash = hashOf(secret);
      sessions.set(hash, { hash, tokenId, expiresAt: clock.now() + sessionLifetimeMs });
      usedAt.set(hash, clock.monotonic());
      await save();
      return secret;
    },
    find(secret) {
      // Looked up by hash, so the time it takes says nothing about the secret.
      const session = sessions.get(hashOf(secret));
      if (session === undefined || isOver(session)) return null;
      usedAt.set(session.hash, clock.monotonic());
      return session.tokenId;
    },
    async close(secret) {
      if (sessions.delete(hashOf(secret))) await save();
    },
  };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function readSessions(path: string): StoredSession[] {
  if (!existsSync(path)) return [];
  let value: JsonValue;
  try {
    value = parseJsonBytes(readFileSync(path));
  } catch {
    return [];
  }
  return isObject(value) && Array.isArray(value.sessions) ? value.sessions.filter(isSession) : [];
}

function isSession(value: unknown): value is StoredSession {
  if (!isObject(value)) return false;
  const { hash, tokenId, expiresAt } = value;
  return (
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash) &&
    typeof tokenId === 'string' &&
    typeof expiresAt === 'number'
  );
}
