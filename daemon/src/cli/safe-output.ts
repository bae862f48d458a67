/** Credentials must not get into a repository by accident: where a command may write them. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from './context.ts';
import { runGit } from './run-git.ts';

/** `$XDG_CONFIG_HOME/headwater/<deployment>`, by default below `~/.config`. */
export function credentialsFolder({ env, home }: CliContext, deployment: string): string {
  return join(configHome(env, home), 'headwater', deployment);
}

export function configHome(env: CliContext['env'], home: string): string {
  const given = env.XDG_CONFIG_HOME;
  // The standard says to ignore a relative one.
  return given?.startsWith('/') ? given : join(home, '.config');
}

/**
 * Refuses files inside a git work tree, unless git ignores every one of them and tracks none.
 * @throws HeadwaterError `HW_UNSAFE_OUTPUT`.
 */
export async function refuseTrackedPlace(
  folder: string,
  names: readonly string[],
  context: CliContext,
): Promise<void> {
  const real = await realPlace(folder);
  const workTree = await workTreeAround(real);
  if (workTree === null) return;
  for (const name of names) {
    const file = join(real, name);
    const tracked = await runGit(workTree, ['ls-files', '--error-unmatch', '--', file], context);
    const ignored = await runGit(workTree, ['check-ignore', '--quiet', '--', file], context);
    if (tracked.ok || !ignored.ok) throw unsafe(file, workTree, tracked.ok);
  }
}

function unsafe(file: string, workTree: string, isTracked: boolean): HeadwaterError {
  return new HeadwaterError('HW_UNSAFE_OUTPUT', {
    message: isTracked
      ? `${file} is tracked by the git repository ${workTree}: credentials would be committed`
      : `${file} lies in the git repository ${workTree}, and git does not ignore it: credentials could be committed`,
    hint: 'Write them elsewhere with --out DIR, or let git ignore that folder first.',
    details: { file, workTree },
  });
}

/** The folder with links resolved, as far as it exists already. */
async function realPlace(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const parent = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw error;
    return join(await realPlace(parent), basename(folder));
  }
}

async function workTreeAround(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const isThere = await stat(join(at, '.git')).then(
      () => true,
      () => false, // missing or not readable: then git could not use it either
    );
    if (isThere) return at;
    if (dirname(at) === at) return null;
  }
}
