// Writes commits the way git does: objects first, in files of their own, then the ref by rename. In process, so that the moment
// at which the commit becomes visible is known to the microsecond.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { now } from './clock.mjs';
import { run } from './processes.mjs';

/**
 * @typedef {{ at: bigint, startedAt: bigint, commit: string }} Commit `at`: the rename of the ref, `startedAt`: before the first object.
 */

/**
 * Opens the branch `main` of a bare repository as it is now.
 * @param {string} gitDir
 */
export async function openWriter(gitDir) {
  const listed = await run('git', ['-C', gitDir, 'ls-tree', '-r', '-z', 'main']);
  /** @type {Tree} */
  const root = { files: new Map(), folders: new Map(), oid: null };
  for (const record of listed.split('\0').filter(Boolean)) {
    const [head, path] = record.split('\t');
    place(root, path.split('/'), head.split(' ')[2]);
  }
  let parent = (await run('git', ['-C', gitDir, 'rev-parse', 'main'])).trim();
  let seconds = Math.floor(Date.now() / 1000);

  return {
    /**
     * @param {Record<string, string>} files new content by path
     * @param {{ durable?: boolean }} [options] `durable` (default) syncs every object and the ref before the rename, as Headwater does itself and `git -c core.fsync=all`
     * @returns {Commit}
     */
    commit(files, { durable = true } = {}) {
      const startedAt = now();
      for (const [path, text] of Object.entries(files)) {
        place(root, path.split('/'), writeObject(gitDir, 'blob', Buffer.from(text), durable));
      }
      const tree = writeTree(gitDir, root, durable);
      seconds += 1;
      const person = `Ann Example <ann@example.org> ${seconds} +0000`;
      const text = `tree ${tree}\nparent ${parent}\nauthor ${person}\ncommitter ${person}\n\nChange config\n`;
      const commit = writeObject(gitDir, 'commit', Buffer.from(text), durable);
      const ref = join(gitDir, 'refs/heads/main');
      const lock = openSync(`${ref}.lock`, 'wx');
      writeSync(lock, `${commit}\n`);
      if (durable) fsyncSync(lock);
      closeSync(lock);
      const at = now();
      renameSync(`${ref}.lock`, ref);
      parent = commit;
      return { at, startedAt, commit };
    },
  };
}

/**
 * @typedef {{ files: Map<string, string>, folders: Map<string, Tree>, oid: string | null }} Tree
 */

function place(tree, [name, ...rest], oid) {
  tree.oid = null;
  if (rest.length === 0) {
    tree.files.set(name, oid);
    return;
  }
  const folder = tree.folders.get(name) ?? { files: new Map(), folders: new Map(), oid: null };
  tree.folders.set(name, folder);
  place(folder, rest, oid);
}

/** Writes the folders that changed. */
function writeTree(gitDir, tree, durable) {
  if (tree.oid !== null) return tree.oid;
  const entries = [
    ...[...tree.files].map(([name, oid]) => ({ name, sort: name, mode: '100644', oid })),
    ...[...tree.folders].map(([name, folder]) => ({
      name,
      sort: `${name}/`,
      mode: '40000',
      oid: writeTree(gitDir, folder, durable),
    })),
  ].sort((a, b) => (a.sort < b.sort ? -1 : 1));
  const content = Buffer.concat(
    entries.flatMap(({ mode, name, oid }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
  );
  tree.oid = writeObject(gitDir, 'tree', content, durable);
  return tree.oid;
}

function writeObject(gitDir, kind, content, durable) {
  const bytes = Buffer.concat([Buffer.from(`${kind} ${content.length}\0`), content]);
  const oid = createHash('sha1').update(bytes).digest('hex');
  const path = join(gitDir, 'objects', oid.slice(0, 2), oid.slice(2));
  if (existsSync(path)) return oid;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  if (durable) {
    const file = openSync(temporary, 'wx', 0o444);
    writeSync(file, deflateSync(bytes));
    fsyncSync(file);
    closeSync(file);
  } else {
    writeFileSync(temporary, deflateSync(bytes), { mode: 0o444 });
  }
  renameSync(temporary, path);
  return oid;
}
