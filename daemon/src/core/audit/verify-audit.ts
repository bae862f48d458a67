/**
 * Whether an audit log is what was written. Pure: lines come in, findings go out. A change shows in the line after it, which remembers
 * another hash; the last line has none after it, so the head beside the log remembers that one.
 */
import { isObject } from '@headwater/schemas/protocol';
import { type AuditLine, type ChainHead, chainStart, hashOfLine, parseAuditLine } from './audit-line.ts';

/** One line as it lies on disk. */
export interface RawLine {
  /** Name of the file, from the data folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** True for a line without an end: the log stopped in the middle of it. */
  readonly torn?: boolean;
}

export interface AuditFinding {
  readonly kind: 'changed' | 'missing' | 'moved' | 'malformed' | 'torn' | 'cut' | 'foreign' | 'unanchored';
  readonly file: string;
  /** Line in the file, from 1; 0 = the end of the log. */
  readonly line: number;
  /** Number of the entry it is about, as far as it is known. */
  readonly n: number | null;
  readonly message: string;
}

export interface AuditVerdict {
  readonly deployment: string | null;
  /** Lines that could be read. */
  readonly entries: number;
  /** Number of the first line; above 1 when older files were removed by the log itself. */
  readonly first: number;
  readonly head: ChainHead;
  readonly findings: readonly AuditFinding[];
}

export interface VerifyOptions {
  /** What the head file remembers; `null` when there is none. */
  readonly anchor: ChainHead | null;
  /** Heads that somebody wrote down elsewhere, and that the log must still hold. */
  readonly known?: readonly ChainHead[];
}

/** What the next line is held against. */
interface Link {
  readonly place: RawLine;
  readonly n: number;
  readonly hash: string;
  /** Lines since then that are no entries. */
  readonly skipped: number;
}

/** More findings are not told: one damaged disk makes thousands. */
const maxFindings = 100;

export async function verifyAudit(
  lines: AsyncIterable<RawLine> | Iterable<RawLine>,
  { anchor, known = [] }: VerifyOptions,
): Promise<AuditVerdict> {
  const findings: AuditFinding[] = [];
  const find = (
    place: Pick<RawLine, 'file' | 'line'>,
    rest: Pick<AuditFinding, 'kind' | 'n' | 'message'>,
  ) => {
    if (findings.length < maxFindings) findings.push({ file: place.file, line: place.line, ...rest });
  };
  const wanted = new Map(known.map((head) => [head.n, head]));
  const chain: { before: Link | null } = { before: null };
  let entries = 0;
  let first = 0;
  let firstPrev: string | null = null;
  let deployment: string | null = null;
  let pruned: ChainHead | null = null;

  for await (const raw of lines) {
    const hash = hashOfLine(raw.text);
    if (raw.torn) {
      find(raw, {
        kind: 'torn',
        n: null,
        message: 'the last line has no end: it was being written, or was cut off',
      });
      continue;
    }
    const line = parseAuditLine(raw.text);
    if (line === null) {
      find(raw, { kind: 'malformed', n: null, message: 'this line is no entry of an audit log' });
      const { n, skipped } = chain.before ?? { n: 0, skipped: 0 };
      chain.before = { place: raw, n, hash, skipped: skipped + 1 };
      continue;
    }
    entries += 1;
    if (first === 0) [first, firstPrev] = [line.n, line.prev];
    compare(raw, line);
    const named = line.fields.deployment;
    if (typeof named === 'string') {
      deployment ??= named;
      if (named !== deployment)
        find(raw, {
          kind: 'foreign',
          n: line.n,
          message: `it is of deployment "${named}", the log of "${deployment}"`,
        });
    }
    pruned = prunedBy(line) ?? pruned;
    const asked = wanted.get(line.n);
    if (asked !== undefined && asked.hash !== hash)
      find(raw, {
        kind: 'changed',
        n: line.n,
        message: `entry ${line.n} is not the one that was written down elsewhere`,
      });
    wanted.delete(line.n);
    chain.before = { place: raw, n: line.n, hash, skipped: 0 };
  }

  const start = { file: 'audit.jsonl', line: 1 };
  if (first > 1 && !(pruned?.n === first - 1 && pruned.hash === firstPrev))
    find(start, {
      kind: 'missing',
      n: 1,
      message: `entries 1 to ${first - 1} are missing, and the log did not remove them itself`,
    });
  const head: ChainHead = chain.before === null ? chainStart : { n: chain.before.n, hash: chain.before.hash };
  checkEnd(chain.before);
  for (const { n } of wanted.values())
    find(
      { file: 'audit.jsonl', line: 0 },
      { kind: 'missing', n, message: `entry ${n}, which was written down elsewhere, is not here` },
    );
  return { deployment, entries, first, head, findings };

  /** The chain between two lines. */
  function compare(raw: RawLine, line: AuditLine): void {
    const { before } = chain;
    if (before === null || before.n === 0) {
      if (before === null && line.n === 1 && line.prev !== null)
        find(raw, { kind: 'changed', n: 1, message: 'the first entry claims that there was one before it' });
      return;
    }
    if (line.n <= before.n) {
      find(raw, { kind: 'moved', n: line.n, message: `entry ${line.n} stands after entry ${before.n}` });
      return;
    }
    const gap = line.n - before.n - before.skipped - 1;
    if (gap > 0) {
      const from = line.n - gap;
      const what = gap === 1 ? `entry ${from} is` : `entries ${from} to ${line.n - 1} are`;
      find(raw, { kind: 'missing', n: from, message: `${what} missing before this line` });
      return;
    }
    if (before.skipped === 0 && line.prev !== before.hash)
      find(before.place, {
        kind: 'changed',
        n: before.n,
        message: `entry ${before.n} is not what it was when entry ${line.n} was written after it`,
      });
  }

  /** The end, where no further line remembers anything. */
  function checkEnd(before: Link | null): void {
    const end = { file: before?.place.file ?? 'audit.jsonl', line: 0 };
    if (anchor === null) {
      if (entries === 0) return;
      find(end, {
        kind: 'unanchored',
        n: head.n,
        message: 'audit.head is missing: if entries were cut off at the end, nothing tells',
      });
      return;
    }
    if (anchor.n > head.n) {
      const what =
        anchor.n - head.n === 1 ? `entry ${anchor.n} is` : `entries ${head.n + 1} to ${anchor.n} are`;
      find(end, { kind: 'cut', n: head.n + 1, message: `${what} missing at the end` });
    } else if (anchor.n === head.n && anchor.hash !== head.hash && before?.skipped === 0) {
      find(before.place, {
        kind: 'changed',
        n: head.n,
        message: `entry ${head.n}, the last one, is not what it was`,
      });
    }
  }
}

/** The last entry of a file that the log removed itself. */
function prunedBy({ action, fields: { details } }: AuditLine): ChainHead | null {
  if (action !== 'prune' || !isObject(details)) return null;
  const { last, hash } = details;
  return typeof last === 'number' && typeof hash === 'string' ? { n: last, hash } : null;
}
