import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';

/** Tokens and shared secrets are one short line. */
const maxBytes = 4096;

/**
 * Reads a secret that a person or a secret manager put into a file: one line, without the line end. Call it before every use, so
 * that a renewed one counts at once. A link is followed, because managers swap files by links; what it leads to is checked.
 * @throws HeadwaterError `HW_SECRET_FILE`, naming the file and never its content.
 */
export async function readSecretFile(path: string): Promise<string> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe in its place would hold this call for ever.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw bad(
      path,
      `cannot be read: ${code ?? 'unknown error'}`,
      'Put the secret there, readable by the user that runs the daemon.',
    );
  }
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw bad(path, 'is not a regular file', 'Put the secret there as one line of text.');
    const uid = process.getuid?.();
    if (uid !== undefined && info.uid !== uid && info.uid !== 0)
      throw bad(path, 'belongs to another user of this machine', 'Give it to the user that runs the daemon.');
    if (process.platform !== 'win32' && (info.mode & 0o077) !== 0) {
      const mode = (info.mode & 0o777).toString(8);
      throw bad(
        path,
        `is open to other users of this machine (mode ${mode}, expected 600)`,
        `Close it: chmod 600 '${path}'. If somebody may have read it, replace the secret.`,
      );
    }
    if (info.size > maxBytes)
      throw bad(path, `has ${info.size} bytes, expected one line`, 'Is this the right file?');
    return oneLine(path, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

function oneLine(path: string, content: string): string {
  const text = content.replace(/\r?\n$/, '');
  if (text === '') throw bad(path, 'is empty', 'Put the secret there as one line of text.');
  if (!/[\p{Cc}\uFFFD]/u.test(text)) return text;
  throw bad(path, 'holds more than one line of text', 'Put nothing but the secret there.');
}

function bad(path: string, what: string, hint: string): HeadwaterError {
  return new HeadwaterError('HW_SECRET_FILE', {
    message: `the secret file ${path} ${what}`,
    hint,
    details: { path },
  });
}
