/** Where the audit log lies: the file that grows, full ones in a folder beside it, and the head that remembers how far it came. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonValue, parseJsonBytes } from '@headwater/schemas/protocol';
import type { ChainHead } from '../../core/audit/audit-line.ts';

export interface AuditPaths {
  /** The file that grows. */
  readonly file: string;
  /** Holds the full ones, each named after its first and last entry. */
  readonly folder: string;
  readonly head: string;
}

export function auditPaths(data: string): AuditPaths {
  return { file: join(data, 'audit.jsonl'), folder: join(data, 'audit'), head: join(data, 'audit.head') };
}

export interface FullFile {
  /** From the data folder. */
  readonly name: string;
  readonly path: string;
  readonly first: number;
  readonly last: number;
}

export const fullName = (first: number, last: number): string => `${digits(first)}-${digits(last)}.jsonl`;

const digits = (n: number): string => String(n).padStart(12, '0');

/** Full files, oldest first. */
export async function listFullFiles({ folder }: AuditPaths): Promise<FullFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const [, first, last] = /^(\d{12})-(\d{12})\.jsonl$/.exec(name) ?? [];
      if (first === undefined || last === undefined) return [];
      const path = join(folder, name);
      return [{ name: `audit/${name}`, path, first: Number(first), last: Number(last) }];
    })
    .sort((a, b) => a.first - b.first);
}

/** `null` when there is none, or what is there is none: verifying says so, and the next entry makes a new one. */
export async function readAuditHead({ head }: AuditPaths): Promise<ChainHead | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(head);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return parseHead(bytes);
}

function parseHead(bytes: Uint8Array): ChainHead | null {
  let value: JsonValue;
  try {
    value = parseJsonBytes(bytes);
  } catch {
    return null; // a damaged head is as good as none
  }
  if (!isObject(value)) return null;
  const { n, hash } = value;
  const isHead = Number.isSafeInteger(n) && (n as number) > 0 && typeof hash === 'string';
  return isHead ? { n: n as number, hash: hash as string } : null;
}
