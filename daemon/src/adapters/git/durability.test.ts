/** One commit, killed at every system call that changes the disk: what was acknowledged stays, what was not is whole or absent. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { createRepository } from './create-repository.ts';
import { openRepository } from './open-repository.ts';
import { clearStaleLocks, createRefStore } from './ref-store.ts';

const main = 'refs/heads/main';
const folder = mkdtempSync(join(tmpdir(), 'headwater-kill-'));
const script = join(folder, 'commit.mjs');
const template = join(folder, 'template.git');
let first = '';

beforeAll(async () => {
  const contents = `
    import { createCommitWriter } from './commit-writer.ts';
    import { createObjectReader } from './object-reader.ts';
    import { openRepository } from './open-repository.ts';
    import { createRefStore } from './ref-store.ts';
    import { writeSync } from 'node:fs';
    const [path, expected] = process.argv.slice(2);
    const repo = await openRepository(path, { useNativeGit: false });
    const person = { name: 'K', email: 'k@e', time: 1 };
    const edits = [{ path: 'services/new/config.json', content: Buffer.from('{"x":1}') }];
    const request = { ref: '${main}', expected, edits, message: 'killed', author: person, committer: person };
    const reader = await createObjectReader(repo);
    try {
      writeSync(1, await createCommitWriter(repo, reader, createRefStore(repo)).commit(request));
    } catch (error) {
      writeSync(1, 'refused ' + error.code);
    }`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    conditions: ['headwater-source'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  });
  first = await createRepository(template, {
    bare: true,
    branch: 'main',
    files: new Map([['services/a/config.json', Buffer.from('{}')]]),
    message: 'Start',
    author: testPerson,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let runs = 0;

/** Runs the commit on a copy of the repository, with a fault at the `when`-th call of one kind. */
async function runWithFault(inject: string): Promise<{ path: string; answer: string; struck: boolean }> {
  const path = join(folder, `run-${runs++}.git`);
  await cp(template, path, { recursive: true });
  const trace = join(folder, `trace-${runs}`);
  const call = inject.split(':')[0];
  const args = [
    '-f',
    '-qq',
    '-o',
    trace,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${inject}`,
    process.execPath,
    script,
    path,
    first,
  ];
  const answer = await new Promise<string>((resolve) => {
    // strace counts calls per thread, so there may be only one that makes them.
    const options = { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } };
    execFile('strace', args, options, (_error, stdout) => resolve(stdout));
  });
  return { path, answer, struck: /SIGKILL|INJECTED/.test(readFileSync(trace, 'utf8')) };
}

/** Git agrees that the repository is whole, the tip is one of two commits, and a new start clears up and can go on. */
async function checkAfterwards(path: string, answer: string): Promise<void> {
  const git = (...args: string[]) => spawnSync('git', ['-C', path, ...args], { encoding: 'utf8' });
  const fsck = git('fsck', '--strict', '--no-dangling');
  expect(fsck.stdout + fsck.stderr).toBe('');
  const tip = git('rev-parse', main).stdout.trim();
  if (/^[0-9a-f]{40}$/.test(answer)) expect(tip).toBe(answer);
  else if (tip !== first) expect(git('rev-parse', `${tip}^`).stdout.trim()).toBe(first);
  const repo = await openRepository(path);
  await clearStaleLocks(repo);
  expect(leftovers(path)).toEqual([]);
  await createRefStore(repo).compareAndSwap(main, tip, first);
}

function leftovers(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.lock$|\.tmp$|headwater-(locks|tmp)\//.test(name));
}

test('every file is on disk before it has its name, every name before the branch moves, and the branch before the answer', async () => {
  const path = join(folder, 'order.git');
  await cp(template, path, { recursive: true });
  const trace = join(folder, 'order');
  const args = [
    '-f',
    '-qq',
    '-y',
    '-s',
    '200',
    '-o',
    trace,
    '-e',
    'trace=fsync,rename,mkdir,write',
    process.execPath,
    script,
    path,
    first,
  ];
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const answer = spawnSync('strace', args, { env, encoding: 'utf8' }).stdout;
  const lines = readFileSync(trace, 'utf8').split('\n');
  const steps = lines.flatMap((line) => {
    const fsync = /fsync\(\d+<([^>]+)>/.exec(line);
    const rename = /rename\("([^"]+)", "([^"]+)"\)\s+= 0/.exec(line);
    const mkdir = /mkdir\("([^"]+)", \d+\)\s+= 0/.exec(line);
    if (fsync !== null) return [{ kind: 'fsync', path: fsync[1] ?? '', from: '' }];
    if (rename !== null) return [{ kind: 'rename', path: rename[2] ?? '', from: rename[1] ?? '' }];
    if (mkdir !== null) return [{ kind: 'mkdir', path: mkdir[1] ?? '', from: '' }];
    return line.includes(answer) && line.includes('write(1<') ? [{ kind: 'answer', path: '', from: '' }] : [];
  });
  const at = (kind: string, wanted: string, after = -1) =>
    steps.findIndex((step, i) => i > after && step.kind === kind && step.path === wanted);
  const moved = at('rename', join(path, main));
  const objects = steps.filter((step) => step.kind === 'rename' && step.path.includes('/objects/'));
  expect(objects).toHaveLength(5);
  for (const object of objects) {
    const named = at('rename', object.path);
    const written = at('fsync', object.from);
    const folderSynced = at('fsync', dirname(object.path), named);
    expect([written, named, folderSynced, moved]).toEqual(
      [...[written, named, folderSynced, moved]].sort((a, b) => a - b),
    );
    expect(Math.min(written, folderSynced)).toBeGreaterThanOrEqual(0);
  }
  const lastFolder = steps.findLastIndex((step) => step.kind === 'mkdir' && step.path.includes('/objects/'));
  const foldersSynced = at('fsync', join(path, 'objects'), lastFolder);
  expect(foldersSynced).toBeGreaterThan(lastFolder);
  expect(foldersSynced).toBeLessThan(moved);
  const branchSynced = at('fsync', join(path, 'refs/heads'), moved);
  expect(branchSynced).toBeGreaterThan(moved);
  expect(at('answer', '')).toBeGreaterThan(branchSynced);
});

describe('a commit killed', () => {
  // Each kind of call by which a commit changes the disk, with how many of them one commit makes at least.
  test.each([
    ['fsync', 8],
    ['rename', 6],
    ['link', 1],
    ['unlink', 1],
    ['mkdir', 3],
  ])(
    'at any %s is whole or absent',
    async (call, atLeast) => {
      let struck = 0;
      for (let when = 1; ; when++) {
        const run = await runWithFault(`${call}:signal=KILL:when=${when}`);
        await checkAfterwards(run.path, run.answer);
        if (!run.struck) {
          expect(run.answer).toMatch(/^[0-9a-f]{40}$/);
          break;
        }
        struck++;
      }
      expect(struck).toBeGreaterThanOrEqual(atLeast);
    },
    120_000,
  );
});

describe('a disk that fails', () => {
  test.each([
    ['fsync', 'EIO'],
    ['rename', 'EIO'],
    ['write,pwrite64', 'ENOSPC'],
  ])(
    'at %s with %s never lets a commit be acknowledged',
    async (call, code) => {
      // A sample: the first, one in the middle, and one near the end of the calls of a commit.
      for (const when of [1, 4, 7]) {
        const run = await runWithFault(`${call}:error=${code}:when=${when}`);
        if (run.struck && call !== 'write,pwrite64') expect(run.answer).toBe('refused HW_STORAGE_FAILED');
        await checkAfterwards(run.path, run.answer);
      }
    },
    120_000,
  );
});
