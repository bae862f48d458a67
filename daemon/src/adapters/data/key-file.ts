import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fromHex, HeadwaterError, toHex } from '@headwater/schemas/protocol';

/** Length of every private key here, in bytes. */
const keyBytes = 32;

/**
 * Reads a private key: 64 hex digits. Everything that makes it no secret is refused, before anything is signed with it.
 * @returns `null` when there is no such file.
 * @throws HeadwaterError `HW_KEY_FILE`, naming the file and never its content.
 */
export async function readKeyFile(path: string): Promise<Uint8Array | null> {
  const text = await readPrivateText(path, 1024);
  if (text === null) return null;
  const hex = text.trim().toLowerCase();
  if (!/^[0-9a-f]*$/.test(hex)) throw badKey(path, 'holds characters that are not hex digits', restoreHint);
  if (hex.length !== 2 * keyBytes) {
    throw badKey(path, `holds ${hex.length} hex digits, expected ${2 * keyBytes}`, restoreHint);
  }
  const key = fromHex(hex);
  if (isPlaceholder(key)) throw badKey(path, 'holds a placeholder that anyone can guess', restoreHint);
  return key;
}

/** Makes a new private key, on disk before it is used. @throws the system's error; also when the file exists already. */
export async function makeKeyFile(path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(`${toHex(randomBytes(keyBytes))}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function badKey(path: string, what: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_KEY_FILE', {
    message: `the key file ${path} ${what}`,
    hint,
    details: { path },
  });
}

/** A new key in place of a lost one would lock out every service that trusts the old one, so none is ever made for you. */
export const restoreHint =
  'Put the file back from a backup. Without one, start over with an empty data folder and enroll every service again.';

/**
 * Reads a file that nobody else on this machine may read.
 * @returns `null` when there is none.
 * @throws HeadwaterError `HW_KEY_FILE` when it is a link, no regular file, open to others or larger than `maxBytes`.
 */
export async function readPrivateText(path: string, maxBytes: number): Promise<string | null> {
  let handle: FileHandle;
  try {
    // A link could lead to a file that others may change.
    handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    const what = code === 'ELOOP' ? 'is a symbolic link' : `cannot be read: ${code ?? 'unknown error'}`;
    throw badKey(path, what, 'Put the key itself there, readable by the user that runs the daemon.');
  }
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw badKey(path, 'is not a regular file', restoreHint);
    if (process.platform !== 'win32' && (info.mode & 0o077) !== 0) {
      const mode = (info.mode & 0o777).toString(8);
      const files = join(dirname(path), `*${extname(path)}`);
      const hint = `Close it: chmod 600 '${files}'. If somebody may have read it, replace the key.`;
      throw badKey(path, `is open to other users of this machine (mode ${mode}, expected 600)`, hint);
    }
    if (info.size > maxBytes)
      throw badKey(path, `has ${info.size} bytes, expected ${maxBytes} at most`, restoreHint);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** One byte repeated, or bytes that count up: what people type when a program asks for 32 bytes. */
export function isPlaceholder(key: Uint8Array): boolean {
  const steps = new Set(key.subarray(1).map((byte, i) => byte - (key[i] as number)));
  return steps.size === 1 && (steps.has(0) || steps.has(1));
}
