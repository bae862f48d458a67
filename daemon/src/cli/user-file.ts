import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from './context.ts';

/**
 * Reads a file that the person named on the command line.
 * @throws HeadwaterError `HW_USAGE` when it cannot be read or is larger than `maxBytes`.
 */
export async function readUserFile(
  { cwd }: CliContext,
  path: string,
  maxBytes = 1024 * 1024,
): Promise<Uint8Array> {
  const file = resolve(cwd, path);
  try {
    const { size } = await stat(file);
    if (size <= maxBytes) return await readFile(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const reason = reasons[code] ?? `it cannot be read (${code})`;
    throw new HeadwaterError('HW_USAGE', {
      message: `${path}: ${reason}`,
      hint: 'Check the path.',
      cause,
    });
  }
  throw new HeadwaterError('HW_USAGE', {
    message: `${path} is larger than ${Math.round(maxBytes / 1024)} KiB`,
    hint: 'Give another file.',
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, expected a file',
  EACCES: 'this user may not read it',
};
