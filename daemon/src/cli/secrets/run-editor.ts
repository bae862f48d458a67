import { spawn } from 'node:child_process';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from '../context.ts';

/**
 * Opens a file in the person's editor and waits until they are done.
 * @param folder Where the editor's own temporary files go.
 * @throws HeadwaterError `HW_USAGE` when it cannot be started, or ends with an error: then what it left is not to be taken.
 */
export async function runEditor(
  path: string,
  folder: string,
  { env, cwd, signal }: CliContext,
): Promise<void> {
  const editor = env.SOPS_EDITOR || env.VISUAL || env.EDITOR || 'vi';
  // Through a shell, as git does: an editor may come with options ("code --wait").
  const child = spawn('/bin/sh', ['-c', `${editor} "$@"`, 'editor', path], {
    cwd,
    env: { ...env, TMPDIR: folder },
    stdio: 'inherit',
  });
  const stop = () => void child.kill('SIGTERM');
  // Somebody who listens keeps Ctrl-C from ending this process before the file is wiped.
  signal.addEventListener('abort', stop);
  try {
    const outcome = await new Promise<string | null>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      child.once('exit', (code, killedBy) =>
        resolve(code === 0 ? null : `it ended with ${killedBy ?? code}`),
      );
    });
    if (signal.aborted) throw failed('stopped by you');
    if (outcome !== null) throw failed(outcome);
  } finally {
    signal.removeEventListener('abort', stop);
  }

  function failed(reason: string): HeadwaterError {
    return new HeadwaterError('HW_USAGE', {
      message: `the editor "${editor}" was not done: ${reason}; nothing was changed`,
      hint: 'Set EDITOR to an editor that waits until you close the file: EDITOR="code --wait".',
    });
  }
}
