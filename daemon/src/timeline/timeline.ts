/**
 * The commits of the followed branch with what each changed, newest first. Read once when somebody asks for the first time, then kept
 * up: one pass over the log of ten thousand commits takes a moment, a new commit takes nothing.
 */
import type { CommitId, CommitInfo, CommitStep, ObjectReader, TreeChange } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';

export interface TimelineEntry {
  readonly commit: CommitInfo;
  /** Against its first parent. */
  readonly changes: readonly TreeChange[];
}

export class Timeline {
  readonly #reader: Pick<ObjectReader, 'firstParentLog'>;
  readonly #queue = new SerialQueue();
  /** Oldest first, so that new commits go to the end. */
  #entries: TimelineEntry[] = [];
  #places = new Map<CommitId, number>();

  constructor(reader: Pick<ObjectReader, 'firstParentLog'>) {
    this.#reader = reader;
  }

  /** The line that ends at `tip`. Rejects with what makes a commit unreadable. */
  at(tip: CommitId): Promise<TimelineView> {
    return this.#queue.run(async () => {
      await this.#moveTo(tip);
      // The same arrays are replaced, never shortened, while somebody reads a page of them.
      return new TimelineView(this.#entries, this.#places);
    });
  }

  async #moveTo(tip: CommitId): Promise<void> {
    if (this.#entries.at(-1)?.commit.id === tip) return;
    const fresh: CommitStep[] = [];
    let joint: number | undefined;
    for await (const step of this.#reader.firstParentLog(tip)) {
      joint = this.#places.get(step.commit.id);
      if (joint !== undefined) break;
      fresh.push(step);
    }
    // Behind the joint the line is what it was; beside it, after a rewrite, nothing counts any more.
    const kept = joint === undefined ? [] : this.#entries.slice(0, joint + 1);
    this.#entries = [...kept, ...fresh.reverse()];
    this.#places = new Map(this.#entries.map(({ commit }, place) => [commit.id, place]));
  }
}

/** The line as it was when somebody asked. */
export class TimelineView {
  readonly #entries: readonly TimelineEntry[];
  readonly #places: ReadonlyMap<CommitId, number>;

  constructor(entries: readonly TimelineEntry[], places: ReadonlyMap<CommitId, number>) {
    this.#entries = entries;
    this.#places = places;
  }

  get(commit: CommitId): TimelineEntry | null {
    const place = this.#places.get(commit);
    return place === undefined ? null : (this.#entries[place] ?? null);
  }

  /** Newest first. @param before Starts after this commit. Nothing when it is not on the line. */
  *newestFirst(before?: CommitId): Generator<TimelineEntry> {
    const end = before === undefined ? this.#entries.length : (this.#places.get(before) ?? 0);
    for (let place = end - 1; place >= 0; place--) yield this.#entries[place] as TimelineEntry;
  }

  /** The commit that was the tip at a time, by the committers' clocks: the newest one that is not younger. */
  asOf(seconds: number): TimelineEntry | null {
    for (const entry of this.newestFirst()) if (entry.commit.committer.time <= seconds) return entry;
    return null;
  }

  /** Full ids that begin with a prefix; two at most, for "ambiguous". */
  matching(prefix: string): CommitId[] {
    const found: CommitId[] = [];
    for (const id of this.#places.keys()) {
      if (id.startsWith(prefix)) found.push(id);
      if (found.length === 2) break;
    }
    return found;
  }
}
