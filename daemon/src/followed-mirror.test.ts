/** The mirror as the daemon opens it: real git at a real host. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { signingKeyOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from './adapters/system-clock.ts';
import { Attention } from './attention.ts';
import { remoteDefaults } from './config/remote-section.ts';
import { parseRepoSource } from './config/repo-source.ts';
import { commitSigner, sshPublicKeyText } from './core/signatures/commit-signer.ts';
import { type FollowedRepository, followRepository } from './followed-repository.ts';
import { createLog } from './log.ts';
import type { CommitId } from './ports.ts';
import { Problems } from './problems.ts';
import { testPerson } from './testing/git-history.ts';
import { type GitHttpServer, startGitHttpServer } from './testing/git-http-server.ts';
import { makeTestRepository, type TestRepository } from './testing/test-repository.ts';
import { trackingRef } from './upstream/upstream.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

const main = 'refs/heads/main';
const key = signingKeyOf(new Uint8Array(32).fill(5), nodeCrypto);
let upstream: TestRepository;
let server: GitHttpServer;
let problems: Problems;
const lines: string[] = [];
const opened: FollowedRepository[] = [];

beforeEach(async () => {
  upstream = makeTestRepository();
  upstream.git('config', 'http.receivepack', 'true');
  server = await startGitHttpServer(upstream.folder);
  problems = new Problems();
  lines.length = 0;
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await server.close();
  upstream[Symbol.dispose]();
});

const hostedPath = () => join(upstream.folder, 'data', 'repo.git');

async function follow(
  repo: string | null = `${server.url}/repo`,
  branch = 'main',
): Promise<FollowedRepository> {
  const log = createLog({ stream: { write: (line) => lines.push(line) }, format: 'json', level: 'debug' });
  const followed = await followRepository({
    source: parseRepoSource(repo ?? undefined),
    hostedPath: hostedPath(),
    branch,
    remote: remoteDefaults,
    clock: systemClock,
    attention: new Attention(problems, log),
    recipient: 'age1none',
    commitKey: { sign: commitSigner(key), publicKey: sshPublicKeyText(key.publicKey) },
    log,
  });
  opened.push(followed);
  return followed;
}

async function close(followed: FollowedRepository): Promise<void> {
  opened.splice(opened.indexOf(followed), 1);
  await followed.close();
}

async function pushed(...contents: string[]): Promise<CommitId[]> {
  const ids = await upstream.build(
    contents.map((text, i) => ({ parents: i === 0 ? [] : [i - 1], set: { 'headwater.json': text } })),
  );
  upstream.git('update-ref', main, ids.at(-1) ?? '');
  return [...ids];
}

const edit = (followed: FollowedRepository, expected: CommitId | null, content: string) =>
  followed.writer.commit({
    ref: followed.ref,
    expected,
    edits: [{ path: 'services/a/config.json', content: Buffer.from(content) }],
    message: 'Edit',
    author: testPerson,
    committer: testPerson,
  });

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error) => error.code,
  );

test('what the host has is here, and what comes there comes here', async () => {
  const [first = ''] = await pushed('1');
  const followed = await follow();
  expect(await followed.refs.read(main)).toBe(first);
  const seen: (string | null)[] = [];
  const arrived = new Promise<void>((resolve) => {
    void followed.watcher.start((tip) => {
      seen.push(tip);
      if (seen.length === 2) resolve();
    });
  });
  const [, second = ''] = await pushed('1', '2');
  await followed.upstream?.request();
  await arrived;
  expect(seen).toEqual([first, second]);
  await followed.watcher.close();
  expect(upstream.git('--git-dir', hostedPath(), 'fsck', '--no-dangling')).toBe('');
});

test('an edit is upstream when it is done, byte for byte the commit that is here', async () => {
  const [first = ''] = await pushed('1');
  const followed = await follow();
  const commit = await edit(followed, first, '{}');
  expect(upstream.git('rev-parse', main)).toBe(commit);
  expect(await followed.refs.read(main)).toBe(commit);
  expect(await followed.refs.read(trackingRef(main))).toBe(commit);
  expect(upstream.git('show', `${commit}:services/a/config.json`)).toBe('{}');
});

test('an edit that lost against a push sees the winner', async () => {
  const [first = ''] = await pushed('1');
  const followed = await follow();
  const [, theirs = ''] = await pushed('1', 'theirs');
  const failure = await edit(followed, first, '{}').catch((error) => error);
  expect(failure).toMatchObject({ code: 'HW_REF_MOVED', details: { actual: theirs } });
  expect(await followed.refs.read(main)).toBe(theirs);
  const commit = await edit(followed, theirs, '{}');
  expect(upstream.git('rev-parse', `${commit}^`)).toBe(theirs);
});

test('with the host away: a start from the mirror, edits refused, and all well when it is back', async () => {
  const [first = ''] = await pushed('1');
  await close(await follow());
  await server.stop();
  const followed = await follow();
  expect(await followed.refs.read(main)).toBe(first);
  expect(followed.upstream?.state).toMatchObject({ reachable: false, syncedAt: expect.any(Number) });
  expect(problems.list().map(({ code }) => code)).toEqual(['HW_UPSTREAM_UNREACHABLE']);
  expect(await codeOf(edit(followed, first, '{}'))).toBe('HW_UPSTREAM_UNREACHABLE');
  expect(await followed.refs.read(main)).toBe(first);
  await server.start();
  const commit = await edit(followed, first, '{}');
  expect(upstream.git('rev-parse', main)).toBe(commit);
  expect(problems.list()).toEqual([]);
  expect(followed.upstream?.state.reachable).toBe(true);
});

test('a first clone that fails leaves nothing in the way of the next one', async () => {
  await pushed('1');
  server.fault = ({ path }) => (path.endsWith('git-upload-pack') ? { kind: 'cut', afterBytes: 200 } : null);
  expect(await codeOf(follow())).toBe('HW_UPSTREAM_UNREACHABLE');
  server.fault = () => ({ kind: 'status', status: 404 });
  expect(await codeOf(follow())).toBe('HW_UPSTREAM_REFUSED');
  server.fault = () => null;
  const followed = await follow();
  expect(await followed.refs.read(main)).toBe(upstream.git('rev-parse', main));
  expect(lines.join('\n')).toContain('repository cloned');
});

test('a host that takes no pushes is known as such', async () => {
  await pushed('1');
  server.fault = ({ path }) => (path.includes('git-receive-pack') ? { kind: 'status', status: 403 } : null);
  const followed = await follow();
  expect(followed.upstream?.takesPushes).toBe(false);
  expect(lines.join('\n')).toContain('the host takes no pushes');
  expect(problems.list()).toEqual([]);
  server.fault = () => null;
  await close(followed);
  expect((await follow()).upstream?.takesPushes).toBe(true);
});

test('a repository of its own is never overwritten by a mirror, nor a mirror used as one', async () => {
  await pushed('1');
  await close(await follow());
  expect(await codeOf(follow(null))).toBe('HW_UPSTREAM_CHANGED');
  await rm(hostedPath(), { recursive: true });
  await close(await follow(null));
  expect(await codeOf(follow())).toBe('HW_UPSTREAM_CHANGED');
});

test('a mirror goes on under another address of the same repository', async () => {
  const [first = ''] = await pushed('1');
  await close(await follow());
  const followed = await follow(`file://${upstream.path}`);
  expect(await followed.refs.read(main)).toBe(first);
  expect(await readFile(join(hostedPath(), 'config'), 'utf8')).toContain(
    `upstream = "file://${upstream.path}"`,
  );
  const [, second = ''] = await pushed('1', '2');
  await followed.upstream?.request();
  expect(await followed.refs.read(main)).toBe(second);
});

test('nobody pushes into the mirror: it would be lost', async () => {
  const [first = ''] = await pushed('1');
  await follow();
  expect(() => upstream.git('push', '-q', hostedPath(), `${first}:refs/heads/other`)).toThrow(/hidden ref/);
});

test('a SHA-256 repository is mirrored as one', async () => {
  const sha256 = makeTestRepository({ objectFormat: 'sha256' });
  try {
    const [first = ''] = await sha256.build([{ parents: [], set: { a: '1' } }]);
    sha256.git('update-ref', main, first);
    const followed = await follow(`file://${sha256.path}`);
    expect(await followed.refs.read(main)).toBe(first);
    const commit = await edit(followed, first, '{}');
    expect(sha256.git('rev-parse', main)).toBe(commit);
    await close(followed);
    // Another repository under the same mirror: nothing of it is taken.
    await pushed('1');
    expect(await (await follow()).refs.read(main)).toBe(commit);
    expect(problems.list()[0]).toMatchObject({ code: 'HW_UPSTREAM_REFUSED' });
    expect(problems.list()[0]?.message).toContain('has another kind of commit ids');
  } finally {
    sha256[Symbol.dispose]();
  }
});

test('a branch that does not exist at the host is an empty mirror', async () => {
  await pushed('1');
  const followed = await follow(`${server.url}/repo`, 'none');
  expect(await followed.refs.read(followed.ref)).toBeNull();
  expect(problems.list().map(({ code }) => code)).toEqual(['HW_BRANCH_MISSING']);
});

test('no password is kept anywhere', async () => {
  await pushed('1');
  await follow();
  expect(existsSync(join(hostedPath(), 'FETCH_HEAD'))).toBe(false);
  expect(lines.join('\n')).not.toMatch(/authorization/i);
});
