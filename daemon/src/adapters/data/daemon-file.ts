import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonValue } from '@headwater/schemas/protocol';
import { removeQuietly, writeFileDurably } from '../git/durable-fs.ts';
import { isOwnerDead, ownerTag } from '../git/owner-tag.ts';

/** How a command on the same machine finds the daemon: `<data>/daemon.json`. */
export interface DaemonInfo {
  readonly pid: number;
  /** `http://127.0.0.1:7070` */
  readonly http: string;
  /** `mqtt://127.0.0.1:7071` */
  readonly mqtt: string;
  /** Address of the hosted repository for `git clone`, `null` when there is none. */
  readonly git: string | null;
  readonly deployment: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** `stale`: the daemon that wrote it died without removing it. */
export interface DaemonFile extends DaemonInfo {
  readonly state: 'running' | 'stale';
}

/** @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function writeDaemonFile(data: string, info: DaemonInfo): Promise<void> {
  // A process id alone may be somebody else's by the time it is read.
  const text = `${JSON.stringify({ ...info, owner: ownerTag() }, null, 2)}\n`;
  await writeFileDurably(fileIn(data), Buffer.from(text), { mode: 0o600 });
}

/** `null` when there is no such file or it is not readable as one: then no daemon is known. */
export async function readDaemonFile(data: string): Promise<DaemonFile | null> {
  const found = await readRaw(data);
  if (found === null) return null;
  const { owner, ...info } = found;
  return { ...info, state: isOwnerDead(owner) ? 'stale' : 'running' };
}

/** Removes the file if this process wrote it or its writer is dead; another daemon's stays. */
export async function removeDaemonFile(data: string): Promise<void> {
  const found = await readRaw(data);
  if (found !== null && found.owner !== ownerTag() && !isOwnerDead(found.owner)) return;
  await removeQuietly(fileIn(data));
}

const fileIn = (data: string): string => join(data, 'daemon.json');

async function readRaw(data: string): Promise<(DaemonInfo & { readonly owner: string }) | null> {
  let value: JsonValue;
  try {
    value = JSON.parse(await readFile(fileIn(data), 'utf8')) as JsonValue;
  } catch {
    // Missing, unreadable or damaged: it only says where a daemon is, and the next start writes it anew.
    return null;
  }
  if (!isObject(value)) return null;
  const { pid, http, mqtt, git, deployment, startedAt, owner } = value;
  if (typeof pid !== 'number' || typeof http !== 'string' || typeof mqtt !== 'string') return null;
  if (typeof deployment !== 'string' || typeof startedAt !== 'string' || typeof owner !== 'string')
    return null;
  return { pid, http, mqtt, git: typeof git === 'string' ? git : null, deployment, startedAt, owner };
}
