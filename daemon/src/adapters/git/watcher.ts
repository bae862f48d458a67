/**
 * Follows one ref. Events of the file system only say "look again": they get lost on some file systems, come twice, come late.
 * What is reported is always a fresh read, and a slow poll finds what no event told.
 */
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { CommitId, RefStore, RefWatcher } from '../../ports.ts';
import { FolderWatch } from './folder-watch.ts';
import type { GitRepository } from './open-repository.ts';
import { refPath } from './ref-files.ts';

export interface RefWatcherOptions {
  /** Time between reads without any event, milliseconds. Default 250. */
  readonly pollMs?: number;
  /** `false` polls only, for file systems without events. Default true. */
  readonly useEvents?: boolean;
  /** Told when the ref cannot be read (once per reason) and when events stop working. */
  readonly log?: (message: string, error: unknown) => void;
}

/** After an event: a writer that does not rename shows its value a moment later, and events may be lost. */
const lookAgainMs = [5, 60];

export function createRefWatcher(
  repo: GitRepository,
  refs: RefStore,
  ref: string,
  options: RefWatcherOptions = {},
): RefWatcher {
  const pollMs = options.pollMs ?? 250;
  /** Where the ref's own file lies: every commit shows here first, so it is watched without detours. */
  const ownFolder = dirname(refPath(repo, ref));
  const log = options.log ?? (() => {});
  let report: (tip: CommitId | null) => void = () => {};
  let last: CommitId | null | undefined;
  let complaint = '';
  let events: FSWatcher | null = null;
  let watched = new Map<string, string>();
  let poll: NodeJS.Timeout | undefined;
  let timers: NodeJS.Timeout[] = [];
  let hints = 0;
  let running: Promise<void> | null = null;
  let runAgain = false;
  let closed = false;

  const look = async () => {
    let tip: CommitId | null;
    try {
      tip = await refs.read(ref);
      complaint = '';
    } catch (error) {
      // The ref stays what it was: a broken file or disk must not look like a branch that went away.
      const text = String(error);
      if (text !== complaint) log('cannot read the followed branch', error);
      complaint = text;
      return;
    }
    if (closed || tip === last) return;
    last = tip;
    report(tip);
  };

  /** One look at a time; a hint during a look makes another one. */
  const check = (): Promise<void> => {
    if (running !== null) {
      runAgain = true;
      return running;
    }
    running = (async () => {
      try {
        do {
          runAgain = false;
          await look();
        } while (runAgain && !closed);
      } finally {
        running = null;
      }
    })();
    return running;
  };

  const hint = () => {
    if (closed || ++hints > 1) return;
    // At once: what the commit sets in motion begins before anything else that waits in this turn of the loop.
    void check();
    // One commit makes several events in the same turn; they are worth one more look together.
    setImmediate(() => {
      const again = hints > 1;
      hints = 0;
      if (closed) return;
      for (const timer of timers) clearTimeout(timer);
      timers = lookAgainMs.map((ms) => setTimeout(check, ms));
      if (again) void check();
      followFolders();
    });
  };

  const onRawEvent = (name: string | null) => {
    // A lock announces that the ref is about to move; by the time its event is here it often has.
    if (name?.endsWith('.lock')) void check();
    else hint();
  };

  const stopEvents = (error: unknown) => {
    log('file events do not work here, polling only', error);
    const broken = events;
    events = null;
    own.close();
    void broken?.close();
  };

  const own = new FolderWatch({ onEvent: onRawEvent, onError: stopEvents });

  /** The branch's folders come and go: git removes empty ones when it packs refs. */
  const followFolders = () => {
    if (events === null) return;
    const now = new Map<string, string>();
    for (const folder of foldersOf(repo, ref)) {
      const stat = statSync(folder, { throwIfNoEntry: false });
      if (stat !== undefined) now.set(folder, `${stat.ino} ${stat.birthtimeMs}`);
    }
    // Made anew under its old name, a folder is not the one that is watched.
    for (const [folder, identity] of watched)
      if (folder !== ownFolder && now.get(folder) !== identity) events.unwatch(folder);
    for (const [folder, identity] of now) {
      if (watched.get(folder) === identity) continue;
      if (folder === ownFolder) own.follow(folder);
      else events?.add(folder);
    }
    if (!now.has(ownFolder)) own.close();
    watched = now;
  };

  /** Resolves when file events are on their way; what moves before that is found by the look after it. */
  const startEvents = async () => {
    const folders = new Set(foldersOf(repo, ref));
    folders.delete(ownFolder);
    const started = watch([], {
      // Folders only: their events name the files in them, and no file needs a handle of its own.
      ignored: (path) => !folders.has(path),
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
    });
    events = started;
    started.on('raw', (_event, path) => onRawEvent(basename(String(path))));
    await new Promise<void>((resolve) => {
      started.once('ready', resolve);
      started.on('error', (error) => {
        stopEvents(error);
        resolve();
      });
      followFolders();
    });
  };

  return {
    async start(onTip) {
      report = onTip;
      if (options.useEvents !== false) await startEvents();
      poll = setInterval(() => {
        followFolders();
        void check();
      }, pollMs);
      await check();
    },

    // Before the start nobody would hear what it finds, and it would be taken for told.
    look: () => (poll === undefined || closed ? Promise.resolve() : check()),

    async close() {
      closed = true;
      clearInterval(poll);
      for (const timer of timers) clearTimeout(timer);
      const stopping = events;
      events = null;
      own.close();
      await Promise.all([stopping?.close(), running]);
    },
  };
}

/** From the git folder down to the folder of the ref's file, and the shared folder with packed-refs. */
function foldersOf(repo: GitRepository, ref: string): string[] {
  const folders = new Set([repo.gitDir, repo.commonDir]);
  for (
    let folder = dirname(refPath(repo, ref));
    folder.length > repo.commonDir.length;
    folder = dirname(folder)
  ) {
    folders.add(folder);
  }
  return [...folders];
}
