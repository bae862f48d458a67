/** Credentials that were replaced and still count for a while: `<data>/rotations.json`. Commands begin rotations, the daemon ends them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError, isObject, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import { writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { takeOwnerLock } from './owner-lock.ts';

export interface IdentityRotation {
  readonly service: string;
  readonly env: string;
  /** RFC 3339. */
  readonly since: string;
  readonly until: string;
  /** Public keys, `age1…`; `null` = there was no old one. */
  readonly oldRecipient: string | null;
  readonly newRecipient: string;
  /** Id of the token that goes with the old identity. */
  readonly oldToken: string | null;
  /** It shall end at once, whoever still uses the old ones. */
  readonly forced?: true;
}

export interface RotationStore {
  /** @throws HeadwaterError `HW_DATA_VERSION` when the file is damaged. */
  list(): Promise<readonly IdentityRotation[]>;
  /** Puts a list in the place of the one that is there, while nobody else does. */
  change(decide: (rotations: readonly IdentityRotation[]) => readonly IdentityRotation[]): Promise<void>;
}

const lockWaitMs = 5_000;

export function openRotationStore(folder: Pick<DataFolder, 'path' | 'lockDir'>): RotationStore {
  const path = join(folder.path, 'rotations.json');
  return {
    list: () => read(path),
    async change(decide) {
      const lock = await takeOwnerLock(folder.lockDir('rotations'), lockWaitMs);
      if (!('release' in lock)) {
        throw new HeadwaterError('HW_DATA_IN_USE', {
          message: `process ${lock.pid} has been writing ${path} for more than ${lockWaitMs} ms`,
          hint: 'Try again; if it hangs, stop that process.',
        });
      }
      try {
        const rotations = decide(await read(path));
        const text = `${JSON.stringify({ headwater: 1, rotations }, null, 2)}\n`;
        await writeFileDurably(path, Buffer.from(text), { mode: 0o600 });
      } finally {
        await lock.release();
      }
    },
  };
}

export const sameRotation = (a: IdentityRotation, b: IdentityRotation): boolean =>
  a.env === b.env && a.service === b.service && a.newRecipient === b.newRecipient;

async function read(path: string): Promise<readonly IdentityRotation[]> {
  let value: JsonValue;
  try {
    value = parseJsonBytes(await readFile(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw damaged(path, cause);
  }
  if (!isObject(value) || value.headwater !== 1 || !Array.isArray(value.rotations)) throw damaged(path, null);
  if (!value.rotations.every(isRotation)) throw damaged(path, null);
  return value.rotations as unknown as IdentityRotation[];
}

function isRotation(value: JsonValue): boolean {
  if (!isObject(value)) return false;
  const { service, env, since, until, oldRecipient, newRecipient, oldToken } = value;
  const isTime = (time: JsonValue | undefined) => typeof time === 'string' && !Number.isNaN(Date.parse(time));
  const isText = (text: JsonValue | undefined) => typeof text === 'string';
  return (
    [service, env, newRecipient].every(isText) &&
    [since, until].every(isTime) &&
    [oldRecipient, oldToken].every((text) => text === null || isText(text))
  );
}

function damaged(path: string, cause: unknown): HeadwaterError {
  return new HeadwaterError('HW_DATA_VERSION', {
    message: `${path} is damaged or of another version`,
    hint: 'Put it back from a backup, or remove it: then the old credentials of rotations under way go on counting until you revoke them.',
    ...(cause === null ? {} : { cause }),
  });
}
