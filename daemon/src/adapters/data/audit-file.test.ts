import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChainHead } from '../../core/audit/audit-line.ts';
import { verifyAudit } from '../../core/audit/verify-audit.ts';
import type { Audit, AuditEntry } from '../../ports.ts';
import { auditContract } from '../../testing/audit.contract.ts';
import { type AuditFileOptions, createAuditFile } from './audit-file.ts';
import { openAuditSnapshot } from './audit-reader.ts';

let data: string;
const clock = { now: () => 1_770_000_000_000, monotonic: () => 0 };
const open = (options: Partial<AuditFileOptions> = {}): Audit =>
  createAuditFile({
    folder: { path: data, lockDir: (name) => join(data, 'locks', name) },
    deployment: async () => 'tars',
    clock,
    ...options,
  });
const snapshot = () => openAuditSnapshot({ path: data, lockDir: (name) => join(data, 'locks', name) });
const verify = async (known: readonly ChainHead[] = []) => {
  const log = await snapshot();
  return verifyAudit(log.lines(), { anchor: log.anchor, known });
};
const path = () => join(data, 'audit.jsonl');
const texts = () => readFileSync(path(), 'utf8').trimEnd().split('\n');
const rewrite = (lines: readonly string[]) => writeFileSync(path(), `${lines.join('\n')}\n`);
const entry = (pointer: string): AuditEntry => ({
  action: 'secret-set',
  actor: { kind: 'user', name: 'ada' },
  pointer,
});

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'headwater-audit-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

auditContract('a file', async () => {
  const problems: unknown[] = [];
  const audit = open({ onProblem: (error) => void (error && problems.push(error)) });
  const aside = join(data, 'aside.jsonl');
  return {
    audit,
    async read() {
      const lines = texts().map((text) => JSON.parse(text));
      return lines.slice(1).map(({ n: _n, prev: _prev, at: _at, ...rest }) => rest);
    },
    async setBroken(isBroken) {
      // A folder in the place of the file: nobody can write to that, root neither.
      if (isBroken) {
        writeFileSync(aside, readIfThere());
        rmSync(path(), { force: true });
        mkdirSync(path());
      } else {
        rmSync(path(), { recursive: true });
        const text = readFileSync(aside);
        if (text.length > 0) writeFileSync(path(), text, { mode: 0o600 });
      }
    },
    problems,
    close: async () => {},
  };
});

function readIfThere(): Buffer {
  try {
    return readFileSync(path());
  } catch {
    return Buffer.alloc(0);
  }
}

test('the first line names the deployment, every other one the line before it, and nobody else can read them', async () => {
  await open().record(entry('/a'));
  await open().record(entry('/b'));
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  expect(JSON.parse(texts()[0] as string)).toMatchObject({
    n: 1,
    prev: null,
    action: 'begin',
    deployment: 'tars',
  });
  expect(await verify()).toMatchObject({
    deployment: 'tars',
    entries: 3,
    first: 1,
    head: { n: 3 },
    findings: [],
  });
});

test('two processes that write at the same time make one chain', async () => {
  const [daemon, command] = [open(), open()];
  const writes = Array.from({ length: 40 }, (_, i) => (i % 2 ? daemon : command).record(entry(`/${i}`)));
  await Promise.all(writes);
  expect(await verify()).toMatchObject({ entries: 41, findings: [] });
});

test('a line that a crash left unfinished is cut off, and the log says so', async () => {
  await open().record(entry('/a'));
  appendFileSync(path(), '{"n":3,"prev":"');
  expect((await verify()).findings).toMatchObject([{ kind: 'torn', file: 'audit.jsonl', line: 3 }]);
  await open().record(entry('/b'));
  expect(texts().map((text) => JSON.parse(text).action)).toEqual([
    'begin',
    'secret-set',
    'repair',
    'secret-set',
  ]);
  expect((await verify()).findings).toEqual([]);
});

describe('a log that somebody changed', () => {
  let audit: Audit;
  beforeEach(async () => {
    audit = open();
    for (const name of ['a', 'b', 'c', 'd']) await audit.record(entry(`/${name}`));
  });

  const cases: readonly [string, (lines: string[]) => string[], object][] = [
    [
      'a line that says something else',
      (l) => l.with(2, (l[2] as string).replace('/b', '/x')),
      { kind: 'changed', line: 3, n: 3 },
    ],
    [
      'the last line says something else',
      (l) => l.with(4, (l[4] as string).replace('/d', '/x')),
      { kind: 'changed', line: 5, n: 5 },
    ],
    ['a line is gone', (l) => l.toSpliced(2, 1), { kind: 'missing', line: 3, n: 3 }],
    [
      'two lines changed places',
      (l) => [l[0], l[1], l[3], l[2], l[4]] as string[],
      { kind: 'missing', line: 3, n: 3 },
    ],
    ['a line stands twice', (l) => l.toSpliced(3, 0, l[2] as string), { kind: 'moved', line: 4, n: 3 }],
    ['a line is no entry', (l) => l.with(2, 'nothing'), { kind: 'malformed', line: 3, n: null }],
    ['the end is gone', (l) => l.slice(0, 3), { kind: 'cut', line: 0, n: 4 }],
    ['the beginning is gone', (l) => l.slice(2), { kind: 'missing', line: 1, n: 1 }],
    [
      'a line of another deployment',
      (l) => l.with(4, (l[4] as string).replace('"action"', '"deployment":"case","action"')),
      { kind: 'foreign', line: 5 },
    ],
  ];
  test.each(cases)('%s', async (_, change, finding) => {
    rewrite(change(texts()));
    expect((await verify()).findings[0]).toMatchObject(finding);
  });

  test('entries cut off at the end stay missing when others follow', async () => {
    rewrite(texts().slice(0, 3));
    await open().record(entry('/e'));
    expect((await verify()).findings).toMatchObject([{ kind: 'missing', line: 4, n: 4 }]);
    expect(JSON.parse(texts().at(-1) as string).n).toBe(6);
  });

  test('a log that was removed does not begin anew', async () => {
    rmSync(path());
    await open().record(entry('/e'));
    expect((await verify()).findings).toMatchObject([{ kind: 'missing', n: 1 }]);
  });

  test('without the head nobody can tell that the end is there', async () => {
    rmSync(join(data, 'audit.head'));
    expect((await verify()).findings).toMatchObject([{ kind: 'unanchored', line: 0 }]);
  });

  test('a whole new chain does not fit what somebody wrote down', async () => {
    const { head } = await verify();
    expect((await verify([head])).findings).toEqual([]);
    rmSync(path());
    rmSync(join(data, 'audit.head'));
    for (const name of ['w', 'x', 'y', 'z']) await open().record(entry(`/${name}`));
    expect((await verify()).findings).toEqual([]);
    expect((await verify([head])).findings).toMatchObject([{ kind: 'changed', n: 5 }]);
    expect((await verify([{ n: 9, hash: head.hash }])).findings).toMatchObject([{ kind: 'missing', n: 9 }]);
  });
});

describe('a log that grows', () => {
  test('moves full files aside, goes on with the chain, and removes the oldest with a word', async () => {
    const audit = open({ maxFileBytes: 600, maxFiles: 2 });
    for (let i = 0; i < 20; i += 1) await audit.record(entry(`/${i}`));
    const files = readdirSync(join(data, 'audit')).sort();
    expect(files.length).toBeGreaterThanOrEqual(2);
    expect(files.length).toBeLessThanOrEqual(3);
    const verdict = await verify();
    expect(verdict).toMatchObject({ deployment: 'tars', findings: [] });
    expect(verdict.first).toBeGreaterThan(1);
  });

  test('a file that somebody else removed is missed', async () => {
    const audit = open({ maxFileBytes: 600 });
    for (let i = 0; i < 20; i += 1) await audit.record(entry(`/${i}`));
    const files = readdirSync(join(data, 'audit')).sort();
    rmSync(join(data, 'audit', files[1] as string));
    expect((await verify()).findings).toMatchObject([
      { kind: 'missing', file: `audit/${files[2]}`, line: 1 },
    ]);
    rmSync(join(data, 'audit', files[0] as string));
    expect((await verify()).findings[0]).toMatchObject({ kind: 'missing', n: 1 });
  });

  test('a crash between two files leaves no gap', async () => {
    const audit = open({ maxFileBytes: 100 });
    await audit.record(entry('/a'));
    rmSync(join(data, 'audit.head'));
    await open().record(entry('/b'));
    expect(await verify()).toMatchObject({ entries: 4, findings: [] });
  });
});

test('a token typed into a name or a reason does not stay, and long texts are cut', async () => {
  const token = `hw_abcdefghijkl_${'A'.repeat(43)}`;
  await open().record({
    action: 'secret-reveal',
    actor: { kind: 'token', id: 'abcdefghijkl', name: `ada ${token}` },
    reason: `${'x'.repeat(1_000)}`,
    details: { note: [`AGE-SECRET-KEY-1${'Q'.repeat(58)}`] },
  });
  const text = readFileSync(path(), 'utf8');
  expect(text).not.toContain('A'.repeat(43));
  expect(text).not.toContain('QQQQ');
  expect(text.length).toBeLessThan(1_500);
});

test('who may not write is told so', async () => {
  const audit = createAuditFile({
    folder: { path: join(data, 'nowhere'), lockDir: (name) => join(data, 'locks', name) },
    deployment: async () => 'tars',
    clock,
  });
  await expect(audit.record(entry('/a'))).rejects.toMatchObject({ code: 'HW_AUDIT_FAILED' });
});
