import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { readDaemonFile } from '../adapters/data/daemon-file.ts';
import type { DataFolder } from '../adapters/data/data-folder.ts';
import type { CliContext } from './context.ts';
import { openDaemon } from './daemon-api.ts';

/** Ten thousand messages are signed and acknowledged meanwhile. */
const timeoutMs = 120_000;

/**
 * Lets the running daemon of a data folder take over changed keys.
 * @returns False when none runs: it takes them over when it starts.
 * @throws HeadwaterError when it runs and could not be told; the change itself is made.
 */
export async function tellDaemonOfKeys(folder: DataFolder, context: CliContext): Promise<boolean> {
  const daemon = await readDaemonFile(folder.path);
  if (daemon?.state !== 'running') return false;
  try {
    const api = await openDaemon({ data: folder.path }, context);
    await api.send('POST', '/api/v1/keys/reload', {}, { timeoutMs });
    return true;
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    throw new HeadwaterError(error.code, {
      message: `the keys are changed, but the daemon did not take them over: ${error.message}`,
      hint: `Restart it. ${error.hint ?? ''}`.trim(),
      details: error.details,
      cause: error,
    });
  }
}
