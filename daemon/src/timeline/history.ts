/**
 * Questions about the past: who changed what, when, and what it meant. Answers are computed from git alone, so they are the same
 * for every daemon, and reach back as far as the history does.
 */
import type {
  Comparison,
  EpochDetail,
  EpochEntry,
  HistoryEntry,
  ServiceChange,
  ServiceHistory,
} from '@headwater/schemas/http';
import { type Epoch, HeadwaterError, isTime } from '@headwater/schemas/protocol';
import type { ReadBlob } from '../core/files.ts';
import { serviceChange } from '../core/service-change.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { EraSource } from '../epochs/era.ts';
import { epochAt } from '../epochs/place.ts';
import { trailersOf } from '../epochs/trailers.ts';
import type { CandidateJudge, CandidateVerdict } from '../gate/candidate-judge.ts';
import type { CommitId, CommitInfo, ObjectReader, TreeChange } from '../ports.ts';
import { mayChange } from './may-change.ts';
import { Timeline, type TimelineEntry, type TimelineView } from './timeline.ts';
import { mayConcern, type TouchedByPaths, touchedByPaths } from './touched-services.ts';

export interface HistoryDeps {
  readonly reader: Pick<ObjectReader, 'firstParentLog' | 'diff'>;
  readonly readBlob: ReadBlob;
  readonly engine: () => EpochEngine | null;
  readonly candidates: CandidateJudge;
  readonly era: EraSource;
}

/** What the caller may see of services. */
export interface Sight {
  /** True when nothing is hidden: then commits that touch no service are shown, too. */
  readonly everything: boolean;
  service(env: string, service: string): boolean;
  /** In any environment. */
  anywhere(service: string): boolean;
}

export interface EpochFilter {
  /** Entries per page. */
  readonly limit: number;
  /** Starts after this commit. */
  readonly before?: CommitId;
  readonly service?: string;
  /** Part of a path of a changed file. */
  readonly path?: string;
  /** Part of the author's name or e-mail, without regard to case. */
  readonly author?: string;
}

/** Most files, and most changes of services, that one answer lists. */
const maxListed = 500;

export class History {
  readonly #deps: HistoryDeps;
  readonly #timeline: Timeline;

  constructor(deps: HistoryDeps) {
    this.#deps = deps;
    this.#timeline = new Timeline(deps.reader);
  }

  /** A page of the timeline, newest first. */
  async epochs(filter: EpochFilter, sight: Sight): Promise<{ epochs: EpochEntry[]; next: string | null }> {
    const line = await this.#line();
    const epochs: EpochEntry[] = [];
    for (const entry of line?.newestFirst(filter.before) ?? []) {
      const touched = touchedByPaths(entry.changes);
      if (!isVisible(touched, sight) || !this.#matches(entry, touched, filter)) continue;
      if (epochs.length === filter.limit) return { epochs, next: (epochs.at(-1) as EpochEntry).epoch.commit };
      epochs.push(this.#entryOf(entry, touched, sight));
    }
    return { epochs, next: null };
  }

  /**
   * One commit with what it changed. @param commit Id, any unambiguous beginning of one (at least 4 digits), or "HEAD" for the newest.
   * @throws HeadwaterError `HW_NOT_FOUND`, also for what the caller may not see.
   */
  async epoch(commit: string, sight: Sight): Promise<EpochDetail> {
    const entry = await this.#find(commit);
    const touched = touchedByPaths(entry.changes);
    if (!isVisible(touched, sight)) throw unknownCommit(commit);
    const { message, parents } = entry.commit;
    const verdict = await this.#deps.candidates.judge({ base: parents[0] ?? null, changes: entry.changes });
    const changes = changesOf(verdict, sight);
    const files = filesOf(entry.changes, sight);
    return {
      ...this.#entryOf(entry, touched, sight),
      message,
      parents,
      files: files.slice(0, maxListed),
      changes: changes.slice(0, maxListed),
      more: {
        files: Math.max(0, files.length - maxListed),
        changes: Math.max(0, changes.length - maxListed),
      },
    };
  }

  /** What differs between two commits of the line, in either order. @throws as `epoch`. */
  async compare(from: string, to: string, sight: Sight): Promise<Comparison> {
    const [before, after] = [(await this.#find(from)).commit.id, (await this.#find(to)).commit.id];
    const diff = await this.#deps.reader.diff(before, after);
    const changes = changesOf(await this.#deps.candidates.judge({ base: before, changes: diff }), sight);
    return {
      from: this.#epochOf(before),
      to: this.#epochOf(after),
      changes: changes.slice(0, maxListed),
      more: { changes: Math.max(0, changes.length - maxListed) },
    };
  }

  /**
   * Commits that changed a service in an environment, or one setting of it (with all below it), newest first.
   * @throws HeadwaterError `HW_NOT_FOUND` when the service was never there.
   */
  async ofService(query: {
    readonly service: string;
    readonly env: string;
    readonly pointer?: string;
    readonly limit: number;
    readonly before?: CommitId;
  }): Promise<ServiceHistory> {
    const { service, env, pointer, limit } = query;
    const line = await this.#line();
    const entries: HistoryEntry[] = [];
    let folder = this.#folderOf(service);
    let isKnown = folder !== null;
    let next: string | null = null;
    for (const entry of line?.newestFirst() ?? []) {
      const touched = touchedByPaths(entry.changes);
      // A service that moved lay elsewhere before: its own paths say where.
      folder ??= folderIn(entry.changes, service);
      if (!mayConcern(touched, service, folder ?? `services/${service}`)) continue;
      isKnown ||= touched.services.has(service);
      folder = folderIn(entry.changes, service, 'from') ?? folder;
      if (query.before !== undefined && !this.#isBefore(entry.commit.id, query.before)) continue;
      if (pointer !== undefined && !(await mayChange(entry.changes, pointer, this.#deps.readBlob))) continue;
      const change = await this.#changeOf(entry, service, env);
      const changes = change?.settings.filter(
        (one) => pointer === undefined || isBelow(one.pointer, pointer),
      );
      if (!change || (changes?.length === 0 && (pointer !== undefined || !isTold(change)))) continue;
      if (entries.length === limit) {
        next = (entries.at(-1) as HistoryEntry).epoch.commit;
        break;
      }
      const { services: _, live: __, ...told } = this.#entryOf(entry, touched, sightOfAll);
      const { schemaChanged, secretsChanged } = change;
      entries.push({ ...told, changes: changes ?? [], schemaChanged, secretsChanged });
    }
    if (!isKnown) throw unknownService();
    return { service, env, ...(pointer === undefined ? {} : { pointer }), entries, next };
  }

  /** One commit with the files it changed. @throws as `epoch`. */
  async entry(commit: string, sight: Sight): Promise<TimelineEntry> {
    const entry = await this.#find(commit);
    if (!isVisible(touchedByPaths(entry.changes), sight)) throw unknownCommit(commit);
    return entry;
  }

  /**
   * The commit that a text names: an id or the beginning of one, or the tip at a time (RFC 3339).
   * @throws HeadwaterError `HW_NOT_FOUND`, also for what the caller may not see.
   */
  async commitOf(text: string, sight: Sight): Promise<CommitId> {
    if (!isTime(text)) return (await this.entry(text, sight)).commit.id;
    return (await this.asOf(new Date(text))).commit;
  }

  /** All commits of the line, to walk through; `null` before the first was read. */
  line(): Promise<TimelineView | null> {
    return this.#line();
  }

  /** The commit that was the tip at a time. @throws HeadwaterError `HW_NOT_FOUND` before the first. */
  async asOf(time: Date): Promise<Epoch> {
    const entry = (await this.#line())?.asOf(Math.floor(time.getTime() / 1000));
    if (!entry) throw unknownCommit(time.toISOString());
    return this.#epochOf(entry.commit.id);
  }

  async #line(): Promise<TimelineView | null> {
    const tip = this.#deps.engine()?.at?.commit;
    return tip === undefined ? null : this.#timeline.at(tip);
  }

  async #find(commit: string): Promise<TimelineEntry> {
    const line = await this.#line();
    const tip = this.#deps.engine()?.at?.commit;
    const wanted = commit === 'HEAD' && tip !== undefined ? tip : commit;
    const ids = /^[0-9a-f]{4,64}$/.test(wanted) ? (line?.matching(wanted) ?? []) : [];
    if (ids.length > 1)
      throw new HeadwaterError('HW_NOT_FOUND', {
        message: `more than one commit begins with ${commit}`,
        hint: 'Give more digits.',
      });
    const entry = ids[0] === undefined ? null : line?.get(ids[0]);
    if (!entry) throw unknownCommit(commit);
    return entry;
  }

  #epochOf(commit: CommitId): Epoch {
    const place = this.#deps.engine()?.placeOf(commit) ?? { commit, seq: 0 };
    return epochAt(place, this.#deps.era.current);
  }

  #isBefore(commit: CommitId, other: CommitId): boolean {
    return this.#epochOf(commit).seq < this.#epochOf(other).seq;
  }

  #folderOf(service: string): string | null {
    const engine = this.#deps.engine();
    for (const track of engine?.environments.values() ?? []) {
      const inputs = track.tip.get(service)?.inputs;
      if (inputs) return inputs.folder;
    }
    return null;
  }

  #matches({ commit, changes }: TimelineEntry, touched: TouchedByPaths, filter: EpochFilter): boolean {
    const { service, path, author } = filter;
    if (service !== undefined && !mayConcern(touched, service, this.#folderOf(service) ?? '')) return false;
    if (path !== undefined && !changes.some((change) => change.path.includes(path))) return false;
    const who = `${commit.author.name} ${commit.author.email}`.toLowerCase();
    return author === undefined || who.includes(author.toLowerCase());
  }

  #entryOf({ commit }: TimelineEntry, touched: TouchedByPaths, sight: Sight): EpochEntry {
    const services = [...touched.services].filter((service) => sight.anywhere(service)).sort();
    const tracks = [...(this.#deps.engine()?.environments.values() ?? [])];
    return {
      epoch: this.#epochOf(commit.id),
      ...personsOf(commit),
      time: new Date(commit.committer.time * 1000).toISOString(),
      subject: subjectOf(commit.message),
      services: touched.all ? '*' : services,
      live: tracks.filter(({ epoch }) => epoch?.commit === commit.id).map(({ env }) => env),
      ...trailersIn(commit.message),
    };
  }

  async #changeOf(entry: TimelineEntry, service: string, env: string): Promise<ServiceChange | null> {
    const base = entry.commit.parents[0] ?? null;
    const { affected } = await this.#deps.candidates.judge({ base, changes: entry.changes, only: service });
    const found = affected.get(env)?.find((one) => one.service === service);
    if (!found) return null;
    return serviceChange(env, service, found.before?.judgement ?? null, found.after?.judgement ?? null);
  }
}

const sightOfAll: Sight = { everything: true, service: () => true, anywhere: () => true };

/** Who sees only some services sees only commits that touch them. */
function isVisible(touched: TouchedByPaths, sight: Sight): boolean {
  return sight.everything || [...touched.services].some((service) => sight.anywhere(service));
}

function changesOf({ affected }: CandidateVerdict, sight: Sight): ServiceChange[] {
  return [...affected].flatMap(([env, services]) =>
    services.flatMap(({ service, before, after }) => {
      const isSeen = sight.service(env, service);
      const change =
        isSeen && serviceChange(env, service, before?.judgement ?? null, after?.judgement ?? null);
      return change ? [change] : [];
    }),
  );
}

function filesOf(changes: readonly TreeChange[], sight: Sight): EpochDetail['files'] {
  return changes.flatMap(({ path, from, to }) => {
    const { services } = touchedByPaths([{ path, from, to }]);
    if (!sight.everything && ![...services].some((service) => sight.anywhere(service))) return [];
    return [{ path, change: !from ? 'added' : !to ? 'removed' : 'changed' } as const];
  });
}

/** Folder of a service as its own changed files have it. */
function folderIn(
  changes: readonly TreeChange[],
  service: string,
  side: 'from' | 'to' = 'to',
): string | null {
  const own = changes.find(
    (change) =>
      change[side] !== null && change.path.startsWith('services/') && change.path.includes(`/${service}/`),
  );
  return own ? own.path.slice(0, own.path.lastIndexOf('/')) : null;
}

const isBelow = (pointer: string, root: string): boolean =>
  pointer === root || pointer.startsWith(`${root}/`) || root.startsWith(`${pointer}/`);

const isTold = ({ kind, schemaChanged, secretsChanged, valid }: ServiceChange): boolean =>
  kind !== 'changed' || schemaChanged || secretsChanged || valid === false;

const personsOf = ({ author, committer }: CommitInfo): Pick<EpochEntry, 'author' | 'committer'> => ({
  author: { name: author.name, email: author.email },
  committer: { name: committer.name, email: committer.email },
});

const subjectOf = (message: string): string => message.split('\n', 1)[0]?.trim() ?? '';

function trailersIn(message: string): Pick<EpochEntry, 'reverts' | 'requestId' | 'approvers'> {
  const reverts = /^This reverts commit ([0-9a-f]{40,64})\b/m.exec(message)?.[1];
  const requestId = trailersOf(message, 'Headwater-Request-Id').find((id) => /^[\w.-]{1,64}$/.test(id));
  const approvers = trailersOf(message, 'Headwater-Approved-By');
  return {
    ...(reverts === undefined ? {} : { reverts }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(approvers.length === 0 ? {} : { approvers }),
  };
}

function unknownCommit(commit: string): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: `there is no commit ${/^[\w:.-]{1,64}$/.test(commit) ? commit : 'of that name'} on the followed branch, or this token may not see it`,
    hint: 'GET /api/v1/epochs lists them.',
  });
}

function unknownService(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'no such service was ever there, or this token may not see it',
    hint: 'GET /api/v1/services?env=… lists those that are live.',
  });
}
