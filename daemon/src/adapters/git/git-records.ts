import type { ObjectId } from '../../ports.ts';
import { type GitChild, spawnGit } from './git-process.ts';
import { corruptObject } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';

/** Runs git once and gives what it prints, cut at `separator`. @throws HeadwaterError `HW_OBJECT_CORRUPT` when git fails. */
export async function* gitRecords(
  repo: GitRepository,
  about: ObjectId,
  args: readonly string[],
  input = '',
  separator = 0,
): AsyncGenerator<Buffer> {
  const child = spawnGit(repo, args);
  const done = outcome(child, about);
  try {
    child.stdin.end(input);
    yield* records(child.stdout, separator);
    await done;
  } finally {
    child.kill();
  }
}

/** Settles when the child ended. @throws HeadwaterError `HW_OBJECT_CORRUPT` about the object it was asked for, with git's complaint. */
export function outcome(child: GitChild, about: ObjectId): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 2000) complaint += chunk.toString('utf8');
    });
    child.on('error', (error) => reject(corruptObject(about, error.message, error)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(corruptObject(about, complaint.trim() || `git ended with ${signal ?? code}`));
    });
  });
  // Whoever reads to the end awaits it; whoever stops early has killed the child and does not want to hear of it.
  done.catch(() => {});
  return done;
}

/** Cuts a stream of bytes at `separator` (not part of the records). What follows the last separator is a record too, unless empty. */
export async function* records(stream: AsyncIterable<Buffer>, separator: number): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(separator); end >= 0; end = chunk.indexOf(separator, start)) {
      const piece = chunk.subarray(start, end);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
