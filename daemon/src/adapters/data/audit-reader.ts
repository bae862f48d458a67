import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ChainHead } from '../../core/audit/audit-line.ts';
import type { RawLine } from '../../core/audit/verify-audit.ts';
import { auditPaths, listFullFiles, readAuditHead } from './audit-paths.ts';
import type { DataFolder } from './data-folder.ts';
import { takeOwnerLock } from './owner-lock.ts';

/** The log as it was at one moment, whatever is written meanwhile. */
export interface AuditSnapshot {
  readonly anchor: ChainHead | null;
  /** Every line, oldest first. Call it once; it closes the files. */
  lines(): AsyncIterable<RawLine>;
  close(): Promise<void>;
}

interface Part {
  readonly name: string;
  readonly file: FileHandle;
  readonly size: number;
}

/** @throws HeadwaterError `HW_DATA_IN_USE`; the system's error when a file cannot be read. */
export async function openAuditSnapshot(
  folder: Pick<DataFolder, 'path' | 'lockDir'>,
): Promise<AuditSnapshot> {
  const lock = await takeOwnerLock(folder.lockDir('audit'), 5_000);
  if (!('release' in lock)) throw busy(lock.pid);
  const parts: Part[] = [];
  const close = async () => {
    for (const { file } of parts.splice(0)) await file.close();
  };
  try {
    const paths = auditPaths(folder.path);
    const files = (await listFullFiles(paths)).map(({ name, path }) => ({ name, path }));
    for (const { name, path } of [...files, { name: 'audit.jsonl', path: paths.file }]) {
      const file = await openIfThere(path);
      if (file !== null) parts.push({ name, file, size: (await file.stat()).size });
    }
    return { anchor: await readAuditHead(paths), lines: () => linesOf(parts, close), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await lock.release();
  }
}

async function* linesOf(parts: readonly Part[], close: () => Promise<void>): AsyncGenerator<RawLine> {
  try {
    for (const { name, file, size } of parts) {
      if (size === 0) continue;
      const stream = file.createReadStream({ start: 0, end: size - 1, encoding: 'utf8', autoClose: false });
      let line = 0;
      let rest = '';
      for await (const chunk of stream) {
        // Not a line reader: those also break at U+2028, which a name may hold.
        const texts = `${rest}${chunk}`.split('\n');
        rest = texts.pop() ?? '';
        for (const text of texts) yield { file: name, line: ++line, text };
      }
      if (rest !== '') yield { file: name, line: line + 1, text: rest, torn: true };
    }
  } finally {
    await close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function busy(pid: number): HeadwaterError {
  return new HeadwaterError('HW_DATA_IN_USE', {
    message: `process ${pid} has been writing the audit log for more than 5 s`,
    hint: 'Try again; if it hangs, stop that process.',
    details: { pid },
  });
}
