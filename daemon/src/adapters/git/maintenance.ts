/**
 * Keeps a repository that nobody else tidies up fast: every commit and every push leaves objects in files of their own. Native git does
 * the work, in a process of its own, with low priority; reading and writing go on all the while.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { spawnGit } from './git-process.ts';
import { outcome } from './git-records.ts';
import type { GitRepository } from './open-repository.ts';

export interface Maintenance {
  /** Looks now and then from here on. */
  start(): void;
  /** Tidies up if that is worth it. @returns True when it was. */
  runIfNeeded(): Promise<boolean>;
  /** Ends what runs; the repository is whole at any moment. */
  close(): Promise<void>;
}

export interface MaintenanceOptions {
  readonly log: Log;
  /** True while a push is under way: it may rely on an object that nothing else names. */
  readonly isBusy: () => boolean;
  /** Middle of the time between two looks, in milliseconds; each is drawn anew from half to one and a half of it. Default 20 min. */
  readonly everyMs?: number;
  /** Loose objects from which it is worth it. Default 2000, about 300 commits. */
  readonly looseObjects?: number;
  /** Packs from which it is worth it: every read may have to look into each. Default 20. */
  readonly packs?: number;
}

/** What nothing names is kept this long: an object may be written a moment before the commit that names it. */
const keepUnnamed = '2.weeks.ago';

export function createMaintenance(repo: GitRepository, options: MaintenanceOptions): Maintenance {
  const { log, isBusy, everyMs = 20 * 60_000, looseObjects = 2000, packs = 20 } = options;
  const objects = join(repo.commonDir, 'objects');
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let running: { readonly kill: () => void; readonly done: Promise<void> } | null = null;

  async function runIfNeeded(): Promise<boolean> {
    if (isClosed || running !== null || isBusy()) return false;
    await removeAbandoned(objects);
    const [loose, packed] = [await countLoose(objects), await countPacks(objects)];
    if (loose < looseObjects && packed < packs) return false;
    const startedAt = performance.now();
    const child = spawnGit(repo, [
      ...['-c', 'gc.auto=0', '-c', 'pack.threads=1', '-c', 'gc.autoDetach=false'],
      ...['gc', '--quiet', `--prune=${keepUnnamed}`],
    ]);
    yieldToOthers(child.pid);
    child.stdin.end();
    child.stdout.resume();
    const done = outcome(child, 'HEAD');
    running = { kill: () => child.kill(), done: done.catch(() => {}) };
    try {
      await done;
      log.info(
        { loose, packs: packed, ms: Math.round(performance.now() - startedAt) },
        'repository tidied up',
      );
    } catch (error) {
      // Reading goes on as before; the next look tries again.
      if (!isClosed) log.warn({ err: error }, 'repository could not be tidied up');
    } finally {
      running = null;
    }
    return true;
  }

  function schedule(): void {
    // Several daemons that started together must not all tidy up together.
    timer = setTimeout(
      () => void runIfNeeded().catch(report).finally(again),
      everyMs * (0.5 + Math.random()),
    );
    timer.unref();
  }
  const again = () => {
    if (!isClosed) schedule();
  };
  const report = (error: unknown) => log.warn({ err: error }, 'repository could not be tidied up');

  return {
    start: schedule,
    runIfNeeded,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      running?.kill();
      await running?.done;
    },
  };
}

/** git leaves the objects of a push that was broken off where they are; no push takes this long. */
const abandonedMs = 6 * 60 * 60_000;

async function removeAbandoned(objects: string): Promise<void> {
  for (const name of await readdir(objects)) {
    if (!name.startsWith('tmp_objdir-')) continue;
    const folder = join(objects, name);
    const info = await stat(folder).catch(() => null); // taken in or removed in the meantime
    if (info !== null && Date.now() - info.mtimeMs > abandonedMs)
      await rm(folder, { recursive: true, force: true });
  }
}

/** As git guesses it: names of objects are spread evenly, so one folder of 256 tells of all. */
async function countLoose(objects: string): Promise<number> {
  const names = await readdir(join(objects, '17')).catch(none);
  return names.length * 256;
}

async function countPacks(objects: string): Promise<number> {
  const names = await readdir(join(objects, 'pack')).catch(none);
  return names.filter((name) => name.endsWith('.pack')).length;
}

function none(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It ended already, or the system does not let us: then it runs like anybody else.
  }
}
