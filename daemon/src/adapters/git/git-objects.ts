import { createHash } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitId, CommitInfo, ObjectId, Person } from '../../ports.ts';

export type ObjectKind = 'commit' | 'tree' | 'blob' | 'tag';
export type ObjectFormat = 'sha1' | 'sha256';

export interface RawObject {
  readonly kind: ObjectKind;
  readonly content: Buffer;
}

/** Id that git gives to an object with this content. */
export function hashObject(kind: ObjectKind, content: Uint8Array, format: ObjectFormat): ObjectId {
  return createHash(format).update(objectHeader(kind, content.length)).update(content).digest('hex');
}

/** The bytes in front of an object's content that its id and its file cover. */
export function objectHeader(kind: ObjectKind, size: number): Buffer {
  return Buffer.from(`${kind} ${size}\0`, 'latin1');
}

/** True for a full lower-case hex id; only such text may reach a child's input or a file name. */
export function isObjectId(text: string, format?: ObjectFormat): boolean {
  if (format !== 'sha256' && /^[0-9a-f]{40}$/.test(text)) return true;
  return format !== 'sha1' && /^[0-9a-f]{64}$/.test(text);
}

/** Bytes of a commit object -> its fields. @throws HeadwaterError `HW_OBJECT_CORRUPT` without a tree or with a bad parent. */
export function parseCommit(id: CommitId, content: Buffer): CommitInfo {
  const end = content.indexOf('\n\n');
  const head = content.toString('utf8', 0, end < 0 ? content.length : end);
  let tree: ObjectId | undefined;
  const parents: CommitId[] = [];
  let author: Person | undefined;
  let committer: Person | undefined;
  for (const line of head.split('\n')) {
    const space = line.indexOf(' ');
    const value = line.slice(space + 1);
    // Continuation lines (of signatures) start with the space and match no name; only the first of each name counts, as in git.
    switch (line.slice(0, Math.max(space, 0))) {
      case 'tree':
        tree ??= value;
        break;
      case 'parent':
        parents.push(value);
        break;
      case 'author':
        author ??= parsePerson(value);
        break;
      case 'committer':
        committer ??= parsePerson(value);
        break;
    }
  }
  if (tree === undefined || ![tree, ...parents].every((oid) => oid.length === id.length && isObjectId(oid))) {
    throw new HeadwaterError('HW_OBJECT_CORRUPT', {
      message: `commit ${id} has no readable tree or parent line`,
      hint: 'Run `git fsck` in the repository and restore the object from another clone.',
      details: { oid: id },
    });
  }
  const nobody: Person = { name: '', email: '', time: 0 };
  return {
    id,
    tree,
    parents,
    author: author ?? nobody,
    committer: committer ?? nobody,
    message: end < 0 ? '' : content.toString('utf8', end + 2),
  };
}

/** Fields of a commit -> the bytes git stores. Times are written as UTC. */
export function encodeCommit(commit: Omit<CommitInfo, 'id'>): Buffer {
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${formatPerson(commit.author)}`,
    `committer ${formatPerson(commit.committer)}`,
  ];
  // git cuts a message at a NUL, so a NUL would hide what follows (a trailer, say) from people and not from programs.
  const message = commit.message.replaceAll('\0', '');
  return Buffer.from(`${lines.join('\n')}\n\n${message}${message.endsWith('\n') ? '' : '\n'}`, 'utf8');
}

function parsePerson(text: string): Person {
  const match = /^(.*?) ?<([^>]*)>(?: (-?\d{1,15}))?/.exec(text);
  if (match === null) return { name: text, email: '', time: 0 };
  return { name: match[1] ?? '', email: match[2] ?? '', time: Number(match[3] ?? 0) };
}

function formatPerson(person: Person): string {
  // Angle brackets and line ends would end the field and let a name write other header lines.
  const clean = (text: string) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
    text.replace(/[<>\u0000-\u001f\u007f]+/g, ' ').trim();
  return `${clean(person.name) || 'unknown'} <${clean(person.email)}> ${Math.max(0, Math.floor(person.time))} +0000`;
}
