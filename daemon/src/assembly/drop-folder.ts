/** The folder in which plain secrets are put down to be encrypted. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watch } from 'chokidar';
import { listDrops, openDrop } from '../adapters/data/drop-files.ts';
import { Attention } from '../attention.ts';
import { DropKeeper } from '../drop/drop-keeper.ts';
import { parseDrop } from '../drop/parse-drop.ts';
import type { SecretsDesk } from '../editing/secrets-desk.ts';
import type { Audit } from '../ports.ts';
import type { Context } from './context.ts';

/** Events get lost, and some file systems have none. */
const pollMs = 2_000;

export async function openDropFolder(
  { folder, clock, log, problems, scope, fatal }: Context,
  desk: SecretsDesk,
  audit: Audit,
): Promise<void> {
  const path = join(folder.path, 'drop');
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  let timer: NodeJS.Timeout | null = null;
  const keeper = new DropKeeper({
    folder: { list: () => listDrops(path), open: openDrop, parse: parseDrop },
    ...{ desk, audit, clock, log, attention: new Attention(problems, log) },
    later(ms) {
      if (timer !== null) clearTimeout(timer);
      timer = setTimeout(look, ms).unref();
    },
  });
  let isClosed = false;
  function look(): void {
    if (!isClosed) void keeper.look().catch(fatal);
  }
  const poll = setInterval(look, pollMs).unref();
  const watcher = watch(path, { depth: 1, ignoreInitial: true, followSymlinks: false });
  watcher.on('all', look);
  watcher.on('error', (error) =>
    log.warn({ err: error }, 'the drop folder cannot be watched; it is looked at every two seconds'),
  );
  scope.defer(async () => {
    isClosed = true;
    clearInterval(poll);
    if (timer !== null) clearTimeout(timer);
    await watcher.close();
    await keeper.idle();
  });
  look();
}
