/** The gate's own manners, with a judge that does what the test wants. */
import { expect, test } from 'vitest';
import { noPolicy } from '../core/policy.ts';
import { createLog } from '../log.ts';
import { createPushGate, type PushGateDeps } from './push-gate.ts';
import { createPushTickets } from './push-tickets.ts';
import type { PushedObjects } from './pushed-objects.ts';

const [a, b] = ['a', 'b'].map((digit) => digit.repeat(40)) as [string, string];
const here = process.cwd();
const question = `headwater-push 1\nrepository ${here}\nquarantine \nticket \nupdate ${a} ${b} refs/heads/main\nend\n`;
const commit = { id: b, tree: b, parents: [a], message: '', author: nobody(), committer: nobody() };

function nobody() {
  return { name: '', email: '', time: 0 };
}

function gate(more: Partial<PushGateDeps>) {
  const objects: PushedObjects = {
    reader: {
      readCommit: async () => commit,
      readRawCommit: async () => new Uint8Array(),
      readStep: async () => ({ commit, changes: [] }),
      readBlob: async () => new Uint8Array(),
      diff: async () => [],
    },
    async *objects() {},
    firstParentsSince: async () => [b],
    isAncestor: async () => true,
    close: async () => {},
  };
  return createPushGate({
    repository: here,
    branch: 'refs/heads/main',
    followed: { commit: a, policy: noPolicy, liveCommit: () => null },
    judge: { judge: async () => ({ problems: [], warnings: [], affected: new Map() }) },
    open: () => objects,
    tickets: createPushTickets(),
    log: createLog({ stream: { write: () => true }, level: 'silent' }),
    ...more,
  });
}

test('judging that takes too long is a refusal, and the next push is judged all the same', async () => {
  let judged = 0;
  const slow = gate({
    waitMs: 20,
    judge: {
      async judge() {
        judged += 1;
        if (judged === 1) await new Promise((resolve) => setTimeout(resolve, 60));
        return { problems: [], warnings: [], affected: new Map() };
      },
    },
  });
  const [first, second] = await Promise.all([slow.answer(question), slow.answer(question)]);
  for (const late of [first, second]) {
    expect(late.allowed).toBe(false);
    expect(late.lines.join('\n')).toContain('judging it took longer than 0.02 s');
  }
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect((await slow.answer(question)).allowed).toBe(true);
  // Whoever gave up before its turn came is not judged any more.
  expect(judged).toBe(2);
});

test('a question that cannot be read is a refusal', async () => {
  for (const text of ['', 'headwater-push 2\n', question.slice(0, -5)]) {
    const answer = await gate({}).answer(text);
    expect(answer.allowed).toBe(false);
    expect(answer.lines.join('\n')).toContain('the hook of this repository is of another version');
  }
  expect((await gate({}).answer(question)).allowed).toBe(true);
});

test('a listener that throws lets nothing in that it was not told of', async () => {
  const told = gate({
    onAllowed: () => {
      throw new Error('the audit log cannot be written');
    },
  });
  await expect(told.answer(question).then(({ allowed }) => allowed)).resolves.toBe(false);
});
