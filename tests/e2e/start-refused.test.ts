/** Every way a start can fail says what happened and what to do, on one screen, with exit code 3. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProcess } from '../support/process.ts';
import { headwaterBin, scratchFolder, startStack } from '../support/stack.ts';

const serve = (folder: string, ...args: string[]) =>
  runProcess(
    process.execPath,
    [
      headwaterBin,
      'serve',
      '--data',
      join(folder, 'data'),
      '--http',
      '127.0.0.1:0',
      '--mqtt',
      '127.0.0.1:0',
      ...args,
    ],
    { cwd: folder },
  );

const git = (folder: string, ...args: string[]) =>
  runProcess('git', ['-C', folder, '-c', 'user.name=A', '-c', 'user.email=a@b.c', ...args]);

/** What is wrong, how it came to be, what the message says, and what the hint tells to do. */
type Case = readonly [string, (folder: string) => Promise<unknown>, RegExp, RegExp];

const cases: readonly Case[] = [
  ['a repository that is not there', async () => undefined, /nowhere/, /--repo|path/i],
  [
    'a folder that is no repository',
    (folder) => mkdir(join(folder, 'nowhere')),
    /no(t a)? git repository|not a repository/i,
    /headwater init|git init/,
  ],
  [
    'a repository without a commit',
    (folder) => runProcess('git', ['init', '-q', '-b', 'main', join(folder, 'nowhere')]),
    /has no branch "main"/,
    /[Pp]ush a first commit/,
  ],
  [
    'a repository without headwater.json',
    async (folder) => {
      await runProcess('git', ['init', '-q', '-b', 'main', join(folder, 'nowhere')]);
      await git(join(folder, 'nowhere'), 'commit', '-q', '--allow-empty', '-m', 'Begin');
    },
    /headwater\.json/,
    /headwater init/,
  ],
  [
    'another branch than the one that is there',
    async (folder) => {
      await runProcess(process.execPath, [headwaterBin, 'init', 'nowhere'], { cwd: folder });
      await git(join(folder, 'nowhere'), 'branch', '-m', 'trunk');
    },
    /has no branch "main"/,
    /--branch/,
  ],
];

test.each(cases)('%s', async (_name, prepare, message, hint) => {
  const folder = await scratchFolder();
  await prepare(folder);
  const done = await serve(folder, '--repo', 'nowhere');
  expect(done.code).toBe(3);
  expect(done.stdout).toBe('');
  expect(done.stderr).toMatch(message);
  expect(done.stderr).toMatch(hint);
  expect(done.stderr.trim().split('\n').length).toBeLessThanOrEqual(6);
});

test('a port that is taken, a second daemon on one folder, a folder others can read', async () => {
  await using stack = await startStack();
  const second = await stack.headwater(
    'serve',
    '--data',
    stack.data,
    '--http',
    '127.0.0.1:0',
    '--mqtt',
    '127.0.0.1:0',
  );
  expect(second.code).toBe(3);
  expect(second.stderr).toMatch(/another daemon \(process \d+\) uses/);

  const folder = await scratchFolder();
  const taken = new URL(stack.ready.http).host;
  const http = await runProcess(process.execPath, [
    headwaterBin,
    'serve',
    '--data',
    join(folder, 'data'),
    '--http',
    taken,
    '--mqtt',
    '127.0.0.1:0',
  ]);
  expect(http.code).toBe(3);
  expect(http.stderr).toContain(taken);
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  const { port } = blocker.address() as { port: number };
  const mqtt = await serve(folder, '--mqtt', `127.0.0.1:${port}`);
  blocker.close();
  expect(mqtt.code).toBe(3);
  expect(mqtt.stderr).toContain(`127.0.0.1:${port}`);
  expect(mqtt.stderr).toContain('--mqtt');

  await chmod(join(folder, 'data'), 0o755);
  const open = await serve(folder);
  expect(open.code).toBe(3);
  expect(open.stderr).toMatch(/chmod 700|0700/);
});

test('key files that are short, placeholders or readable by others stop the start with their name', async () => {
  const folder = await scratchFolder();
  {
    await using stack = await startStack({ env: {} });
    await runProcess('cp', ['-a', stack.data, join(folder, 'data')]);
  }
  for (const [name, content, mode] of [
    ['signing.key', 'abcd\n', 0o600],
    ['signing.key', `${'00'.repeat(32)}\n`, 0o600],
    ['signing.key', `${'7f3a'.repeat(16)}\n`, 0o644],
    ['secrets.identity', 'AGE-SECRET-KEY-1QQQQ\n', 0o600],
    ['secrets.identity', null, 0o644],
  ] as const) {
    const key = join(folder, 'data/keys', name);
    const good = await readFile(key);
    await writeFile(key, content ?? good);
    await chmod(key, mode);
    const done = await serve(folder);
    expect(done.code).toBe(3);
    expect(done.stderr).toContain(name);
    expect(done.stderr).not.toContain('AGE-SECRET-KEY-1Q');
    await writeFile(key, good);
    await chmod(key, 0o600);
  }
  await rm(join(folder, 'data/keys/secrets.identity'));
  expect((await serve(folder)).stderr).toContain('secrets.identity is missing');
});

test('a listener beyond this machine without TLS is refused unless asked for by name', async () => {
  const folder = await scratchFolder();
  const done = await serve(folder, '--http', '0.0.0.0:0');
  expect(done.code).toBe(3);
  expect(done.stderr).toContain('--allow-plaintext');
});
