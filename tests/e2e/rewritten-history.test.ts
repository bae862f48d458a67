/** History that was rewritten: refused wherever it is met, healed by putting the branch back, and taken over when somebody accepts it. */
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startMosquitto } from '../../daemon/src/testing/mosquitto.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { equivocationsIn, fallsIn, type Recorded, startRecorder } from '../support/recorder.ts';
import { headwaterBin, type ReadyLine, type Stack, startStack } from '../support/stack.ts';

const config = 'services/stt-worker/config.json';
const refused = /needs attention.*HW_HISTORY_REWRITTEN/;

const threshold = (stack: Stack, value: number): Promise<string> =>
  stack.edit(config, (settings) => ({ ...settings, vad_threshold: value }));

const at =
  (kind: string, era: number, commit: string) =>
  (one: Recorded): boolean =>
    one.kind === kind && one.epoch.era === era && one.epoch.commit === commit;

/** Moves the branch of the daemon's repository where no push would get it. Returns where it was. */
async function moveBranch(stack: Stack, commit: string | null, branch = 'main'): Promise<string> {
  const ref = `refs/heads/${branch}`;
  const before = (await git(stack, 'rev-parse', ref)).trim();
  await git(stack, 'update-ref', ...(commit === null ? ['-d', ref] : [ref, commit]));
  return before;
}

async function git(stack: Stack, ...args: string[]): Promise<string> {
  const done = await runProcess('git', ['-C', stack.ready.git, ...args]);
  if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** A commit beside `parent`'s own successors, in the daemon's repository, that no branch names. */
async function commitBeside(
  stack: Stack,
  parent: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await stack.git('checkout', '-q', '--detach', parent);
  for (const [path, content] of Object.entries(files)) await writeFile(join(stack.clone, path), content);
  await stack.git('add', '-A');
  await stack.git('commit', '-q', '-m', 'Rewritten');
  const commit = await stack.git('rev-parse', 'HEAD');
  await stack.git('checkout', '-q', 'main');
  await git(stack, 'fetch', '-q', stack.clone, commit);
  return commit;
}

interface Status {
  readonly code: number | null;
  readonly era: number;
  readonly refused: { readonly code: string; readonly hint: string } | null;
  readonly environments: readonly {
    readonly env: string;
    readonly epoch: { readonly commit: string } | null;
  }[];
}

async function statusOf(stack: Stack, data = stack.data): Promise<Status> {
  const { code, stdout } = await stack.headwater('status', '--data', data, '--json');
  return { ...(JSON.parse(stdout) as Status), code };
}

/** The command that the hint names, as a person would paste it. */
function pasted(hint: string): string {
  return /Put the branch back: (.+?) – or/.exec(hint)?.[1] ?? `no command in: ${hint}`;
}

/** `headwater watch --json`: every line as it came. */
function watch(stack: Stack, connection: string) {
  const args = ['watch', 'stt-worker', '--env', 'dev', '--connection', connection, '--json'];
  const env = { XDG_STATE_HOME: join(stack.folder, 'watch') };
  return startProcess(process.execPath, [headwaterBin, ...args], { env });
}

/** Another daemon of the same deployment: the same keys and tokens in a data folder of its own, and no memory. */
async function startReplica(stack: Stack, name: string, mqtt: string, repo = stack.ready.git) {
  const data = join(stack.folder, name);
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'version'), '1\n', { mode: 0o600 });
  await cp(join(stack.data, 'keys'), join(data, 'keys'), { recursive: true });
  for (const file of ['tokens.json', 'admin-token']) await cp(join(stack.data, file), join(data, file));
  const args = [
    '--data',
    data,
    '--repo',
    repo,
    '--mqtt',
    mqtt,
    '--http',
    '127.0.0.1:0',
    '--log-format',
    'text',
  ];
  const daemon = startProcess(process.execPath, [headwaterBin, 'serve', ...args]);
  const ready = JSON.parse(await daemon.waitFor(/^\{"ready":true/)) as ReadyLine;
  return { data, daemon, ready, [Symbol.asyncDispose]: () => daemon.kill('SIGKILL') };
}

test('a branch that was moved by force is refused, over a restart too; put back it heals; accepted, services take it once', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  await stack.git('pull', '-q', '--rebase', 'origin', 'main');
  const start = await stack.git('rev-parse', 'HEAD');
  const live = await threshold(stack, 0.6);
  await using watching = watch(stack, connection);
  await watching.waitFor(/"vad_threshold":0\.6/);
  await using recorder = await startRecorder(connection);
  await recorder.waitFor(at('epoch', 1, live));

  const forced = await runProcess('git', [
    '-C',
    stack.clone,
    'push',
    '--force',
    'origin',
    `${start}:refs/heads/main`,
  ]);
  expect(forced.code).not.toBe(0); // the repository refuses it; what follows is done behind its back

  // One commit back: nothing but the branch says that there ever was another one.
  let seen = stack.daemon.lines.length;
  await moveBranch(stack, start);
  await stack.daemon.waitFor(refused, seen);
  const status = await statusOf(stack);
  expect(status).toMatchObject({ code: 1, era: 1, refused: { code: 'HW_HISTORY_REWRITTEN' } });
  expect(status.environments.find(({ env }) => env === 'dev')?.epoch?.commit).toBe(live);
  seen = stack.daemon.lines.length;
  const back = await runProcess('sh', ['-c', pasted(status.refused?.hint ?? '')]);
  expect(back.stderr).toBe('');
  await stack.daemon.waitFor(/works again/, seen);
  expect(await statusOf(stack)).toMatchObject({ code: 0, refused: null });

  // Beside, and while the daemon is away. The rewrite touches no service: only the record in git can tell.
  const readme = await stack.push({ 'README.md': 'Only for people.\n' });
  await recorder.waitFor(at('epoch', 1, readme));
  const beside = await commitBeside(stack, start, {
    [config]: '{ "vad_threshold": 0.75 }\n',
    'README.md': 'Other.\n',
  });
  await stack.daemon.kill('SIGTERM');
  await moveBranch(stack, live);
  await stack.restart();
  await stack.daemon.waitFor(refused);
  await stack.daemon.kill('SIGTERM');
  await moveBranch(stack, beside);
  await stack.restart();
  await stack.daemon.waitFor(refused);
  expect((await statusOf(stack)).environments[0]?.epoch?.commit).toBe(readme);

  const before = watching.lines.length;
  const accepted = await stack.headwater('epoch', 'accept-rewrite', '--data', stack.data, '--json');
  expect(JSON.parse(accepted.stdout)).toMatchObject({
    accepted: true,
    era: 2,
    start: { commit: beside },
    preview: {
      lost: { total: 2 },
      environments: expect.arrayContaining([
        expect.objectContaining({ env: 'dev', changed: { total: 1, names: ['stt-worker'] } }),
      ]),
    },
  });
  await recorder.waitFor(at('epoch', 2, beside));
  const taken = JSON.parse(await watching.waitFor(/"era":2/, before)) as {
    epoch: { era: number; commit: string };
  };
  expect(taken.epoch).toMatchObject({ era: 2, commit: beside });
  const next = await (async () => {
    await stack.git('fetch', '-q', 'origin');
    await stack.git('reset', '-q', '--hard', 'origin/main');
    return threshold(stack, 0.8);
  })();
  await watching.waitFor(/"to":0\.8/, before);
  await recorder.waitFor(at('epoch', 2, next));
  const changes = watching.lines.slice(before).filter((line) => line.includes('"to":0.75'));
  expect(changes).toHaveLength(1);

  expect(await statusOf(stack)).toMatchObject({ code: 0, era: 2, refused: null });
  expect(fallsIn(recorder.all)).toEqual([]);
  expect(equivocationsIn(recorder.all)).toEqual([]);
  expect(recorder.all.filter(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === beside)).toEqual(
    [],
  );
  expect((await git(stack, 'fsck', '--no-dangling')).split('\n').filter(Boolean)).toEqual([]);
  const again = await stack.headwater('epoch', 'accept-rewrite', '--data', stack.data, '--yes');
  expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('nothing to accept')]);
});

test('two daemons on one broker and a third with its own: what one accepts, all follow, and no client sees anything go back', async () => {
  const mosquitto = await startMosquitto();
  try {
    await using stack = await startStack({ serve: ['--mqtt', mosquitto.url] });
    const connection = await stack.enroll('stt-worker');
    await stack.git('pull', '-q', '--rebase', 'origin', 'main');
    const start = await stack.git('rev-parse', 'HEAD');
    await using recorder = await startRecorder(connection, { password: 'any' });
    await using second = await startReplica(stack, 'second', mosquitto.url);
    await using third = await startReplica(stack, 'third', '127.0.0.1:0');
    const live = await threshold(stack, 0.6);
    await recorder.waitFor(at('epoch', 1, live));

    const beside = await commitBeside(stack, start, { [config]: '{ "vad_threshold": 0.75 }\n' });
    await moveBranch(stack, beside);
    for (const daemon of [stack.daemon, second.daemon, third.daemon]) await daemon.waitFor(refused);
    // A replica that remembers nothing meets the rewritten branch: the broker knows better.
    await using fresh = await startReplica(stack, 'fresh', mosquitto.url);
    await fresh.daemon.waitFor(refused);

    const seen = [stack.daemon, third.daemon, fresh.daemon].map((daemon) => daemon.lines.length);
    const accepted = await stack.headwater('epoch', 'accept-rewrite', '--data', second.data, '--json');
    expect(JSON.parse(accepted.stdout)).toMatchObject({ era: 2, start: { commit: beside } });
    for (const [i, daemon] of [stack.daemon, third.daemon, fresh.daemon].entries()) {
      await daemon.waitFor(/a new era is in force/, seen[i]);
      await daemon.waitFor(/works again/, seen[i]);
    }
    await recorder.waitFor(at('epoch', 2, beside));
    await stack.git('fetch', '-q', 'origin');
    await stack.git('reset', '-q', '--hard', 'origin/main');
    const tip = await threshold(stack, 0.8);
    await recorder.waitFor(at('epoch', 2, tip));
    for (const data of [stack.data, second.data, third.data, fresh.data])
      expect(await statusOf(stack, data)).toMatchObject({ code: 0, era: 2, refused: null });
    expect(recorder.refused).toEqual([]);
    expect(fallsIn(recorder.all)).toEqual([]);
    expect(equivocationsIn(recorder.all)).toEqual([]);
    await using apart = await startRecorder(await withBroker(connection, third.ready.mqtt));
    await apart.waitFor(at('snapshot', 2, tip));
  } finally {
    await mosquitto.stop();
  }
});

/** The connection file for another broker that knows the same tokens. */
async function withBroker(connection: string, broker: string): Promise<string> {
  const file = JSON.parse(await readFile(connection, 'utf8')) as object;
  const path = connection.replace('.json', '.third.json');
  await writeFile(path, JSON.stringify({ ...file, broker }));
  return path;
}

describe('restored from a backup', () => {
  test('a repository that is older than what was published is refused, and followed again once it has the rest', async () => {
    await using stack = await startStack();
    const connection = await stack.enroll('stt-worker');
    await threshold(stack, 0.6);
    await stack.daemon.kill('SIGTERM');
    const [repo, aside, backup] = [
      stack.ready.git,
      join(stack.folder, 'newer.git'),
      join(stack.folder, 'backup.git'),
    ];
    await cp(repo, backup, { recursive: true });
    await stack.restart();
    const live = await threshold(stack, 0.7);
    await stack.daemon.waitFor(/epoch is live/);
    await stack.daemon.kill('SIGTERM');

    await rename(repo, aside);
    await cp(backup, repo, { recursive: true });
    await stack.restart();
    await stack.daemon.waitFor(refused);
    const { hint } = (await statusOf(stack)).refused ?? { hint: '' };
    expect(hint).toContain('Bring the commit back from a clone or a newer backup');
    await using recorder = await startRecorder(connection);
    await recorder.waitFor(at('snapshot', 1, live)); // what was published stays, from the daemon's own copies
    const seen = stack.daemon.lines.length;
    await git(stack, 'fetch', '-q', stack.clone, 'main:main');
    await stack.daemon.waitFor(/works again/, seen);
    await recorder.waitFor(at('epoch', 1, live));
    expect(await statusOf(stack)).toMatchObject({ code: 0, refused: null });
    expect(fallsIn(recorder.all)).toEqual([]);
  });

  test('a data folder that is older, or empty but for its keys, does not make a rewritten branch look right', async () => {
    await using stack = await startStack();
    const connection = await stack.enroll('stt-worker');
    await threshold(stack, 0.6);
    await stack.daemon.kill('SIGTERM');
    const backup = join(stack.folder, 'lkg-backup');
    await cp(join(stack.data, 'lkg'), backup, { recursive: true });
    await stack.restart();
    const start = (await git(stack, 'rev-parse', 'main')).trim();
    const live = await stack.push({ 'README.md': 'Only for people.\n' });
    await using recorder = await startRecorder(connection);
    await recorder.waitFor(at('epoch', 1, live));
    await stack.daemon.kill('SIGTERM');
    await moveBranch(stack, start);

    await rm(join(stack.data, 'lkg'), { recursive: true });
    await cp(backup, join(stack.data, 'lkg'), { recursive: true });
    await stack.restart();
    await stack.daemon.waitFor(refused);
    await stack.daemon.kill('SIGKILL');
    await rm(join(stack.data, 'lkg'), { recursive: true });
    await stack.restart();
    await stack.daemon.waitFor(refused);
    expect((await statusOf(stack)).environments[0]?.epoch?.commit).toBe(live);
  });
});

test('a branch that is deleted or renamed, and a HEAD that points elsewhere, remove nothing', async () => {
  await using stack = await startStack();
  const connection = await stack.enroll('stt-worker');
  const live = await threshold(stack, 0.6);
  await using recorder = await startRecorder(connection);
  await recorder.waitFor(at('epoch', 1, live));

  await git(stack, 'branch', 'elsewhere', `${live}^`);
  await git(stack, 'symbolic-ref', 'HEAD', 'refs/heads/elsewhere');
  let seen = stack.daemon.lines.length;
  await git(stack, 'branch', '-m', 'main', 'trunk');
  await stack.daemon.waitFor(/needs attention.*HW_BRANCH_MISSING/, seen);
  await stack.daemon.kill('SIGTERM');
  await stack.restart();
  await stack.daemon.waitFor(/needs attention.*HW_BRANCH_MISSING/);
  const status = await statusOf(stack);
  expect(status).toMatchObject({ code: 1, refused: null });
  expect([...new Set(status.environments.map(({ epoch }) => epoch?.commit))]).toEqual([live]);
  await using fresh = await startRecorder(connection);
  await fresh.waitFor(({ kind, epoch }) => kind === 'snapshot' && epoch.era === 1);
  await fresh.waitFor(at('epoch', 1, live));

  seen = stack.daemon.lines.length;
  await git(stack, 'branch', '-m', 'trunk', 'main');
  await stack.daemon.waitFor(/works again/, seen);
  expect(await statusOf(stack)).toMatchObject({ code: 0 });
  for (const { all } of [recorder, fresh]) {
    expect(all.filter(({ kind }) => kind.includes('tombstone'))).toEqual([]);
    expect(fallsIn(all)).toEqual([]);
  }
});
