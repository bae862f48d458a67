import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DataScene, makeDataScene } from '../testing/data-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let scene: DataScene;
beforeEach(async () => {
  play = makePlayground();
  scene = await makeDataScene(play.folder);
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
  play[Symbol.dispose]();
});

const run = (...args: string[]) => play.run(...args, '--data', 'data');
const file = () => `${play.folder}/data/audit.jsonl`;

async function makeTokens(): Promise<string[]> {
  const names = ['Ada, laptop', '=cmd|x', 'ci'];
  const made: string[] = [];
  for (const name of names)
    made.push(
      (await run('token', 'create', '--name', name, '--role', 'editor', '--env', 'dev')).stdout.trim(),
    );
  await run('token', 'revoke', made[2]?.split('_')[1] as string);
  return made;
}

test('tokens made and revoked beside the daemon are recorded, and none of their secrets', async () => {
  const made = await makeTokens();
  const lines = readFileSync(file(), 'utf8');
  for (const token of made) expect(lines).not.toContain(token.split('_')[2]);
  const entries = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(entries.map(({ action }) => action)).toEqual([
    'begin',
    'token-create',
    'token-create',
    'token-create',
    'token-revoke',
  ]);
  expect(entries[1]).toMatchObject({
    actor: { kind: 'user', name: expect.any(String) },
    env: 'dev',
    details: { token: made[0]?.split('_')[1], name: 'Ada, laptop', role: 'editor' },
  });
});

test('a log that nobody changed is whole, and a changed line is named', async () => {
  await makeTokens();
  const whole = await run('audit', 'verify');
  expect(whole).toMatchObject({ exit: 0, stderr: '' });
  expect(whole.stdout).toMatch(/^5 entries of tars, every one as it was written\nhead 5:[0-9a-f]{64}\n$/);
  const head = whole.stdout.trim().split(' ').at(-1) as string;
  expect((await run('audit', 'verify', '--known', head)).exit).toBe(0);
  writeFileSync(file(), readFileSync(file(), 'utf8').replace('Ada, laptop', 'Bob, laptop'));
  const changed = await run('audit', 'verify');
  expect(changed.exit).toBe(1);
  expect(changed.stdout).toContain(
    'audit.jsonl:2: entry 2 is not what it was when entry 3 was written after it',
  );
  expect((await run('audit', 'verify', '--json')).json()).toMatchObject({
    ok: false,
    findings: [{ kind: 'changed', file: 'audit.jsonl', line: 2, n: 2 }],
  });
});

test('entries are exported as they lie there, or as a table that a spreadsheet does not run', async () => {
  await makeTokens();
  expect((await run('audit', 'export')).stdout).toBe(readFileSync(file(), 'utf8'));
  const { stdout } = await run('audit', 'export', '--format', 'csv');
  expect(stdout.split('\r\n')).toHaveLength(7);
  expect(stdout).toMatch(/^n,at,action,actor,/);
  expect(stdout).toContain('2,');
  expect(stdout).toContain('""name"":""=cmd|x""');
  expect((await run('audit', 'export', '--until', '1h')).stdout).toBe('');
  expect((await run('audit', 'export', '--since', '1h', '--until', '2999-01-01')).stdout).not.toBe('');
  writeFileSync(file(), `${readFileSync(file(), 'utf8')}{"n":`);
  expect(await run('audit', 'export')).toMatchObject({ exit: 1, stderr: expect.stringContaining('1 line') });
});

test.each([
  [['export', '--format', 'xml'], 'neither jsonl nor csv'],
  [['export', '--since', 'yesterday'], '2026-11-21'],
  [['verify', '--known', '12'], '64 hex digits'],
])('%j is refused with what to write instead', async (args, hint) => {
  const { exit, stderr } = await run('audit', ...args);
  expect([exit, stderr]).toEqual([2, expect.stringContaining(hint)]);
});

test('a token that cannot be recorded does not count', async () => {
  await run('token', 'create', '--name', 'first', '--role', 'viewer');
  const text = readFileSync(file());
  rmSync(file());
  mkdirSync(file());
  const refused = await run('token', 'create', '--name', 'second', '--role', 'viewer', '--json');
  expect(refused).toMatchObject({ exit: 3, stdout: '' });
  expect(refused.stderr).toContain('HW_AUDIT_FAILED');
  rmSync(file(), { recursive: true });
  writeFileSync(file(), text);
  const listed = (await run('token', 'list', '--all', '--json')).json<{
    tokens: { name: string; revokedAt?: string }[];
  }>();
  expect(listed.tokens.find(({ name }) => name === 'second')?.revokedAt).toBeDefined();
});
