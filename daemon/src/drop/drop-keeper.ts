/**
 * The drop folder: plain secrets that somebody puts down are encrypted, committed and removed. Whatever goes wrong, the file stays, nothing
 * is committed, and a person is told why. It works from what lies there; events only say when to look.
 */
import { randomBytes } from 'node:crypto';
import { HeadwaterError, isHeadwaterError, isName } from '@headwater/schemas/protocol';
import type { DropFile, OpenDrop } from '../adapters/data/drop-files.ts';
import type { Attention } from '../attention.ts';
import { daemonPerson } from '../core/daemon-person.ts';
import type { SecretsDesk } from '../editing/secrets-desk.ts';
import type { Log } from '../log.ts';
import type { Audit, AuditActor, Clock } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';

/** What the keeper needs of the folder. */
export interface DropFolder {
  list(): Promise<readonly DropFile[]>;
  open(file: DropFile): Promise<OpenDrop | null>;
  parse(bytes: Uint8Array): ReadonlyMap<string, string | null>;
}

export interface DropKeeperDeps {
  readonly folder: DropFolder;
  readonly desk: Pick<SecretsDesk, 'change'>;
  readonly audit: Audit;
  readonly attention: Attention;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls `look` again after some milliseconds, unless it is called earlier. */
  readonly later: (ms: number) => void;
}

/** A file is taken when it did not change for so long: whoever writes it in pieces is done. */
export const settleMs = 300;
/** Text that is no JSON may still become it, from a slow writer. */
const incompleteMs = 5_000;
/** What failed may succeed without the file changing: a rule was added, a host answers again. */
const retryMs = 30_000;

interface Seen {
  readonly stamp: string;
  /** Since when it is like that, on the monotonic clock. */
  readonly since: number;
  readonly failedAt: number | null;
  /** Code of what was told. */
  readonly told: string | null;
}

export class DropKeeper {
  readonly #deps: DropKeeperDeps;
  readonly #queue = new SerialQueue();
  readonly #seen = new Map<string, Seen>();

  constructor(deps: DropKeeperDeps) {
    this.#deps = deps;
  }

  /** Looks at everything that lies there, and takes what has come to rest. */
  look(): Promise<void> {
    return this.#queue.run(() => this.#look());
  }

  /** Resolves when nothing is being taken. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #look(): Promise<void> {
    const files = await this.#list();
    if (files === null) return;
    for (const [path, { told }] of this.#seen) {
      if (files.some((file) => file.path === path)) continue;
      this.#seen.delete(path);
      if (told !== null) this.#deps.attention.clear(subjectOf(path));
    }
    let wait: number | null = null;
    for (const file of files) {
      const ms = await this.#consider(file);
      if (ms !== null) wait = Math.min(wait ?? ms, ms);
    }
    if (wait !== null) this.#deps.later(wait);
  }

  async #list(): Promise<readonly DropFile[] | null> {
    try {
      const files = await this.#deps.folder.list();
      this.#deps.attention.clear('drop');
      return files;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      const message = `the drop folder cannot be read: ${code}`;
      const hint = 'See to its permissions; it belongs to the user of the daemon.';
      this.#deps.attention.report(
        'drop',
        new HeadwaterError('HW_SECRET_FILE', { message, hint, cause: error }),
      );
      return null;
    }
  }

  /** @returns After how many milliseconds to look again; `null`: when something changes. */
  async #consider(file: DropFile): Promise<number | null> {
    const now = this.#deps.clock.monotonic();
    const before = this.#seen.get(file.path);
    const seen: Seen =
      before?.stamp === file.stamp
        ? before
        : { stamp: file.stamp, since: now, failedAt: null, told: before?.told ?? null };
    this.#seen.set(file.path, seen);
    const rested = now - seen.since;
    if (rested < settleMs) return settleMs - rested;
    if (seen.failedAt !== null && now - seen.failedAt < retryMs) return retryMs - (now - seen.failedAt);
    try {
      await this.#take(file);
      this.#seen.delete(file.path);
      this.#deps.attention.clear(subjectOf(file.path));
      return settleMs; // what changed while it was taken stays, and is looked at anew
    } catch (error) {
      const isIncomplete =
        isHeadwaterError(error) && error.code.startsWith('HW_JSON_') && rested < incompleteMs;
      if (isIncomplete) return settleMs;
      this.#refuse(file, seen, error);
      return retryMs;
    }
  }

  async #take(file: DropFile): Promise<void> {
    const { service, layer } = placeOf(file);
    const opened = await this.#deps.folder.open(file);
    if (opened === null) return;
    try {
      const values = this.#deps.folder.parse(opened.bytes);
      const requestId = `drop-${randomBytes(6).toString('hex')}`;
      const { changed, commit, epoch } = await this.#deps.desk.change({
        ...{ service, layer, values, requestId, blind: false },
        message: `Take dropped secrets of ${service}${layer === 'base' ? '' : ` in ${layer}`}`,
        actor: { name: 'Headwater drop folder', email: daemonPerson.email },
      });
      if (changed)
        this.#deps.audit.note({
          action: 'secret-drop',
          actor: ownerOf(opened),
          ...{ requestId, env: layer, service, commit, epoch },
          details: { pointers: [...values.keys()] },
        });
      const isGone = await opened.discard();
      this.#deps.log.info(
        { service, env: layer, requestId, changed, removed: isGone },
        'dropped secrets taken',
      );
    } finally {
      await opened.close();
    }
  }

  #refuse({ path, service, name }: DropFile, seen: Seen, error: unknown): void {
    const where = `${service === '' ? '' : `${service}/`}${name}`;
    const known = isHeadwaterError(error) ? error : null;
    const problem = new HeadwaterError(known?.code ?? 'HW_INTERNAL', {
      message: `drop/${where} stays where it is: ${known?.message ?? `unexpected error (${nameOf(error)})`}`,
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      // Not the cause: what went wrong inside may quote what it was about.
    });
    this.#deps.attention.report(subjectOf(path), problem);
    if (seen.told !== problem.code)
      this.#deps.audit.note({
        action: 'refuse',
        actor: { kind: 'daemon' },
        details: { what: 'drop', file: `drop/${where}`, codes: [problem.code] },
      });
    this.#seen.set(path, { ...seen, failedAt: this.#deps.clock.monotonic(), told: problem.code });
  }
}

/** Its message may quote what it was about. */
const nameOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown');

const subjectOf = (path: string): string => `drop:${path.split('/').slice(-2).join('/')}`;

function placeOf({ service, name }: DropFile): { service: string; layer: string } {
  const [, env] = /^secrets(?:\.([^.]+))?\.json$/.exec(name) ?? [];
  const isSecrets = /^secrets(\.[^.]+)?\.json$/.test(name);
  if (isName(service) && isSecrets && (env === undefined || isName(env)))
    return { service, layer: env ?? 'base' };
  throw new HeadwaterError('HW_FILE_UNEXPECTED', {
    message: 'only drop/<service>/secrets.json and secrets.<env>.json are taken',
    hint: 'Move it to the folder of its service, or remove it: it may hold plain secrets.',
  });
}

const ownerOf = ({ owner }: OpenDrop): AuditActor => ({
  kind: 'user',
  name:
    owner === null ? 'somebody on the machine of the daemon' : `user ${owner} on the machine of the daemon`,
});
