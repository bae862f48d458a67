import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitId } from '../ports.ts';
import { type BuildHistory, type CommitSpec, testPerson } from './git-history.ts';

/** A real repository in a temporary folder, worked on with native git, for tests. */
export interface TestRepository {
  /** Temporary folder around the repository. */
  readonly folder: string;
  readonly path: string;
  /** Runs git in the repository and returns what it prints. */
  git(...args: string[]): string;
  gitWithInput(input: string | Buffer, ...args: string[]): string;
  readonly build: BuildHistory;
  [Symbol.dispose](): void;
}

export interface TestRepositoryOptions {
  /** Default true. */
  readonly bare?: boolean;
  readonly objectFormat?: 'sha1' | 'sha256';
}

export function makeTestRepository(options: TestRepositoryOptions = {}): TestRepository {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-git-'));
  const path = join(folder, 'repo');
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: testPerson.name,
    GIT_AUTHOR_EMAIL: testPerson.email,
    GIT_COMMITTER_NAME: testPerson.name,
    GIT_COMMITTER_EMAIL: testPerson.email,
  };
  const run = (cwd: string, args: readonly string[], input?: string | Buffer) =>
    execFileSync('git', args, {
      cwd,
      env,
      input: input ?? '',
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    });
  const kind = options.bare === false ? [] : ['--bare'];
  run(folder, [
    'init',
    '-q',
    '-b',
    'main',
    ...kind,
    `--object-format=${options.objectFormat ?? 'sha1'}`,
    path,
  ]);
  let builds = 0;
  return {
    folder,
    path,
    git: (...args) => run(path, args).trimEnd(),
    gitWithInput: (input, ...args) => run(path, args, input).trimEnd(),
    async build(commits) {
      // Objects of their own files, as commits made one by one have them; tests that want packs call gc.
      const script = fastImport(commits, `refs/build/${builds++}`);
      const marks = join(folder, `marks-${builds}`);
      run(
        path,
        [
          '-c',
          'fastimport.unpackLimit=100000',
          'fast-import',
          '--quiet',
          '--force',
          `--export-marks=${marks}`,
        ],
        script,
      );
      return readMarks(marks, commits.length);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function readMarks(file: string, count: number): CommitId[] {
  const ids = new Map<number, CommitId>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /^:(\d+) ([0-9a-f]+)$/.exec(line);
    if (match?.[2] !== undefined) ids.set(Number(match[1]), match[2]);
  }
  return Array.from({ length: count }, (_, i) => ids.get(i + 1) ?? '');
}

function fastImport(commits: readonly CommitSpec[], ref: string): Buffer {
  const parts: (string | Buffer)[] = [];
  const data = (text: string) => {
    const bytes = Buffer.from(text);
    parts.push(`data ${bytes.length}\n`, bytes, '\n');
  };
  commits.forEach((commit, i) => {
    const person = `${testPerson.name} <${testPerson.email}> ${testPerson.time + i} +0000`;
    // A ref of its own for each: fast-import would otherwise continue the branch where a root is asked for.
    parts.push(`commit ${ref}-${i}\nmark :${i + 1}\nauthor ${person}\ncommitter ${person}\n`);
    data(commit.message ?? `commit ${i}\n`);
    commit.parents.forEach((parent, n) => {
      parts.push(`${n === 0 ? 'from' : 'merge'} :${parent + 1}\n`);
    });
    for (const path of commit.remove ?? []) parts.push(`D ${JSON.stringify(path)}\n`);
    for (const [path, file] of Object.entries(commit.set ?? {})) {
      const { mode, content } = typeof file === 'string' ? { mode: '100644', content: file } : file;
      parts.push(`M ${mode} ${mode === '160000' ? content : 'inline'} ${JSON.stringify(path)}\n`);
      if (mode !== '160000') data(content);
    }
    parts.push('\n');
  });
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}
