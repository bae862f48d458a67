/** The line of commits that the daemon follows: an engine that keeps up with it, starts anew after trouble, and never leaves it. */
import { compareEpochs, type Epoch, HeadwaterError } from '@headwater/schemas/protocol';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import type { Log } from './log.ts';
import type { CommitId } from './ports.ts';

export interface FollowedLineDeps {
  /** A fresh engine; asked again when one failed in the middle of a commit. */
  readonly createEngine: () => EpochEngine;
  /** Epochs that something was published from, by this daemon or another. */
  readonly published: () => readonly Epoch[];
  readonly branch: string;
  readonly log: Log;
}

export class FollowedLine {
  readonly #deps: FollowedLineDeps;
  #engine: EpochEngine | null = null;
  #isStuck = false;

  constructor(deps: FollowedLineDeps) {
    this.#deps = deps;
  }

  /** The engine that speaks for the newest commit read; `null` before the first. */
  get engine(): EpochEngine | null {
    return this.#engine;
  }

  /** It met something unreadable in the middle of a commit: it still knows what is live, but must start anew to go on. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /**
   * Brings the engine to `tip`, or as far as it gets.
   * @returns Why the tip is refused although it could be read, or `null`.
   * @throws whatever made a commit unreadable.
   */
  async moveTo(tip: CommitId): Promise<HeadwaterError | null> {
    try {
      const isRewritten =
        this.#engine && !this.#isStuck
          ? (await this.#engine.moveTo(tip)) === 'rewritten'
          : await this.#start(tip);
      return isRewritten ? rewritten(this.#deps.branch, tip) : null;
    } catch (error) {
      this.#isStuck = true;
      throw error;
    }
  }

  /** Makes an engine at `tip`; true when the branch left the line that was published. Then it starts where that line ended. */
  async #start(tip: CommitId): Promise<boolean> {
    const engine = this.#deps.createEngine();
    await engine.start(tip);
    const last = this.#newestBeside(engine);
    if (last === null) {
      this.#engine = engine;
      this.#isStuck = false;
      return false;
    }
    if (this.#engine) return true;
    try {
      const before = this.#deps.createEngine();
      await before.start(last);
      this.#engine = before;
    } catch (error) {
      // git may have collected what nobody names any more; then the stored messages are all there is.
      this.#deps.log.warn({ err: error, commit: last }, 'the published commit is not in the repository');
    }
    return true;
  }

  /** Newest commit that something was published from and that does not lie on the engine's line, or `null`. */
  #newestBeside(engine: EpochEngine): CommitId | null {
    const epochs = this.#deps.published();
    const beside = engine.beside(epochs.map(({ commit }) => commit));
    const newest = epochs
      .filter(({ commit }) => beside.has(commit))
      .sort(compareEpochs)
      .at(-1);
    return newest?.commit ?? null;
  }
}

function rewritten(branch: string, tip: CommitId): HeadwaterError {
  return new HeadwaterError('HW_HISTORY_REWRITTEN', {
    message: `the branch "${branch}" was moved to ${tip.slice(0, 7)}, which does not descend from what is live`,
    hint: 'The last epoch stays live. Put the branch back, and undo changes by new commits (git revert), not by force.',
  });
}
