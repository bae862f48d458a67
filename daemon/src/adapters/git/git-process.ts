import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import type { Readable, Writable } from 'node:stream';

export type GitChild = ChildProcessByStdio<Writable, Readable, Readable>;

/** Where a child works: the git folder, and the program to run. */
export interface GitLocation {
  readonly gitDir: string;
  /** Reads objects from `dir`, then from `borrowed`, in place of the repository's own folder. */
  readonly objects?: { readonly dir: string; readonly borrowed: readonly string[] };
}

/**
 * Starts native git on a repository, without a shell. A repository's own settings cannot start a process, and neither the
 * caller's `GIT_*` variables nor the machine's git settings change what is read.
 */
export function spawnGit(location: GitLocation, args: readonly string[]): GitChild {
  const child = spawn('git', [...fixedArguments(location), ...args], {
    cwd: tmpdir(),
    env: { ...gitEnvironment(), ...objectFolders(location) },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  // A child that died before it read its input reports that through its exit; the broken pipe adds nothing.
  child.stdin.on('error', () => {});
  return child;
}

/** Version of the installed git ("2.39.5"), or `null` when there is none that can be run. */
export function nativeGitVersion(): string | null {
  try {
    const text = execFileSync('git', ['--version'], {
      env: gitEnvironment(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    });
    return /^git version (\d+(?:\.\d+)*)/.exec(text)?.[1] ?? null;
  } catch {
    // Not installed, or not runnable: everything also works without it.
    return null;
  }
}

/** What every git child gets, so that neither replacement refs nor hooks nor file monitors of the repository count. */
export function fixedArguments(location: GitLocation): string[] {
  return [
    // Naming the folder also keeps git from refusing a repository that another user owns.
    `--git-dir=${location.gitDir}`,
    // Replacement refs would answer for an object with the bytes of another one.
    '--no-replace-objects',
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'core.fsmonitor=false',
  ];
}

function objectFolders({ objects }: GitLocation): NodeJS.ProcessEnv {
  if (objects === undefined) return {};
  // git takes a colon for the end of a path, unless the path is quoted.
  const quoted = objects.borrowed.map((path) => `"${path.replaceAll(/["\\]/g, '\\$&')}"`);
  return { GIT_OBJECT_DIRECTORY: objects.dir, GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted.join(':') };
}

/** This process's variables without those that change what git does, and with those that keep it from asking or reaching out. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    // Ours may hold tokens: nothing that git runs needs them.
    if (value !== undefined && !/^(GIT_|HEADWATER_)/i.test(name)) kept[name] = value;
  }
  return {
    ...kept,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_GRAFT_FILE: '/dev/null',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
  };
}
