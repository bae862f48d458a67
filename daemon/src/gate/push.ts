/** What a hook asks about: one push, as it reached the repository. The hook writes it, see `adapters/gate/gate-hook.ts`. */
import type { CommitId } from '../ports.ts';

/** One ref that a push wants to move; `null` = it does not exist (before), or is to be deleted (after). */
export interface RefUpdate {
  readonly ref: string;
  readonly from: CommitId | null;
  readonly to: CommitId | null;
}

export interface Push {
  /** Folder of the repository in which the hook ran. */
  readonly repository: string;
  /** Folder with the objects that the push brought; `null` when it brought none. */
  readonly quarantine: string | null;
  /** Names a push over HTTP, see `PushTickets`; `null` for one that came another way. */
  readonly ticket: string | null;
  readonly updates: readonly RefUpdate[];
}

/** Text of a question -> what is asked, or `null` when it is not whole. */
export function parsePush(text: string): Push | null {
  const [version, repository, quarantine, ticket, ...rest] = text.split('\n');
  const end = rest.splice(-2);
  if (version !== 'headwater-push 1' || end.join('\n') !== 'end\n') return null;
  const paths = {
    repository: fieldOf('repository', repository),
    quarantine: fieldOf('quarantine', quarantine),
    ticket: fieldOf('ticket', ticket),
  };
  const updates = rest.map(parseUpdate);
  if (!paths.repository || paths.quarantine === null || paths.ticket === null) return null;
  if (updates.length === 0 || !updates.every((update) => update !== null)) return null;
  return {
    repository: paths.repository,
    quarantine: paths.quarantine || null,
    ticket: paths.ticket || null,
    updates,
  };
}

function fieldOf(name: string, line: string | undefined): string | null {
  return line?.startsWith(`${name} `) ? line.slice(name.length + 1) : null;
}

function parseUpdate(line: string): RefUpdate | null {
  const match = /^update ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (refs\/\S+)$/.exec(line);
  if (match === null) return null;
  const [, from = '', to = '', ref = ''] = match;
  return { ref, from: idOrNull(from), to: idOrNull(to) };
}

const idOrNull = (id: string): CommitId | null => (/^0+$/.test(id) ? null : id);
