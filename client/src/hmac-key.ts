import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { readWhole } from './durable-file.ts';

const keyBytes = 32;

/** The key that seals LKG files on this host: 32 random bytes, mode 0600, made on first use. */
export function readOrMakeHmacKey(path: string): Uint8Array {
  const existing = readWhole(path, 4096);
  if (existing?.length === keyBytes) return new Uint8Array(existing);
  // A key of another length was damaged. Its files stay readable: signatures say more than the seal.
  if (existing) renameSync(path, `${path}.damaged`);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, randomBytes(keyBytes));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // A link fails when the name exists, like O_EXCL, and the key appears under it whole or not at all.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
  const made = readWhole(path, 4096);
  if (made?.length !== keyBytes) throw new Error(`the HMAC key at ${path} cannot be read back`);
  return new Uint8Array(made);
}
