import type { CommitId, TreeChange } from '../../ports.ts';
import { type GitChild, spawnGit } from './git-process.ts';
import { gitRecords, outcome, records } from './git-records.ts';
import type { GitRepository } from './open-repository.ts';
import { guard } from './tree-diff.ts';

/**
 * The first-parent line with what each commit changed, newest first: `rev-list` names the pairs, `diff-tree` compares them.
 * @param rootFiles Only commits that changed one of these files, and only those changes. Empty: all.
 */
export async function* firstParentChanges(
  repo: GitRepository,
  tip: CommitId,
  rootFiles: readonly string[],
): AsyncGenerator<{ id: CommitId; changes: TreeChange[] }> {
  // Plumbing only: its output does not depend on anyone's settings. "commit parent" makes a merge count against its first parent.
  const paths = rootFiles.length === 0 ? [] : ['--', ...rootFiles.map((name) => `:(top,literal)${name}`)];
  const line = gitRecords(
    repo,
    tip,
    // With paths the parent is the one before it in the shorter list: what differs in those paths is the same.
    ['rev-list', '--first-parent', '--parents', '--stdin', ...paths],
    `${tip}\n`,
    0x0a,
  );
  const args = ['diff-tree', '--stdin', '-r', '--raw', '-z', '--root', '--always', '--no-renames', ...paths];
  const child = spawnGit(repo, args);
  const done = outcome(child, tip);
  const feeding = feed(child, line);
  let current: { id: CommitId; changes: TreeChange[] } | null = null;
  let header: string | null = null;
  try {
    for await (const record of records(child.stdout, 0)) {
      if (header !== null) {
        current?.changes.push(parseChange(header, record));
        guard(current?.changes.length ?? 0);
        header = null;
      } else if (record[0] === 0x3a) {
        header = record.toString('latin1');
      } else {
        if (current !== null) yield current;
        current = { id: record.toString('latin1'), changes: [] };
      }
    }
    await feeding;
    await done;
    if (current !== null) yield current;
  } finally {
    child.kill();
    // After an early stop the feeder fails on the closed pipe; its own errors were seen above.
    await feeding.catch(() => {});
  }
}

async function feed(child: GitChild, line: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const record of line) {
      const [id, parent] = record.toString('latin1').split(' ');
      if (child.stdin.destroyed) return;
      const room = child.stdin.write(parent === undefined ? `${id}\n` : `${id} ${parent}\n`);
      if (!room) await drained(child);
    }
  } finally {
    child.stdin.end();
  }
}

function drained(child: GitChild): Promise<void> {
  return new Promise((resolve) => {
    child.stdin.once('drain', resolve);
    child.stdin.once('close', resolve);
  });
}

/** `:100644 100644 <id> <id> M` and a path -> a change. */
function parseChange(header: string, path: Buffer): TreeChange {
  const [fromMode = '', toMode = '', fromOid = '', toOid = ''] = header.slice(1).split(' ');
  return {
    path: path.toString('utf8'),
    from: fromMode === '000000' ? null : { mode: fromMode, oid: fromOid },
    to: toMode === '000000' ? null : { mode: toMode, oid: toOid },
  };
}
