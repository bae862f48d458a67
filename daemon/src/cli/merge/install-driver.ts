/** Makes git use the merge driver: an attribute in the repository names it, a line of git config in every clone says how to run it. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from '../context.ts';
import { clean } from '../output.ts';
import { runGit } from '../run-git.ts';

export const attributesPath = '.gitattributes';

/** Committed with the repository. Where the driver is not set up, git merges lines as ever. */
export const attributesText = `# Settings merge by key, whatever lines they stand on. Once per clone: headwater merge-driver --install
*.json merge=headwater
`;

/** Git config of a clone, by key. */
export function driverConfig(context: CliContext): ReadonlyMap<string, string> {
  return new Map([
    ['merge.headwater.name', 'settings by key, secrets by pointer (headwater merge-driver)'],
    ['merge.headwater.driver', `${program(context)} merge-driver %O %A %B %P`],
  ]);
}

/**
 * Writes the git config of the clone that holds `folder`.
 * @returns Whether its `.gitattributes` name the driver for settings.
 * @throws HeadwaterError `HW_WORK_TREE` when this is no git repository.
 */
export async function installDriver(
  folder: string,
  context: CliContext,
): Promise<{ readonly isNamed: boolean }> {
  for (const [key, value] of driverConfig(context)) {
    const ran = await runGit(folder, ['config', '--local', key, value], context);
    if (ran.ok) continue;
    throw new HeadwaterError('HW_WORK_TREE', {
      message: `git config failed: ${clean(ran.stderr.trim()) || 'git is not installed'}`,
      hint: 'Run the command inside a clone of the config repository.',
    });
  }
  const { stdout } = await runGit(folder, ['check-attr', 'merge', '--', 'services/any/config.json'], context);
  return { isNamed: /: merge: headwater\s*$/.test(stdout) };
}

/** `headwater` where a shell finds it; else this very program, for a checkout that is on nobody's path. */
function program({ env }: CliContext): string {
  const isFound = (env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && isProgram(join(folder, 'headwater')));
  if (isFound) return 'headwater';
  const own = fileURLToPath(new URL('../../../bin/headwater.js', import.meta.url));
  return `node '${own.replaceAll("'", "'\\''")}'`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
