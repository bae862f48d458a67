/**
 * The audit log on disk: `<data>/audit.jsonl`. The daemon and commands beside it write to the same file, one at a time, each going on
 * where the last line says. Entries that come together are written together, so a burst costs one fsync. A full file moves to
 * `<data>/audit/` and the chain goes on in a new one; the oldest are removed when there are too many, which the log itself says.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import {
  auditFailed,
  auditLine,
  type ChainHead,
  chainStart,
  hashOfLine,
  type LogFields,
  parseAuditLine,
} from '../../core/audit/audit-line.ts';
import type { Audit, AuditEntry, Clock } from '../../ports.ts';
import { syncFolder, writeFileDurably } from '../git/durable-fs.ts';
import { auditPaths, type FullFile, fullName, listFullFiles, readAuditHead } from './audit-paths.ts';
import type { DataFolder } from './data-folder.ts';
import { takeOwnerLock } from './owner-lock.ts';

export interface AuditFileOptions {
  readonly folder: Pick<DataFolder, 'path' | 'lockDir'>;
  /** Asked when a new file begins. Rejects when it is not known. */
  readonly deployment: () => Promise<string>;
  readonly clock: Clock;
  /** Told of what was noted and could not be written, and with `null` when writing works again. */
  readonly onProblem?: (error: unknown | null) => void;
  /** A file that is larger is full. Default 8 MiB, some 25,000 entries. */
  readonly maxFileBytes?: number;
  /** Full files kept. Default 64, half a gigabyte. */
  readonly maxFiles?: number;
}

/** Another process writes for some milliseconds. */
const lockWaitMs = 5_000;
/** The last line is looked for in this many bytes; none is longer. */
const tailBytes = 256 * 1024;
/** Entries noted while the disk fails that are kept for the next try. */
const maxNoted = 10_000;

interface Job {
  readonly entries: readonly AuditEntry[];
  readonly at: Date;
  done(): void;
  failed(error: unknown): void;
}

export function createAuditFile(options: AuditFileOptions): Audit {
  const { folder, clock, onProblem = () => {} } = options;
  const paths = auditPaths(folder.path);
  const waiting: Job[] = [];
  const unwritten: { readonly entry: AuditEntry; readonly at: Date }[] = [];
  let running: Promise<void> | null = null;
  /** After a failed fsync nobody knows what is on disk; the system would answer the next one with "done". */
  let lost: unknown = null;
  const seen = { head: chainStart, size: -1, ino: -1 };

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const jobs = waiting.splice(0);
      try {
        await append(jobs);
        for (const job of jobs) job.done();
      } catch (error) {
        const failure = isHeadwaterError(error, 'HW_AUDIT_FAILED')
          ? error
          : auditFailed(reasonOf(error), error);
        for (const job of jobs) job.failed(failure);
      }
    }
  }

  async function append(jobs: readonly Job[]): Promise<void> {
    if (lost !== null) throw lost;
    const lock = await takeOwnerLock(folder.lockDir('audit'), lockWaitMs);
    if (!('release' in lock))
      throw auditFailed(`process ${lock.pid} has been writing it for more than ${lockWaitMs} ms`, null);
    try {
      const file = await open(
        paths.file,
        constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | noFollow,
        0o600,
      );
      try {
        await write(file, jobs);
      } finally {
        await file.close();
      }
      if (seen.size > (options.maxFileBytes ?? 8 * 1024 * 1024)) await putAway();
    } finally {
      await lock.release();
    }
  }

  async function write(file: FileHandle, jobs: readonly Job[]): Promise<void> {
    const { size, ino } = await file.stat();
    const isKnown = size === seen.size && ino === seen.ino && size > 0;
    const begun = isKnown ? { head: seen.head, size, first: [], old: [] } : await findHead(file, size);
    let { head } = begun;
    const lines: string[] = [];
    const add = (at: Date, fields: AuditEntry | LogFields) => {
      const line = auditLine(head, at, fields);
      lines.push(`${line.text}\n`);
      head = line.head;
    };
    for (const fields of begun.first) add(new Date(clock.now()), fields);
    for (const { at, entry } of unwritten) add(at, entry);
    for (const { at, entries } of jobs) for (const entry of entries) add(at, entry);
    const bytes = Buffer.from(lines.join(''));
    await writeAll(file, bytes, begun.size);
    await writeFileDurably(paths.head, Buffer.from(`${JSON.stringify(head)}\n`), { mode: 0o600 });
    Object.assign(seen, { head, size: begun.size + bytes.length, ino });
    if (unwritten.length > 0) onProblem(null);
    unwritten.length = 0;
    // Said before it is done: a file that disappears without a word was removed by somebody else.
    for (const { path } of begun.old) await unlink(path);
  }

  /** All of it is on disk, or nothing of it is in the file. */
  async function writeAll(file: FileHandle, bytes: Uint8Array, size: number): Promise<void> {
    try {
      await file.appendFile(bytes);
    } catch (error) {
      // A full disk takes half a line: what nobody was told of is taken back.
      await file.truncate(size).catch(() => {});
      seen.size = -1;
      throw error;
    }
    try {
      await file.datasync();
      if (size === 0) await syncFolder(folder.path);
    } catch (error) {
      lost = auditFailed(`fsync failed (${reasonOf(error)})`, error);
      throw lost;
    }
  }

  /** Where the chain stands, and what has to be said first. */
  async function findHead(file: FileHandle, size: number): Promise<Begun> {
    const anchor = await readAuditHead(paths);
    if (size === 0) return beginFile(anchor);
    const { text, torn } = await lastLine(file, size);
    if (torn > 0) await file.truncate(size - torn);
    if (text === '') return { ...(await beginFile(anchor)), size: size - torn };
    const line = parseAuditLine(text);
    const hash = hashOfLine(text);
    // Never below what is known to have been written: what is missing then shows as a gap for ever.
    const n = Math.max(line?.n ?? 0, anchor?.n ?? 0);
    const first: LogFields[] = torn > 0 ? [{ action: 'repair', details: { bytes: torn } }] : [];
    return { head: { n, hash }, size: size - torn, first, old: [] };
  }

  async function beginFile(anchor: ChainHead | null): Promise<Begun> {
    const full = await listFullFiles(paths);
    const head = anchor ?? (await headOf(full.at(-1))) ?? chainStart;
    const first: LogFields[] = [
      { action: head.n === 0 ? 'begin' : 'continue', deployment: await options.deployment() },
    ];
    const old = full.slice(0, Math.max(0, full.length - (options.maxFiles ?? 64)));
    for (const one of old) {
      const { n: last, hash } = (await headOf(one)) ?? chainStart;
      first.push({ action: 'prune', details: { file: one.name, last, hash: hash ?? '' } });
    }
    return { head, size: 0, first, old };
  }

  async function putAway(): Promise<void> {
    const first = parseAuditLine(await firstLine(paths.file))?.n ?? 1;
    await mkdir(paths.folder, { recursive: true, mode: 0o700 });
    await rename(paths.file, join(paths.folder, fullName(first, seen.head.n)));
    await syncFolder(paths.folder);
    await syncFolder(folder.path);
    seen.size = -1;
  }

  function start(): void {
    running ??= drain().finally(() => {
      running = null;
      if (waiting.length > 0) start(); // came in the last moment
    });
  }

  function enqueue(entries: readonly AuditEntry[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ entries, at: new Date(clock.now()), done: resolve, failed: reject });
      start();
    });
  }

  return {
    record: (...entries) => enqueue(entries),
    note(...entries) {
      const at = new Date(clock.now());
      enqueue(entries).catch((error: unknown) => {
        for (const entry of entries) if (unwritten.length < maxNoted) unwritten.push({ entry, at });
        onProblem(error);
      });
    },
    async idle() {
      while (running !== null) await running;
    },
  };
}

interface Begun {
  readonly head: ChainHead;
  /** Size of the file before anything is added. */
  readonly size: number;
  readonly first: readonly LogFields[];
  /** Files to be removed when that is written. */
  readonly old: readonly FullFile[];
}

const noFollow = constants.O_NOFOLLOW ?? 0;

/** The last whole line, and how many bytes behind it belong to none. */
async function lastLine(file: FileHandle, size: number): Promise<{ text: string; torn: number }> {
  const length = Math.min(size, tailBytes);
  const tail = Buffer.alloc(length);
  await file.read(tail, 0, length, size - length);
  const end = tail.lastIndexOf(0x0a);
  if (end < 0) return { text: '', torn: length };
  const start = tail.lastIndexOf(0x0a, end - 1) + 1;
  return { text: tail.toString('utf8', start, end), torn: length - end - 1 };
}

/** Where the chain stood when a file was full. */
async function headOf(full: FullFile | undefined): Promise<ChainHead | null> {
  if (full === undefined) return null;
  const file = await open(full.path, constants.O_RDONLY | noFollow);
  try {
    const { text } = await lastLine(file, (await file.stat()).size);
    return { n: full.last, hash: hashOfLine(text) };
  } finally {
    await file.close();
  }
}

async function firstLine(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  return text.slice(0, text.indexOf('\n'));
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isHeadwaterError(error)) return error.message;
  return code ?? message ?? 'unknown error';
}
