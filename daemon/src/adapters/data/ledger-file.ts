/** The ledger of a daemon that may not write to its repository: a file in the data folder, seen by nobody else. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { concatBytes, fromUtf8, HeadwaterError, utf8 } from '@headwater/schemas/protocol';
import { encodeLedger, ledgerInvalid } from '../../ledger/ledger-record.ts';
import type { LedgerSeal } from '../../ledger/ledger-seal.ts';
import { openLedger, type SealedLedger } from '../../ledger/open-ledger.ts';
import type { Ledger } from '../../ports.ts';
import { storageFailed, writeFileDurably } from '../git/durable-fs.ts';

const magic = 'HWLEDGER1 ';

/** @param path In a folder that only this process writes to. Line 1 is the seal, the rest `epochs.json`. */
export function createLedgerFile(path: string, deployment: string, seal: LedgerSeal): Ledger {
  return {
    isLocal: true,

    async read() {
      const bytes = await readIfThere(path);
      return bytes && openLedger(idOf(bytes), deployment, seal, () => split(bytes));
    },

    async append(record, expected) {
      const found = await readIfThere(path);
      const actual = found && idOf(found);
      if (actual !== expected) throw changed(path, expected, actual);
      const body = encodeLedger(record);
      const bytes = concatBytes(utf8(`${magic}${seal.seal(body)}\n`), body);
      await writeFileDurably(path, bytes, { mode: 0o600 });
      return { id: idOf(bytes), record, isFresh: true };
    },
  };
}

function split(bytes: Uint8Array): SealedLedger {
  const end = Math.max(bytes.indexOf(0x0a), 0);
  const line = fromUtf8(bytes.subarray(0, end));
  if (!line.startsWith(magic)) throw ledgerInvalid(`it does not begin with ${magic.trimEnd()}`);
  return { seal: line.slice(magic.length), bytes: bytes.subarray(end + 1) };
}

const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw storageFailed('read', path, error);
  }
}

function changed(path: string, expected: string | null, actual: string | null): HeadwaterError {
  return new HeadwaterError('HW_REF_MOVED', {
    message: `${path} changed: expected ${expected ?? 'no file'}, got ${actual ?? 'no file'}`,
    hint: 'Read it again and repeat the change.',
    details: { expected, actual },
  });
}
