import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectId } from '../../ports.ts';
import type { GitRepository } from './open-repository.ts';

/** Tells which objects of a SHA-1 repository are there, without native git and without unpacking them. Reads the folder as it is now. */
export function createObjectFinder(repo: GitRepository): (oid: ObjectId) => boolean {
  const objects = join(repo.commonDir, 'objects');
  const folder = join(objects, 'pack');
  const indexes = readdirSync(folder)
    .filter((name) => name.startsWith('pack-') && name.endsWith('.idx'))
    .map((name) => readFileSync(join(folder, name)));
  return (oid) =>
    indexes.some((index) => isInIndex(index, oid)) ||
    statSync(join(objects, oid.slice(0, 2), oid.slice(2)), { throwIfNoEntry: false }) !== undefined;
}

/** Version 2: 8 bytes of magic, a table of 256 running counts, then the sorted ids. */
const fanoutAt = 8;
const idsAt = fanoutAt + 256 * 4;
const idBytes = 20;

function isInIndex(index: Buffer, oid: ObjectId): boolean {
  if (index.length < idsAt || index.readUInt32BE(0) !== 0xff744f63) return false;
  const wanted = Buffer.from(oid, 'hex');
  const first = wanted[0] ?? 0;
  let low = first === 0 ? 0 : index.readUInt32BE(fanoutAt + (first - 1) * 4);
  let high = index.readUInt32BE(fanoutAt + first * 4);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = idsAt + middle * idBytes;
    const order = index.compare(wanted, 0, idBytes, at, at + idBytes);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}
