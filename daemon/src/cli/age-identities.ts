import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { type Identity, parseIdentityFile } from '../secrets/age/identity.ts';
import type { CliContext } from './context.ts';

/**
 * The person's age identities, from where the `sops` command takes them: `SOPS_AGE_KEY`, the file that `SOPS_AGE_KEY_FILE` names, and
 * `sops/age/keys.txt` in the folder for settings.
 * @throws HeadwaterError `HW_KEY_FILE` when one of them cannot be used. None at all is an empty list.
 */
export async function findAgeIdentities({ env, home, cwd }: CliContext): Promise<readonly Identity[]> {
  const texts: string[] = [];
  if (env.SOPS_AGE_KEY) texts.push(env.SOPS_AGE_KEY);
  if (env.SOPS_AGE_KEY_FILE) texts.push(await read(resolve(cwd, env.SOPS_AGE_KEY_FILE), 'SOPS_AGE_KEY_FILE'));
  const folders = [env.XDG_CONFIG_HOME || join(home, '.config'), join(home, 'Library/Application Support')];
  for (const folder of folders) texts.push(await read(join(folder, 'sops/age/keys.txt'), null));
  return texts.filter((text) => text.trim() !== '').flatMap(parseIdentityFile);
}

/** @param asked What named the file; without one it need not exist. */
async function read(file: string, asked: string | null): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (asked === null && (cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new HeadwaterError('HW_KEY_FILE', {
      message: `${asked ?? 'the identity file'}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      hint: 'Give the file that age-keygen wrote, readable by you alone.',
      cause,
    });
  }
}
