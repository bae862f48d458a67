/** What a host can do to us, over HTTP: both adapters end in the same words, without a credential in the wrong place. */
import { chmod, writeFile } from 'node:fs/promises';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type GitHttpServer, startGitHttpServer } from '../../../testing/git-http-server.ts';
import { openRemoteScene, type RemoteScene, tokenFileIn } from '../../../testing/remote-scene.ts';
import { createIsomorphicRemote } from './isomorphic-remote.ts';
import { createNativeRemote } from './native-remote.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 120_000 });

const main = 'refs/heads/main';
const token = 'hw-canary-token';
const basic = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of open.splice(0)) await one.close();
});

async function scene(
  kind: 'http' | 'isomorphic',
  silenceMs = { ask: 10_000, transfer: 10_000, push: 10_000 },
): Promise<{ at: RemoteScene; server: GitHttpServer; first: string }> {
  const at = await openRemoteScene(kind, {
    silenceMs,
    credential: { kind: 'given', secret: token, username: 'x-access-token' },
  });
  open.push(at);
  const server = at.server as GitHttpServer;
  server.authorization = basic;
  const [first = ''] = await at.host.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  at.host.setRef(main, first);
  return { at, server, first };
}

/** The error of `work` as text, with everything that could be shown of it. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (error === null) return 'fine';
  if (!isHeadwaterError(error)) return `unexpected ${String(error)}`;
  return `${error.code}: ${error.message} | ${error.hint} | ${JSON.stringify(error.details)}`;
}

describe.each(['http', 'isomorphic'] as const)('%s', (kind) => {
  test('answers that are no repository are told apart', async () => {
    const { at, server } = await scene(kind);
    const cases = [
      [301, /^HW_UPSTREAM_REFUSED: \S+ redirects to http:\/\/elsewhere\.example\/x .*--repo/],
      [401, /^HW_UPSTREAM_REFUSED: .*does not accept the credential \(401\).*--repo-token-file/],
      [403, /^HW_UPSTREAM_REFUSED: .*forbids it \(403\)/],
      [404, /^HW_UPSTREAM_REFUSED: .*has no such repository \(404\)/],
      [418, /^HW_UPSTREAM_REFUSED: .*answers 418/],
      [429, /^HW_UPSTREAM_UNREACHABLE: .*asks for patience \(429\).*"retryAfterMs":7000/],
      [500, /^HW_UPSTREAM_UNREACHABLE: .*trouble of its own \(500\)/],
      [503, /^HW_UPSTREAM_UNREACHABLE: .*trouble of its own \(503\)/],
    ] as const;
    for (const [status, said] of cases) {
      const headers = {
        location: 'http://elsewhere.example/x',
        'retry-after': '7',
        'content-type': 'text/plain',
      };
      // A host that says our own credential back.
      server.fault = ({ authorization }) => ({
        kind: 'status',
        status,
        headers,
        body: `no: ${authorization} ${token}`,
      });
      const failure = await failureOf(at.remote.tips([main]));
      expect(failure).toMatch(said);
      expect(failure).not.toContain(token);
      expect(failure).not.toContain(basic.slice('Basic '.length));
    }
    server.fault = () => ({
      kind: 'status',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>',
    });
    expect(await failureOf(at.remote.tips([main]))).toMatch(/^HW_UPSTREAM_/);
  });

  test('a redirect is not followed: the other host hears nothing', async () => {
    const { at, server } = await scene(kind);
    const other = await startGitHttpServer(at.upstream.folder);
    open.push(other);
    for (const place of [/info\/refs/, /git-upload-pack$/]) {
      server.fault = ({ path }) =>
        place.test(path)
          ? { kind: 'status', status: 302, headers: { location: `${other.url}${path}` } }
          : null;
      const tips = new Map([[main, at.host.read(main) ?? '']]);
      expect(await failureOf(at.remote.fetch(tips))).toMatch(/^HW_UPSTREAM_REFUSED: \S+ redirects to/);
    }
    expect(other.requests).toEqual([]);
  });

  test('a host that is off, or hangs, or is merely slow', async () => {
    const { at, server } = await scene(kind, { ask: 700, transfer: 700, push: 700 });
    server.fault = () => ({ kind: 'hang' });
    const asked = performance.now();
    expect(await failureOf(at.remote.tips([main]))).toMatch(/^HW_UPSTREAM_UNREACHABLE: .*in time/);
    // Long before git itself loses patience.
    expect(performance.now() - asked).toBeLessThan(15_000);
    const tips = new Map([[main, at.host.read(main) ?? '']]);
    expect(await failureOf(at.remote.fetch(tips))).toMatch(/^HW_UPSTREAM_UNREACHABLE: .*in time/);
    server.fault = () => null;
    await server.stop();
    expect(await failureOf(at.remote.tips([main]))).toMatch(
      /^HW_UPSTREAM_UNREACHABLE: .*refuses connections/,
    );
    await server.start();
    server.fault = () => ({ kind: 'slow', ms: 200 });
    expect((await at.remote.tips([main])).size).toBe(1);
  });

  test('closing ends a conversation that hangs', async () => {
    const { at, server } = await scene(kind, { ask: 60_000, transfer: 60_000, push: 60_000 });
    const asked = new Promise<void>((resolve) => {
      server.fault = () => {
        resolve();
        return { kind: 'hang' };
      };
    });
    const failure = failureOf(at.remote.tips([main]));
    await asked;
    await at.remote.close();
    expect(await failure).toMatch(/^HW_UPSTREAM_UNREACHABLE/);
  });

  test('cut or shortened at every kilobyte, an answer brings nothing that is not whole', async () => {
    const { at, server, first } = await scene(kind);
    // Content that does not compress, so that the answer has many kilobytes.
    const noise = (seed: number) =>
      Array.from({ length: 6_000 }, (_, i) => ((i * 2_654_435_761 * seed) >>> 7).toString(36)).join(' ');
    const [, tip = ''] = await at.host.build([
      { parents: [], set: { 'headwater.json': '{}' } },
      { parents: [0], set: { a: noise(3), b: noise(5) } },
    ]);
    expect(first).not.toBe(tip);
    at.host.setRef(main, tip);
    const tips = new Map([[main, tip]]);
    // `make faults` goes through every kilobyte, other runs through a sample.
    const step = process.env.HW_FAULT_REPEATS === undefined ? 9 * 1024 : 1024;
    const faults = ['cut', 'shorten'] as const;
    // A short answer in front of the long one passes; the last round passes whole.
    let bytes = 0;
    for (let cut = true; cut; bytes += step) {
      for (const kind of faults) {
        server.fault = ({ path }) => (path.endsWith('git-upload-pack') ? { kind, afterBytes: bytes } : null);
        const failure = await failureOf(at.remote.fetch(tips));
        cut = failure !== 'fine';
        if (cut) expect(failure).toMatch(/^(HW_UPSTREAM_UNREACHABLE|HW_OBJECT_MISSING)/);
        if (cut) expect(at.mirror.git('for-each-ref')).toBe('');
      }
    }
    expect(bytes).toBeGreaterThan(30_000);
    server.fault = () => null;
    await at.remote.fetch(tips);
    expect(at.mirror.git('fsck', '--no-dangling', tip)).toBe('');
  });

  test('a list of refs that was cut anywhere is never taken for the whole list', async () => {
    const { at, server, first } = await scene(kind);
    at.host.setRef('refs/heads/aaa', first);
    for (let bytes = 0; bytes < 160; bytes += 7) {
      server.fault = ({ path }) =>
        path.endsWith('git-upload-pack') ? { kind: 'shorten', afterBytes: bytes } : null;
      const tips = await at.remote.tips(['refs/heads/*']).catch(() => null);
      if (tips !== null) expect([...tips.keys()]).toEqual(['refs/heads/aaa', main]);
    }
  });

  test('a token file is read before every use, and must be private', async () => {
    const { at, server } = await scene(kind);
    const path = tokenFileIn(at);
    const options = {
      url: at.url,
      transport: 'http',
      credential: { kind: 'file', path, username: 'x-access-token' },
    } as const;
    const remote =
      kind === 'http' ? createNativeRemote(at.repo, options) : createIsomorphicRemote(at.repo, options);
    expect(await failureOf(remote.tips([main]))).toMatch(/^HW_SECRET_FILE/);
    await writeFile(path, 'old-token\n', { mode: 0o600 });
    expect(await failureOf(remote.tips([main]))).toMatch(/^HW_UPSTREAM_REFUSED: .*\(401\)/);
    await writeFile(path, `${token}\n`);
    expect((await remote.tips([main])).size).toBe(1);
    server.authorization = `Basic ${Buffer.from('ann:other').toString('base64')}`;
    await writeFile(path, 'ann:other\n');
    expect((await remote.tips([main])).size).toBe(1);
    await chmod(path, 0o644);
    expect(await failureOf(remote.tips([main]))).toMatch(/^HW_SECRET_FILE: .*expected 600/);
  });
});

test('a shallow repository at the host is refused with a word', async () => {
  for (const kind of ['http', 'isomorphic'] as const) {
    const { at } = await scene(kind);
    const ids = await at.host.build([
      { parents: [], set: { a: '1' } },
      { parents: [0], set: { a: '2' } },
    ]);
    at.host.setRef(main, ids[1] ?? '');
    await writeFile(`${at.upstream.path}/shallow`, `${ids[1]}\n`);
    const failure = await failureOf(at.remote.fetch(new Map([[main, ids[1] ?? '']])));
    expect([kind, failure]).toEqual([kind, expect.stringMatching(/^HW_REPO_SHALLOW/)]);
  }
});

test('a SHA-256 repository travels with native git, and is refused without', async () => {
  const at = await openRemoteScene('http', { objectFormat: 'sha256' });
  open.push(at);
  const [first = ''] = await at.host.build([{ parents: [], set: { a: '1' } }]);
  at.host.setRef(main, first);
  const tips = await at.remote.tips([main]);
  expect(tips.get(main)).toMatch(/^[0-9a-f]{64}$/);
  await at.remote.fetch(tips);
  expect((await at.reader.readCommit(first)).id).toBe(first);
  expect(() => createIsomorphicRemote(at.repo, { url: at.url, credential: { kind: 'none' } })).toThrow(
    /native git/,
  );
});
