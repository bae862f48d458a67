import { HeadwaterError } from './errors.ts';

/**
 * A commit as a config version. `seq` is git's generation number, `1 + max(seq(parents))`, roots 1, so it grows along every
 * fast-forward; `era` grows only when an operator accepts rewritten history. Order is `(era, seq)`.
 */
export interface Epoch {
  readonly era: number;
  readonly seq: number;
  /** Full commit id in lower-case hex: 40 characters, 64 in a SHA-256 repository. */
  readonly commit: string;
}

/** Shape of a full commit id. */
export const COMMIT_PATTERN = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

const TEXT = /^([1-9]\d{0,15})\.([1-9]\d{0,15})@([0-9a-f]{7,64})$/;
const shortLength = 7;

/** Negative when `a` is older than `b`, positive when newer, 0 for the same place in order (commits are not compared). */
export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.era - b.era || a.seq - b.seq;
}

/** True when both name the same commit at the same place. */
export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.era === b.era && a.seq === b.seq && a.commit === b.commit;
}

/** Machine text, `1.42@9f3c2e1`. */
export function formatEpoch(epoch: Epoch): string {
  return `${epoch.era}.${epoch.seq}@${epoch.commit.slice(0, shortLength)}`;
}

/** Text for people, `#42 · 9f3c2e1`. An era is rare, so it is told apart. */
export function describeEpoch(epoch: Pick<Epoch, 'seq' | 'commit'>): string {
  return `#${epoch.seq} · ${epoch.commit.slice(0, shortLength)}`;
}

/**
 * Parses machine text; `commit` is then as long as the text gave it.
 * @throws HeadwaterError `HW_USAGE`.
 */
export function parseEpochText(text: string): Epoch {
  const match = TEXT.exec(text);
  const [era, seq] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || !isCount(era) || !isCount(seq)) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${JSON.stringify(text.slice(0, 100))} is not an epoch`,
      hint: 'An epoch reads <era>.<seq>@<commit>, for example 1.42@9f3c2e1.',
    });
  }
  return { era, seq, commit: match[3] as string };
}

/** True when `value` is a whole Epoch: safe positive integers and a full commit id, nothing else. */
export function isEpoch(value: unknown): value is Epoch {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { era, seq, commit, ...rest } = value as Record<string, unknown>;
  return (
    isCount(era) &&
    isCount(seq) &&
    typeof commit === 'string' &&
    COMMIT_PATTERN.test(commit) &&
    Object.keys(rest).length === 0
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
