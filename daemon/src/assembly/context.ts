import type { DataFolder } from '../adapters/data/data-folder.ts';
import type { DaemonConfig } from '../config.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { Problems } from '../problems.ts';
import type { Scope } from './scope.ts';

/** What every part is opened with. */
export interface Context {
  readonly config: DaemonConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly folder: DataFolder;
  /** What waits for a person; parts report into it. */
  readonly problems: Problems;
  readonly scope: Scope;
  /** A bug was met: the daemon stops, because nothing may go on as if nothing had happened. */
  readonly fatal: (error: unknown) => void;
}
