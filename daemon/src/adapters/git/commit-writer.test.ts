import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signingKeyOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test, vi } from 'vitest';
import { daemonPerson } from '../../core/daemon-person.ts';
import { parseAllowedSigners } from '../../core/signatures/allowed-signers.ts';
import {
  commitSigner,
  daemonSignerLine,
  newAllowedSigners,
  sshPublicKeyText,
} from '../../core/signatures/commit-signer.ts';
import { verifyCommit } from '../../core/signatures/verify-commit.ts';
import type { FileEdit } from '../../ports.ts';
import { testPerson } from '../../testing/git-history.ts';
import { makeTestRepository, type TestRepository } from '../../testing/test-repository.ts';
import { createCommitWriter } from './commit-writer.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const main = 'refs/heads/main';

async function writerOf(made: TestRepository) {
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const writer = createCommitWriter(repo, reader, createRefStore(repo));
  const people = { author: testPerson, committer: { name: 'Daemon', email: 'd@e', time: 1_700_000_100 } };
  return {
    commit: (expected: string | null, edits: Record<string, string | null>, message = 'change\n') => {
      const list: FileEdit[] = Object.entries(edits).map(([path, text]) => ({
        path,
        content: text === null ? null : Buffer.from(text),
      }));
      return writer.commit({ ref: main, expected, edits: list, message, ...people });
    },
    [Symbol.asyncDispose]: () => reader.close(),
  };
}

const files = (made: TestRepository, commit: string) =>
  made.git('ls-tree', '-r', '--name-only', commit).split('\n');

test('git reads what was committed: files, parent, people, message', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const first = await writer.commit(null, { 'headwater.json': '{}', 'services/a/config.json': '{"x":1}' });
  const second = await writer.commit(
    first,
    { 'services/a/config.json': '{"x":2}' },
    'Raise x\n\nHeadwater-Request-Id: r1',
  );
  expect(made.git('rev-parse', main, `${second}^`).split('\n')).toEqual([second, first]);
  expect(made.git('show', `${second}:services/a/config.json`)).toBe('{"x":2}');
  expect(made.git('log', '-1', '--format=%an <%ae> %at|%cn|%B', second)).toBe(
    'Tess Tér <tess@example.org> 1700000000|Daemon|Raise x\n\nHeadwater-Request-Id: r1',
  );
  expect(made.git('fsck', '--strict')).toBe('');
  expect(readdirSync(join(made.path, 'headwater-tmp'))).toEqual([]);
});

test('a removed file takes its empty folders with it', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const first = await writer.commit(null, { a: '1', 'x/y/z/config.json': '{}', 'x/y/other': '1' });
  const second = await writer.commit(first, { 'x/y/z/config.json': null, 'not/there': null });
  expect(files(made, second)).toEqual(['a', 'x/y/other']);
  const third = await writer.commit(second, { 'x/y/other': null, a: null });
  expect(files(made, third)).toEqual(['']);
  expect(made.git('fsck', '--strict')).toBe('');
});

test('entries that are not edited stay byte for byte, also those nobody should have made', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const blob = made.gitWithInput('text', 'hash-object', '-w', '--stdin');
  const odd = Buffer.concat([
    ...['caf\xe9', 'back\\slash', 'new\nline'].map((name) =>
      Buffer.from(`100644 blob ${blob}\t${name}\0`, 'latin1'),
    ),
    Buffer.from(`120000 blob ${blob}\tlink\x00160000 commit ${'1'.repeat(40)}\tmodule\0`),
  ]);
  const tree = made.gitWithInput(odd, 'mktree', '-z', '--missing');
  const first = made.git('commit-tree', '-m', 'odd', tree);
  made.git('update-ref', main, first);
  const second = await writer.commit(first, { 'services/a/config.json': '{}' });
  expect(
    made
      .git('ls-tree', second)
      .split('\n')
      .filter((line) => !line.endsWith('services')),
  ).toEqual(made.git('ls-tree', first).split('\n'));
});

test('an edited program stays executable, and an edited link becomes a plain file', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const [first = ''] = await made.build([
    {
      parents: [],
      set: { run: { mode: '100755', content: 'a' }, link: { mode: '120000', content: '/etc/passwd' } },
    },
  ]);
  made.git('update-ref', main, first);
  const second = await writer.commit(first, { run: 'b', link: '{}' });
  expect(
    made
      .git('ls-tree', second)
      .split('\n')
      .map((line) => line.slice(0, 6)),
  ).toEqual(['100644', '100755']);
});

test('further parents are kept reachable by a commit that has none of their files', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const writer = createCommitWriter(repo, reader, createRefStore(repo));
  const [kept = ''] = await made.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  const request = {
    ref: 'refs/headwater/notes',
    message: 'note\n',
    author: testPerson,
    committer: testPerson,
  };
  const edits = (text: string) => [{ path: 'note.json', content: Buffer.from(text) }];
  const first = await writer.commit({ ...request, expected: null, extraParents: [kept], edits: edits('1') });
  const second = await writer.commit({
    ...request,
    expected: first,
    extraParents: [kept],
    edits: edits('2'),
  });
  expect(made.git('log', '-1', '--format=%P', first)).toBe(kept);
  expect(made.git('log', '-1', '--format=%P', second)).toBe(`${first} ${kept}`);
  expect(files(made, second)).toEqual(['note.json']);
  for (const ref of made.git('for-each-ref', '--format=%(refname)', 'refs/build').split('\n'))
    made.git('update-ref', '-d', ref);
  made.git('gc', '--quiet', '--prune=now');
  expect(made.git('cat-file', '-t', kept)).toBe('commit');
  await reader.close();
});

test('a message may speak of the tree that it stands beside', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const trees: string[] = [];
  const id = await createCommitWriter(repo, reader, createRefStore(repo)).commit({
    ...{ ref: main, expected: null, author: testPerson, committer: testPerson },
    edits: [{ path: 'a/b', content: Buffer.from('1') }],
    message(tree) {
      trees.push(tree);
      return `about ${tree}`;
    },
  });
  await reader.close();
  expect(trees).toEqual([made.git('rev-parse', `${id}^{tree}`)]);
  expect(made.git('log', '-1', '--format=%B', id)).toBe(`about ${trees[0]}`);
});

test('a branch that moved is not overwritten', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const first = await writer.commit(null, { a: '1' });
  const second = await writer.commit(first, { a: '2' });
  await expect(writer.commit(first, { a: '3' })).rejects.toMatchObject({
    code: 'HW_REF_MOVED',
    details: { actual: second },
  });
  await expect(writer.commit(null, { a: '3' })).rejects.toMatchObject({ code: 'HW_REF_MOVED' });
  expect(made.git('rev-parse', main)).toBe(second);
});

test('paths that no checkout is safe with are refused', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const bad = [
    '',
    '/etc/passwd',
    'a//b',
    'a/',
    '../x',
    'a/../b',
    './a',
    '.git/config',
    'x/.GIT/hooks',
    'git~1/x',
    '.g\u200cit/x',
    '.git./x',
  ];
  for (const path of [...bad, 'a\\b', 'a\nb', 'a\0b', 'C:x', `${'x'.repeat(5000)}`, 'lone\ud800']) {
    await expect(writer.commit(null, { [path]: 'x' }), JSON.stringify(path)).rejects.toMatchObject({
      code: 'HW_NAME_INVALID',
    });
  }
  expect(made.git('for-each-ref')).toBe('');
});

test('a file never silently takes the place of a folder, nor a folder that of a file', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const first = await writer.commit(null, { 'a/b': '1', c: '2' });
  const clashes = [{ a: 'x' }, { 'c/d': 'x' }, { 'n/m': 'x', n: 'y' }, { n: 'y', 'n/m': 'x' }];
  for (const edits of clashes) {
    await expect(writer.commit(first, edits)).rejects.toMatchObject({ code: 'HW_NAME_INVALID' });
  }
  const second = await writer.commit(first, { 'c/d': 'x', c: null, a: null });
  expect(files(made, second)).toEqual(['a/b', 'c/d']);
  expect(files(made, await writer.commit(second, { 'c/d/e': null }))).toEqual(['a/b', 'c/d']);
});

test('names and messages cannot write other header lines', async () => {
  using made = makeTestRepository();
  await using writer = await writerOf(made);
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const evil = { name: 'A\nparent x', email: 'a>b\ntree y', time: 5 };
  const request = { ref: main, expected: null, edits: [{ path: 'a', content: Buffer.from('1') }] };
  const id = await createCommitWriter(repo, reader, createRefStore(repo)).commit({
    ...request,
    message: 'one\0two',
    author: evil,
    committer: evil,
  });
  const commit = await reader.readCommit(id);
  expect(commit).toMatchObject({
    parents: [],
    message: 'onetwo\n',
    author: { name: 'A parent x', email: 'a b tree y' },
  });
  expect(made.git('fsck', '--strict')).toBe('');
  await reader.close();
  await expect(writer.commit(null, { a: '1' })).rejects.toMatchObject({ code: 'HW_REF_MOVED' });
});

test.each(['sha1', 'sha256'] as const)('git verifies what was signed (%s)', async (objectFormat) => {
  using made = makeTestRepository({ objectFormat });
  const repo = await openRepository(made.path);
  const reader = await createObjectReader(repo);
  const key = signingKeyOf(new Uint8Array(32).fill(7), nodeCrypto);
  const writer = createCommitWriter(repo, reader, createRefStore(repo), { sign: commitSigner(key) });
  const id = await writer.commit({
    ...{ ref: main, expected: null, edits: [{ path: 'a', content: Buffer.from('1') }], message: 'Signed' },
    author: testPerson,
    committer: { ...daemonPerson, time: 1_700_000_100 },
  });
  const signers = join(made.folder, 'signers');
  writeFileSync(signers, newAllowedSigners([daemonSignerLine(sshPublicKeyText(key.publicKey))]));
  const settings = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${signers}`];
  expect(made.git(...settings, 'log', '-1', '--format=%G? %GS', id)).toBe(`G ${daemonPerson.email}`);
  expect(made.git('fsck', '--strict')).toBe('');
  const raw = await reader.readRawCommit(id);
  const list = parseAllowedSigners(readFileSync(signers));
  expect(verifyCommit(raw, await reader.readCommit(id), list)).toMatchObject({ verified: true });
  await reader.close();
});
