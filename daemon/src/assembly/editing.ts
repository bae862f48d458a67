/** The door for changes that the daemon makes itself: over HTTP, by commands, for secrets and proposals. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { isCheckedOut } from '../adapters/git/checked-out.ts';
import { hashObject } from '../adapters/git/git-objects.ts';
import { openRepository } from '../adapters/git/open-repository.ts';
import { daemonPerson } from '../core/daemon-person.ts';
import type { Editor } from '../editing/edit.ts';
import { createEditor } from '../editing/editor.ts';
import { engineBranch } from '../editing/engine-branch.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Context } from './context.ts';
import type { Judging } from './judging.ts';

/** How long an answer waits for a broker that does not acknowledge. The commit is safe by then, and its engine has seen it. */
const followWaitMs = 10_000;

/** @param pipeline Asked late: edits come only when it runs. */
export async function openEditing(
  { clock, scope, fatal }: Pick<Context, 'clock' | 'scope' | 'fatal'>,
  repository: FollowedRepository,
  judging: Judging,
  pipeline: () => Pipeline,
): Promise<Editor> {
  const repo = await openRepository(repository.path);
  const engine = () => pipeline().engine;
  const branch = engineBranch({
    engine,
    era: () => pipeline().era,
    follow: ({ refresh }) => within(followWaitMs, follow(refresh)),
    async refusal() {
      const problem = pipeline().historyProblem;
      if (problem !== null) return problem;
      return (await isCheckedOut(repo, repository.ref)) ? checkedOut(repository.ref) : null;
    },
  });
  const editor = createEditor({
    ref: repository.ref,
    branch,
    reader: repository.reader,
    readBlob: judging.readBlob,
    hashBlob: (content) => hashObject('blob', content, repo.objectFormat),
    writer: repository.writer,
    judge: judging.candidateJudge(engine),
    committer: daemonPerson,
    clock,
    wait: (ms) => sleep(ms),
    random: Math.random,
    onBroken: fatal,
  });
  scope.defer(() => editor.idle());
  return editor;

  async function follow(refresh: boolean): Promise<void> {
    if (refresh) await repository.upstream?.request();
    // Through the watcher: moves are reported in their order, by one that knows what it reported last.
    await repository.watcher.look();
    await pipeline().idle();
  }
}

function checkedOut(ref: string): HeadwaterError {
  return new HeadwaterError('HW_WORK_TREE', {
    message: `${ref.replace('refs/heads/', '')} is checked out in a work tree, whose files an edit would leave behind`,
    hint: 'Commit there and the daemon follows, or let it follow a bare repository: git clone --bare.',
  });
}

/** Waits for `work`, but not for ever; what it still does goes on. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const enough = new AbortController();
  try {
    await Promise.race([work, sleep(ms, undefined, { signal: enough.signal }).catch(() => undefined)]);
  } finally {
    enough.abort();
  }
}
