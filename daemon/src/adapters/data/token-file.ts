import { type BigIntStats, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HeadwaterError, isObject, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import { isRole, type TokenRecord } from '../../access.ts';
import { writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';

/** A token as the file holds it. */
export interface StoredToken extends TokenRecord {
  /** SHA-256 of the secret, 64 hex digits. */
  readonly hash: string;
}

/** What was read, and the state of the file it was read from. */
export interface TokenFile {
  readonly tokens: ReadonlyMap<string, StoredToken>;
  /** False before the first token was ever made. */
  readonly exists: boolean;
  /** Changes whenever the file may have changed. */
  readonly stamp: string;
}

export function tokenFilePath(folder: DataFolder): string {
  return join(folder.path, 'tokens.json');
}

/** Cheap enough (some microseconds) to ask before every decision. */
export function tokenFileStamp(path: string): string {
  const info: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false });
  return info === undefined ? 'none' : [info.ino, info.size, info.mtimeNs, info.ctimeNs].join(' ');
}

/** @throws HeadwaterError `HW_TOKEN_FILE` for anything that is not exactly what this program writes. */
export function readTokenFile(path: string): TokenFile {
  // The stamp first: a file replaced in between is then read once more, never missed.
  const stamp = tokenFileStamp(path);
  if (stamp === 'none') return { tokens: new Map(), exists: false, stamp };
  let value: JsonValue;
  try {
    value = parseJsonBytes(readFileSync(path));
  } catch (cause) {
    throw damaged(path, cause instanceof HeadwaterError ? cause.message : 'it cannot be read', cause);
  }
  if (!isObject(value) || value.headwater !== 1 || !Array.isArray(value.tokens)) {
    throw damaged(path, 'expected {"headwater": 1, "tokens": […]}');
  }
  const tokens = new Map<string, StoredToken>();
  for (const [index, item] of value.tokens.entries()) {
    if (!isStoredToken(item) || tokens.has(item.id)) throw damaged(path, `entry ${index} is not a token`);
    tokens.set(item.id, item);
  }
  return { tokens, exists: true, stamp };
}

/** @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function writeTokenFile(path: string, tokens: Iterable<StoredToken>): Promise<void> {
  const text = `${JSON.stringify({ headwater: 1, tokens: [...tokens] }, null, 2)}\n`;
  await writeFileDurably(path, Buffer.from(text), { mode: 0o600 });
}

function isStoredToken(value: unknown): value is StoredToken {
  if (!isObject(value)) return false;
  const { id, hash, role, name, env, service, createdAt, expiresAt, revokedAt, use } = value;
  const isTime = (time: unknown) => typeof time === 'string' && !Number.isNaN(Date.parse(time));
  return (
    typeof id === 'string' &&
    /^[a-z0-9]{12}$/.test(id) &&
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash) &&
    isRole(role) &&
    typeof name === 'string' &&
    isScope(env) &&
    isScope(service) &&
    isTime(createdAt) &&
    (expiresAt === undefined || isTime(expiresAt)) &&
    (revokedAt === undefined || isTime(revokedAt)) &&
    (use === undefined || use === 'login' || use === 'session')
  );
}

export const isScope = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9*-]{1,64}$/.test(value);

function damaged(path: string, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('HW_TOKEN_FILE', {
    message: `the token file ${path} is damaged: ${reason}`,
    hint: 'Until it is repaired no token is accepted. Put it back from a backup, or move it away and make new tokens.',
    ...(cause === undefined ? {} : { cause }),
  });
}
