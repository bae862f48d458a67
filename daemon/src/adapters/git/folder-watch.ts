import { type FSWatcher, watch } from 'node:fs';

export interface FolderWatchHandlers {
  /** Something in the folder changed; `name` is the entry, `null` where the system does not say. */
  readonly onEvent: (name: string | null) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * The system's own events of one folder. chokidar reads a folder again at each of them, which costs a commit more than a
 * millisecond of processor time just when it should be published; nothing here needs to know what else is in the folder.
 */
export class FolderWatch {
  readonly #handlers: FolderWatchHandlers;
  #watcher: FSWatcher | null = null;

  constructor(handlers: FolderWatchHandlers) {
    this.#handlers = handlers;
  }

  /** Watches `folder` from now on, and nothing else. A folder that is gone meanwhile is not an error. */
  follow(folder: string): void {
    this.close();
    try {
      const watcher = watch(folder, { persistent: true }, (_event, name) => this.#handlers.onEvent(name));
      watcher.on('error', (error) => {
        if (this.#watcher === watcher) this.#handlers.onError(error);
      });
      this.#watcher = watcher;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#handlers.onError(error);
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}
