/** Runs the installed git on behalf of the person at the keyboard: their settings, their hooks, their identity. */
import { type ExecFileException, execFile } from 'node:child_process';
import type { CliContext } from './context.ts';

export interface GitResult {
  readonly ok: boolean;
  /** Exit code; `null` when git could not be run or was ended by a signal. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never throws for a git that fails or is not there: see `ok`. */
export function runGit(folder: string, args: readonly string[], { env }: CliContext): Promise<GitResult> {
  return new Promise((resolve) => {
    execFile(
      'git',
      // Names of files are names, never patterns; check-ignore takes nothing else and refuses the switch.
      args[0] === 'check-ignore' ? [...args] : ['--literal-pathspecs', ...args],
      { cwd: folder, env: withoutPlace(env), maxBuffer: 16 * 1024 * 1024, encoding: 'utf8' },
      (error, stdout, stderr) => resolve({ ok: error === null, exit: exitOf(error), stdout, stderr }),
    );
  });
}

function exitOf(error: ExecFileException | null): number | null {
  if (error === null) return 0;
  return typeof error.code === 'number' ? error.code : null;
}

/** Inside a git hook these variables point at another repository than the folder does. */
function withoutPlace(env: CliContext['env']): NodeJS.ProcessEnv {
  const {
    GIT_DIR: _d,
    GIT_WORK_TREE: _w,
    GIT_INDEX_FILE: _i,
    GIT_PREFIX: _p,
    GIT_COMMON_DIR: _c,
    ...rest
  } = env;
  return { ...rest, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' };
}
