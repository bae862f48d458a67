import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { TestRepository } from './test-repository.ts';

/** Puts an object into the repository as it stands, past every check of git. */
export function storeObject(made: TestRepository, kind: string, content: Buffer): string {
  const whole = Buffer.concat([Buffer.from(`${kind} ${content.length}\0`), content]);
  const oid = createHash('sha1').update(whole).digest('hex');
  const path = looseFile(made, oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, deflateSync(whole));
  return oid;
}

/** Where an object stands that is not packed. */
export const looseFile = (made: TestRepository, oid: string) =>
  join(made.path, 'objects', oid.slice(0, 2), oid.slice(2));

/** Stores a tree with exactly these entries in this order; names are latin1, one character per byte. */
export function storeTree(
  made: TestRepository,
  entries: readonly (readonly [mode: string, name: string, oid: string])[],
): string {
  const parts = entries.flatMap(([mode, name, oid]) => [
    Buffer.from(`${mode} ${name}\0`, 'latin1'),
    Buffer.from(oid, 'hex'),
  ]);
  return storeObject(made, 'tree', Buffer.concat(parts));
}

export function storeCommit(made: TestRepository, treeId: string, parents: readonly string[] = []): string {
  const lines = [`tree ${treeId}`, ...parents.map((parent) => `parent ${parent}`)];
  return storeObject(
    made,
    'commit',
    Buffer.from(`${lines.join('\n')}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n`),
  );
}
