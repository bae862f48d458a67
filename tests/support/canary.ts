/** A secret that must be found nowhere, and everything that is searched for it. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

/** Forms in which a secret could lie somewhere: as it is, base64 at any offset, hex, escaped. */
function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.from(`${'x'.repeat(offset)}${secret}`).toString('base64');
    return text.slice(offset === 0 ? 0 : 4, -4);
  });
  return [secret, ...base64, Buffer.from(secret).toString('hex'), encodeURIComponent(secret)];
}

export function expectNowhere(secrets: readonly string[], where: string, bytes: Uint8Array | string): void {
  const found = secrets.filter((secret) => formsOf(secret).some((form) => Buffer.from(bytes).includes(form)));
  expect(found, where).toEqual([]);
}

/** Content of every file below a folder; none when it is not there. */
export async function filesBelow(path: string): Promise<Buffer> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  // What is there for a moment only may go while it is read.
  return Buffer.concat(await Promise.all(files.map((file) => readFile(file).catch(() => Buffer.alloc(0)))));
}

/** Every object of a repository, unpacked. */
export function gitObjects(repository: string): Buffer {
  return execFileSync('git', ['-C', repository, 'cat-file', '--batch-all-objects', '--batch'], {
    maxBuffer: 1 << 28,
  });
}
