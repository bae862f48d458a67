/**
 * Writes many objects as one pack: two files to sync where ten thousand objects would be ten thousand. Whole objects, no deltas; git
 * finds those at its next repack.
 */
import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';
import { createBreather } from '../../breather.ts';
import type { ObjectId } from '../../ports.ts';
import { makeFolderDurably, removeQuietly, stageFile, storageFailed, syncFolder } from './durable-fs.ts';
import type { ObjectFormat, ObjectKind } from './git-objects.ts';
import type { GitRepository } from './open-repository.ts';
import { stagingFolder } from './ref-lock.ts';

export interface PackObject {
  readonly oid: ObjectId;
  readonly kind: ObjectKind;
  readonly content: Uint8Array;
}

/** On return the objects survive power loss. @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function writePack(repo: GitRepository, objects: readonly PackObject[]): Promise<void> {
  const folder = join(repo.commonDir, 'objects/pack');
  const staging = stagingFolder(repo);
  await makeFolderDurably(folder);
  await makeFolderDurably(staging);
  const { pack, index, checksum } = await encodePack(objects, repo.objectFormat);
  const name = join(folder, `pack-${checksum}`);
  const staged: [temp: string, path: string][] = [];
  try {
    // The index last: git takes a pack for whole when its index is there.
    for (const [bytes, path] of [[pack, `${name}.pack`] as const, [index, `${name}.idx`] as const])
      staged.push([await stageFile(bytes, { dir: staging, mode: 0o444 }), path]);
    for (const [temp, path] of staged)
      await rename(temp, path).catch((error) => Promise.reject(storageFailed('rename', path, error)));
    await syncFolder(folder);
  } catch (error) {
    for (const [temp] of staged) await removeQuietly(temp);
    throw error;
  }
}

const kindNumbers = { commit: 1, tree: 2, blob: 3, tag: 4 } as const satisfies Record<ObjectKind, number>;

const compress = promisify(deflate);

/** Compressed side by side; the threads of libuv are four. */
const compressedAtOnce = 64;

interface Placed {
  readonly oid: ObjectId;
  readonly offset: number;
  readonly crc: number;
}

async function encodePack(objects: readonly PackObject[], format: ObjectFormat) {
  const breathe = createBreather();
  const header = Buffer.concat([Buffer.from('PACK'), uint32(2), uint32(objects.length)]);
  const parts: Buffer[] = [header];
  const placed: Placed[] = [];
  let offset = header.length;
  for (let start = 0; start < objects.length; start += compressedAtOnce) {
    const some = objects.slice(start, start + compressedAtOnce);
    const bodies = await Promise.all(some.map(({ content }) => compress(content, { level: 1 })));
    for (const [i, { oid, kind, content }] of some.entries()) {
      const entry = Buffer.concat([entryHeader(kind, content.length), bodies[i] as Buffer]);
      placed.push({ oid, offset, crc: crc32(entry) });
      parts.push(entry);
      offset += entry.length;
    }
    await breathe();
  }
  const body = Buffer.concat(parts);
  const checksum = createHash(format).update(body).digest();
  return {
    pack: Buffer.concat([body, checksum]),
    index: encodeIndex(placed, checksum, format),
    checksum: checksum.toString('hex'),
  };
}

/** Kind and size: four bits of the size beside the kind, then seven at a time, the highest bit meaning "more". */
function entryHeader(kind: ObjectKind, size: number): Buffer {
  const bytes = [(kindNumbers[kind] << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

/** Version 2. Offsets stay below 2 GiB: a request of that size does not fit into memory. */
function encodeIndex(placed: readonly Placed[], packChecksum: Buffer, format: ObjectFormat): Buffer {
  const sorted = [...placed].sort((a, b) => (a.oid < b.oid ? -1 : 1));
  const counts = new Array<number>(256).fill(0);
  for (const { oid } of sorted) {
    const first = Number.parseInt(oid.slice(0, 2), 16);
    counts[first] = (counts[first] as number) + 1;
  }
  let sum = 0;
  const body = Buffer.concat([
    Buffer.from([0xff, 0x74, 0x4f, 0x63]),
    uint32(2),
    uint32s(counts.map((count) => (sum += count))),
    Buffer.from(sorted.map(({ oid }) => oid).join(''), 'hex'),
    uint32s(sorted.map(({ crc }) => crc)),
    uint32s(sorted.map(({ offset }) => offset)),
    packChecksum,
  ]);
  return Buffer.concat([body, createHash(format).update(body).digest()]);
}

const uint32 = (value: number): Buffer => uint32s([value]);

function uint32s(values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, i) => void bytes.writeUInt32BE(value, i * 4));
  return bytes;
}
