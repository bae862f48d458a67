import type { RepoIndex } from '../core/repo-index.ts';

/**
 * The inputs of an environment at its newest approved commit, kept as what differs from them now: cost follows the change, and the
 * comparison is exact.
 */
export class ApprovedBase {
  #frame: string;
  /** Services that differ, with the key of their inputs at the approved commit; `null` = not there. */
  readonly #drift = new Map<string, string | null>();

  /** @param frame See `frameOf`; `absent` for an environment that was not there. */
  constructor(frame: string) {
    this.#frame = frame;
  }

  /** A copy that goes its own way: to see what changes would do. */
  fork(): ApprovedBase {
    const copy = new ApprovedBase(this.#frame);
    for (const [service, key] of this.#drift) copy.#drift.set(service, key);
    return copy;
  }

  /** The inputs of a service changed between two keys (`null` = not there). */
  note(service: string, before: string | null, after: string | null): void {
    const base = this.#drift.get(service);
    if (base === undefined) {
      if (before !== after) this.#drift.set(service, before);
    } else if (base === after) this.#drift.delete(service);
  }

  /** What differs from the approved commit; `null` when nothing does. */
  differences(frame: string): { readonly frame: boolean; readonly services: readonly string[] } | null {
    if (frame === this.#frame && this.#drift.size === 0) return null;
    return { frame: frame !== this.#frame, services: [...this.#drift.keys()].sort() };
  }

  /** Everything as it is now is approved. */
  accept(frame: string): void {
    this.#frame = frame;
    this.#drift.clear();
  }
}

/** The frame of an environment that is not declared. */
export const absent = '';

/** Inputs of an environment that belong to no service: its place among the environments, and who may open its secrets. */
export function frameOf(index: RepoIndex, env: string): string {
  const chain = index.chainOf(env);
  if (chain.length === 0) return absent;
  const rules = index.sopsRules;
  return `${chain.join('>')} ${rules === null ? '-' : `${rules.mode} ${rules.oid}`}`;
}
