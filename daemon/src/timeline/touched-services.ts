import { classifyPath } from '../core/layout.ts';
import type { TreeChange } from '../ports.ts';

/** Whom changed paths may concern: services by name, and folders whose shared values changed. */
export interface TouchedByPaths {
  /** The settings of the repository changed: everything may have. */
  readonly all: boolean;
  readonly services: ReadonlySet<string>;
  /** Folders of changed shared files; services below them may be concerned. */
  readonly sharedFolders: ReadonlySet<string>;
}

/** Read from the paths alone, so it costs nothing; which services really changed only judging tells. */
export function touchedByPaths(changes: readonly TreeChange[]): TouchedByPaths {
  const services = new Set<string>();
  const sharedFolders = new Set<string>();
  let all = false;
  for (const { path } of changes) {
    const role = classifyPath(path);
    if (role.kind === 'settings') all = true;
    else if (role.kind === 'shared') sharedFolders.add(role.folder);
    else if ('service' in role && role.service !== undefined) services.add(role.service);
  }
  return { all, services, sharedFolders };
}

/** True when changes of these paths may concern a service in a folder. */
export function mayConcern(touched: TouchedByPaths, service: string, folder: string): boolean {
  if (touched.all || touched.services.has(service)) return true;
  for (const shared of touched.sharedFolders) if (folder.startsWith(`${shared}/`)) return true;
  return false;
}
