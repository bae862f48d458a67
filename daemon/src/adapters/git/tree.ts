import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ObjectId } from '../../ports.ts';

/** One entry of one tree object, its name as the bytes that stand there. */
export interface TreeItem {
  /** As git prints it: "100644", "100755", "120000", "160000", "040000" for a folder. */
  readonly mode: string;
  /** The name's bytes, one character each (latin1): exact, comparable, and never to be shown. */
  readonly name: string;
  readonly oid: ObjectId;
}

export const folderMode = '040000';

/** Bytes of a tree object -> its entries in order. Names are data: nothing is refused. @throws HeadwaterError `HW_OBJECT_CORRUPT`. */
export function parseTree(oid: ObjectId, content: Buffer): TreeItem[] {
  const items: TreeItem[] = [];
  for (let at = 0; at < content.length; ) {
    const end = entryEnd(oid, content, at);
    items.push(entryAt(oid, content, at, end));
    at = end;
  }
  return items;
}

/** Position after the entry that starts at `at`. */
export function entryEnd(oid: ObjectId, content: Buffer, at: number): number {
  const zero = content.indexOf(0, at);
  const end = zero + 1 + oid.length / 2;
  if (zero < 0 || end > content.length) throw corruptTree(oid);
  return end;
}

/** The entry in `content[at, end)`. */
export function entryAt(oid: ObjectId, content: Buffer, at: number, end: number): TreeItem {
  const zero = end - oid.length / 2 - 1;
  const space = content.indexOf(0x20, at);
  if (space < 0 || space > zero) throw corruptTree(oid);
  return {
    mode: canonicalMode(content.toString('latin1', at, space)),
    name: content.toString('latin1', space + 1, zero),
    oid: content.toString('hex', zero + 1, end),
  };
}

/** Entries -> bytes of a tree object, sorted the way git demands (a folder sorts as if its name ended in a slash). */
export function encodeTree(items: readonly TreeItem[]): Buffer {
  const key = (item: TreeItem) => (item.mode === folderMode ? `${item.name}/` : item.name);
  const sorted = [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return Buffer.concat(
    sorted.flatMap((item) => [
      Buffer.from(`${item.mode.replace(/^0/, '')} ${item.name}\0`, 'latin1'),
      Buffer.from(item.oid, 'hex'),
    ]),
  );
}

/** A name's bytes as text people can read; bytes that are not UTF-8 show as U+FFFD. */
export function nameToText(name: string): string {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x7f) return Buffer.from(name, 'latin1').toString('utf8');
  }
  return name;
}

/** Text -> the name's bytes as they stand in a tree. */
export function textToName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

// Old tools wrote modes such as 100664; git reads them as one of five, so both readers must.
function canonicalMode(text: string): string {
  switch (text) {
    case '100644':
    case '100755':
    case '120000':
    case '160000':
      return text;
    case '40000':
      return folderMode;
  }
  const mode = Number.parseInt(text, 8);
  switch (mode & 0o170000) {
    case 0o100000:
      return mode & 0o100 ? '100755' : '100644';
    case 0o120000:
      return '120000';
    case 0o040000:
      return folderMode;
    default:
      return '160000';
  }
}

function corruptTree(oid: ObjectId): HeadwaterError {
  return new HeadwaterError('HW_OBJECT_CORRUPT', {
    message: `tree ${oid} is not a readable tree object`,
    hint: 'Run `git fsck` in the repository and restore the object from another clone.',
    details: { oid },
  });
}
