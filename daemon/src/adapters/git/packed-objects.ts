/** Every object of a folder of packs: sizes first, so that nothing is unpacked that is too large, then contents, one at a time. */
import { Readable } from 'node:stream';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { PushedObject } from '../../gate/pushed-objects.ts';
import type { ObjectId } from '../../ports.ts';
import { type GitLocation, spawnGit } from './git-process.ts';
import { gitRecords, outcome } from './git-records.ts';
import { corruptObject } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';

/** Ten years of a busy repository; the list of them takes some tens of megabytes. */
const maxObjects = 500_000;

/** @param repo With `objects` set to the folder alone. @throws HeadwaterError `HW_FILE_TOO_LARGE` when there are too many. */
export async function* readPackedObjects(
  repo: GitRepository & GitLocation,
  maxBytes: number,
): AsyncGenerator<PushedObject> {
  const wanted: { readonly oid: ObjectId; readonly size: number }[] = [];
  const check = '--batch-check=%(objectname) %(objecttype) %(objectsize)';
  const about = '0'.repeat(repo.objectFormat === 'sha1' ? 40 : 64);
  let count = 0;
  for await (const record of gitRecords(repo, about, ['cat-file', check, ...everyObject], '', 0x0a)) {
    const [oid = '', kind, size] = record.toString('latin1').split(' ');
    if (++count > maxObjects) throw tooMany();
    if (kind === 'tree') continue;
    if (Number(size) > maxBytes) yield { oid, size: Number(size), content: null };
    else wanted.push({ oid, size: Number(size) });
  }
  yield* contentsOf(repo, about, wanted);
}

const everyObject = ['--batch-all-objects', '--unordered', '--buffer'];

async function* contentsOf(
  repo: GitRepository & GitLocation,
  about: ObjectId,
  wanted: readonly { readonly oid: ObjectId; readonly size: number }[],
): AsyncGenerator<PushedObject> {
  if (wanted.length === 0) return;
  const child = spawnGit(repo, ['cat-file', '--batch', '--buffer']);
  const done = outcome(child, about);
  try {
    Readable.from(wanted.map(({ oid }) => `${oid}\n`)).pipe(child.stdin);
    const bytes = reader(child.stdout);
    for (const { oid, size } of wanted) {
      const header = `${oid} `;
      const line = (await bytes.line()).toString('latin1');
      if (!line.startsWith(header) || !line.endsWith(` ${size}`)) throw corruptObject(oid, line);
      const content = await bytes.take(size);
      await bytes.take(1);
      yield { oid, size, content };
    }
    await done;
  } finally {
    child.kill();
  }
}

/** Takes exact pieces out of a stream. */
function reader(stream: AsyncIterable<Buffer>) {
  const chunks = stream[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async () => {
    const { value, done } = await chunks.next();
    if (done) throw new Error('git ended in the middle of an object');
    return value;
  };
  return {
    async line(): Promise<Buffer> {
      let end = held.indexOf(0x0a);
      while (end < 0) {
        held = Buffer.concat([held, await more()]);
        end = held.indexOf(0x0a);
      }
      const line = held.subarray(0, end);
      held = held.subarray(end + 1);
      return line;
    },
    async take(size: number): Promise<Buffer> {
      const pieces = [held];
      let length = held.length;
      while (length < size) {
        const piece = await more();
        pieces.push(piece);
        length += piece.length;
      }
      const whole = pieces.length === 1 ? held : Buffer.concat(pieces);
      held = whole.subarray(size);
      return whole.subarray(0, size);
    },
  };
}

function tooMany(): HeadwaterError {
  return new HeadwaterError('HW_FILE_TOO_LARGE', {
    message: `a push brings more than ${maxObjects} objects`,
    hint: 'Push the history in parts: git push origin <older commit>:<branch> first.',
  });
}
