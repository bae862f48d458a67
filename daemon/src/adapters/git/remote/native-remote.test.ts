import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { type GitHttpServer, startGitHttpServer } from '../../../testing/git-http-server.ts';
import { remoteContract } from '../../../testing/remote.contract.ts';
import { openRemoteScene, type RemoteScene } from '../../../testing/remote-scene.ts';
import { createNativeRemote } from './native-remote.ts';

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

remoteContract('native git over HTTP', () => openRemoteScene('http'));
remoteContract('native git over file', () => openRemoteScene('file'));

const main = 'refs/heads/main';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of open.splice(0)) await one.close();
});

async function scene(): Promise<{ at: RemoteScene; server: GitHttpServer; first: string }> {
  const at = await openRemoteScene('http');
  open.push(at);
  const [first = ''] = await at.host.build([{ parents: [], set: { 'headwater.json': '{}' } }]);
  at.host.setRef(main, first);
  return { at, server: at.server as GitHttpServer, first };
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'fine', text: '', sent: undefined }),
    (error: unknown) => {
      if (!isHeadwaterError(error)) throw error;
      const text = `${error.message} | ${error.hint} | ${JSON.stringify(error.details)}`;
      return { code: error.code, text, sent: error.details.sent };
    },
  );

async function script(path: string, body: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

test('settings, helpers and variables of this machine have no say, and nobody is asked', async () => {
  const { at, server, first } = await scene();
  const other = await startGitHttpServer(at.upstream.folder);
  open.push(other);
  const home = join(at.mirror.folder, 'home');
  await mkdir(home);
  const trace = join(home, 'was-run');
  const program = await script(join(home, 'program'), `echo "$0 $*" >> '${trace}'; echo secret`);
  const settings = [
    `[url "${other.url}/"]\n\tinsteadOf = ${server.url}/`,
    `[credential]\n\thelper = !${program}`,
    `[core]\n\taskPass = ${program}\n\tsshCommand = ${program}\n\tfsmonitor = ${program}`,
    '[http]\n\tfollowRedirects = true\n\tsslVerify = false',
    '[protocol "ext"]\n\tallow = always',
  ].join('\n');
  await mkdir(join(home, 'git'));
  for (const file of ['.gitconfig', 'git/config']) await writeFile(join(home, file), settings);
  await writeFile(join(home, '.netrc'), 'machine 127.0.0.1 login ann password CANARY\n', { mode: 0o600 });
  for (const [name, value] of Object.entries({
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_ASKPASS: program,
    SSH_ASKPASS: program,
    SSH_ASKPASS_REQUIRE: 'force',
    GIT_SSH_COMMAND: program,
    GIT_DIR: '/nowhere',
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: 'X-Injected: yes',
    GIT_TRACE: trace,
    HEADWATER_REPO_TOKEN: 'CANARY',
  }))
    vi.stubEnv(name, value);

  expect((await at.remote.tips([main])).get(main)).toBe(first);
  server.authorization = 'Basic never';
  const failure = await failureOf(at.remote.tips([main]));
  expect(failure.code).toBe('HW_UPSTREAM_REFUSED');
  expect(other.requests).toEqual([]);
  expect(server.requests.map((request) => request.authorization)).toEqual(
    server.requests.map(() => undefined),
  );
  expect(existsSync(trace)).toBe(false);
});

test('a program cannot be reached through the address: only its own protocol is allowed', async () => {
  const { at } = await scene();
  const trace = join(at.mirror.folder, 'was-run');
  for (const transport of ['https', 'ssh', 'file'] as const) {
    const remote = createNativeRemote(at.repo, {
      url: `ext::sh -c "touch ${trace}"`,
      transport,
      credential: { kind: 'none' },
    });
    expect((await failureOf(remote.tips([main]))).code).not.toBe('fine');
  }
  expect(existsSync(trace)).toBe(false);
  const local = createNativeRemote(at.repo, {
    url: `file://${at.upstream.path}`,
    transport: 'ssh',
    credential: { kind: 'none' },
  });
  expect((await failureOf(local.tips([main]))).text).toContain("transport 'file' not allowed");
});

test('ssh is the one of the user, strict and without questions', async () => {
  const { at, first } = await scene();
  const folder = join(at.mirror.folder, 'bin');
  await mkdir(folder);
  const said = join(folder, 'said');
  // Runs what the far side would run; options come before the host.
  await script(
    join(folder, 'ssh'),
    `printf '%s\\n' "$@" > '${said}'; [ -n "$REFUSE" ] && { echo "$REFUSE" >&2; exit 255; }; for last; do :; done; exec sh -c "$last"`,
  );
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  const remote = createNativeRemote(at.repo, {
    url: `ssh://git@host.example${at.upstream.path}`,
    transport: 'ssh',
    credential: { kind: 'none' },
  });
  const tips = await remote.tips([main]);
  expect(tips.get(main)).toBe(first);
  await remote.fetch(tips);
  const next = await at.commit(first, { a: '1' });
  await remote.push(main, first, next);
  expect(at.host.read(main)).toBe(next);
  const args = readFileSync(said, 'utf8').split('\n');
  for (const option of [
    '-oBatchMode=yes',
    '-oStrictHostKeyChecking=yes',
    '-oForwardAgent=no',
    'git@host.example',
  ])
    expect(args).toContain(option);

  for (const [words, code] of [
    ['Host key verification failed.', 'HW_UPSTREAM_REFUSED'],
    ['git@host.example: Permission denied (publickey).', 'HW_UPSTREAM_REFUSED'],
    ['ssh: connect to host host.example port 22: Connection refused', 'HW_UPSTREAM_UNREACHABLE'],
    ['ssh: Could not resolve hostname host.example: Name or service not known', 'HW_UPSTREAM_UNREACHABLE'],
  ]) {
    vi.stubEnv('REFUSE', words ?? '');
    expect([words, (await failureOf(remote.tips([main]))).code]).toEqual([words, code]);
    expect((await failureOf(remote.push(main, next, first))).sent).toBe(false);
  }
});

test('a credential helper of git is asked, for this host alone', async () => {
  const { at, server, first } = await scene();
  server.authorization = `Basic ${Buffer.from('ann:from-store').toString('base64')}`;
  const store = join(at.mirror.folder, 'store');
  await writeFile(store, `${server.url.replace('://', '://ann:from-store@')}\n`, { mode: 0o600 });
  const remote = createNativeRemote(at.repo, {
    url: at.url,
    transport: 'http',
    credential: { kind: 'helper', helper: `store --file ${store}` },
  });
  expect((await remote.tips([main])).get(main)).toBe(first);
});

test('after a push that failed it is said whether the host may have taken it', async () => {
  const { at, server, first } = await scene();
  await at.remote.fetch(new Map([[main, first]]));
  const isPush = (path: string) => path.endsWith('/git-receive-pack');
  const push = async () => {
    const next = await at.commit(at.host.read(main), { n: String(Math.random()) });
    return { next, ...(await failureOf(at.remote.push(main, at.host.read(main), next))) };
  };

  server.fault = ({ path }) => (isPush(path) ? { kind: 'lose-answer' } : null);
  const taken = await push();
  expect([taken.code, taken.sent]).toEqual(['HW_UPSTREAM_UNREACHABLE', true]);
  expect(at.host.read(main)).toBe(taken.next);

  for (const [fault, sent] of [
    [{ kind: 'swallow' }, true],
    [{ kind: 'status', status: 502 }, true],
  ] as const) {
    server.fault = ({ path }) => (isPush(path) ? fault : null);
    const lost = await push();
    expect([lost.code, lost.sent]).toEqual(['HW_UPSTREAM_UNREACHABLE', sent]);
    expect(at.host.read(main)).toBe(taken.next);
  }

  server.fault = ({ path }) => (path.includes('info/refs') ? { kind: 'status', status: 503 } : null);
  const early = await push();
  expect([early.code, early.sent]).toEqual(['HW_UPSTREAM_UNREACHABLE', false]);
  server.fault = () => null;
  await server.stop();
  const off = await push();
  expect([off.code, off.sent]).toEqual(['HW_UPSTREAM_UNREACHABLE', false]);
});

test('what the host says against a change is passed on, made fit for a line', async () => {
  const { at, first } = await scene();
  await at.remote.fetch(new Map([[main, first]]));
  await script(
    join(at.upstream.path, 'hooks/pre-receive'),
    `printf 'main is \\033[31mprotected\\n' >&2; exit 1`,
  );
  const next = await at.commit(first, { a: '1' });
  const failure = await failureOf(at.remote.push(main, first, next));
  expect(failure.code).toBe('HW_UPSTREAM_REFUSED');
  expect(failure.text).toMatch(
    /refused the change of refs\/heads\/main: pre-receive hook declined; main is +\[31mprotected/,
  );
  expect(failure.text).not.toContain('\u001b');
  expect(at.host.read(main)).toBe(first);
});

test('a host with thousands of other refs is asked for ours alone; one that cannot tell them apart lists all', async () => {
  const { at, server, first } = await scene();
  at.upstream.gitWithInput(
    Array.from({ length: 500 }, (_, i) => `create refs/pull/${i}/head ${first}\n`).join(''),
    'update-ref',
    '--stdin',
  );
  const expected = [[main, first]];
  const bytes = () => Math.max(...server.requests.splice(0).map((request) => request.answerBytes));
  expect([...(await at.remote.tips([main, 'refs/headwater/*']))]).toEqual(expected);
  expect(bytes()).toBeLessThan(1_000);
  server.protocol = 'old';
  expect([...(await at.remote.tips([main, 'refs/headwater/*']))]).toEqual(expected);
  expect(bytes()).toBeGreaterThan(10_000);
});

test('a long fetch tells where it is', async () => {
  const { at } = await scene();
  const set = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`services/s${i}/config.json`, `{"n":${i}}`]),
  );
  const [tip = ''] = await at.host.build([{ parents: [], set }]);
  at.host.setRef(main, tip);
  const seen: string[] = [];
  await at.remote.fetch(new Map([[main, tip]]), ({ phase, percent }) => seen.push(`${phase} ${percent}`));
  expect(seen).toContain('Receiving objects 100');
});
