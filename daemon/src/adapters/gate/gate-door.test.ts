/** The hook as git runs it, by a real shell, against the door that the daemon opens. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../../log.ts';
import { type GateAnswer, type GateDoor, openGateDoor } from './gate-door.ts';
import { hookScript } from './gate-hook.ts';

// A quote in the path: the script names it.
let gate: string;
let doors: GateDoor[];
const logged: string[] = [];
const log = createLog({ stream: { write: (line) => logged.push(line) }, format: 'json', level: 'debug' });
beforeEach(async () => {
  gate = await mkdtemp(join(tmpdir(), "hw-gate-it's-"));
  doors = [];
});
afterEach(async () => {
  for (const door of doors) await door.close();
  await rm(gate, { recursive: true, force: true });
});

const open = async (answer: (question: string) => Promise<GateAnswer>): Promise<GateDoor> => {
  const door = await openGateDoor(gate, answer, log);
  doors.push(door);
  return door;
};
const yes = async (): Promise<GateAnswer> => ({ allowed: true, lines: [] });

interface HookRun {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the hook as git does: refs on standard input, the quarantine in a variable. */
function runHook(
  updates: readonly string[],
  options: { readonly waitSeconds?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<HookRun> & { readonly kill: () => void } {
  const script = hookScript(gate, "headwater serve --data 'my data'", options.waitSeconds ?? 30);
  const quarantine = `/repo/objects/tmp_objdir-incoming-${Math.random().toString(36).slice(2, 8)}`;
  const env = { PATH: process.env.PATH, GIT_QUARANTINE_PATH: quarantine, ...options.env };
  const child = spawn('sh', ['-c', script], { cwd: tmpdir(), env, stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stdin.on('error', () => {}); // it may refuse before it has read them
  child.stdin.end(updates.map((line) => `${line}\n`).join(''));
  const ended = new Promise<HookRun>((resolve) => child.once('close', (code) => resolve({ code, text })));
  return Object.assign(ended, { kill: () => child.kill('SIGKILL') });
}

const update = `${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/main`;

test('the hook asks with everything it knows and obeys the answer', async () => {
  const questions: string[] = [];
  await open(async (question) => {
    questions.push(question);
    return {
      allowed: questions.length === 1,
      lines: questions.length === 1 ? [] : ['first', '', '  → third\\n'],
    };
  });
  const env = { GIT_QUARANTINE_PATH: '/repo/objects/tmp_objdir-incoming-Ab1', HEADWATER_PUSH: 'ticket1' };
  expect(await runHook([update], { env })).toEqual({ code: 0, text: '' });
  expect(questions[0]).toBe(
    `headwater-push 1\nrepository ${tmpdir()}\nquarantine /repo/objects/tmp_objdir-incoming-Ab1\nticket ticket1\nupdate ${update}\nend\n`,
  );
  expect(await runHook([update])).toEqual({ code: 1, text: 'first\n\n  → third\\n\n' });
  expect((await readdir(gate)).sort()).toEqual(['ask', 'pid']);
});

test('fifty pushes at once, some with a thousand refs, each get the answer to their own question', async () => {
  await open(async (question) => {
    const name = /update \S+ (\S+)/.exec(question)?.[1] ?? '';
    return { allowed: Number(name.at(-1)) % 2 === 0, lines: [`${name} ${question.split('\n').length}`] };
  });
  const runs = Array.from({ length: 50 }, (_, i) => {
    const count = i % 10 === 0 ? 1000 : 1;
    const id = String(i).padStart(40, 'b');
    return runHook(Array.from({ length: count }, (_, n) => `${'0'.repeat(40)} ${id} refs/heads/${n}`));
  });
  const results = await Promise.all(runs);
  results.forEach(({ code, text }, i) => {
    const id = String(i).padStart(40, 'b');
    expect(text).toBe(`${id} ${(i % 10 === 0 ? 1000 : 1) + 6}\n`);
    expect(code).toBe(i % 2);
  });
});

test('an answer larger than any pipe arrives whole', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(40)}`);
  await open(async () => ({ allowed: false, lines }));
  expect(await runHook([update])).toEqual({ code: 1, text: lines.map((line) => `${line}\n`).join('') });
});

test('without a daemon the hook refuses at once and says how to start it', async () => {
  const expected = [
    'headwater: this push was refused: the Headwater daemon of this repository is not running,',
    'headwater: and nothing else can judge it. Nothing has changed.',
    "headwater: Start it, then push again: headwater serve --data 'my data'",
    '',
  ].join('\n');
  expect(await runHook([update])).toEqual({ code: 1, text: expected });
  const door = await open(yes);
  expect(await runHook([update])).toEqual({ code: 0, text: '' });
  await door.close();
  expect(await runHook([update])).toEqual({ code: 1, text: expected });
});

/** Opens the door in the name of another process, as one that died or hangs has left it. */
async function standFor(pid: number | undefined): Promise<void> {
  const door = await openGateDoor(gate, () => new Promise(() => {}), log);
  await writeFile(join(gate, 'pid'), `${pid}\n`);
  void door;
}

test('a daemon that was killed is noticed, even while it is asked', async () => {
  const child = spawn('sleep', ['1000']);
  await standFor(child.pid);
  const asked = runHook([update]);
  const [question] = await waitForFile(/\.push$/);
  expect(question).toBeDefined();
  child.kill('SIGKILL');
  const { code, text } = await asked;
  expect(code).toBe(1);
  expect(text).toContain('is not running');
  expect((await runHook([update])).text).toContain('is not running');
  expect((await readdir(gate)).filter((name) => /\.(push|answer)$/.test(name))).toEqual([]);
});

test('a daemon that hangs is not waited for without end', async () => {
  await standFor(process.pid);
  const { code, text } = await runHook([update], { waitSeconds: 1 });
  expect(code).toBe(1);
  expect(text).toContain('the Headwater daemon did not answer. Nothing has changed.');
});

test('a push that was given up is forgotten, and the next one is answered', async () => {
  let wake = () => {};
  const asked = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await open(async () => {
    wake();
    await held;
    return { allowed: true, lines: ['late'] };
  });
  const given = runHook([update]);
  await asked;
  given.kill();
  await given;
  release();
  expect(await runHook([update])).toMatchObject({ code: 0 });
  expect((await readdir(gate)).sort()).toEqual(['ask', 'pid']);
});

test('names that are no questions and files that are no pipes change nothing', async () => {
  await open(yes);
  for (const noise of ['../../etc/passwd\n', '\n\n', `${'x'.repeat(5000)}\n`, 'nobody-1\n', '\u0000\n'])
    await writeFile(join(gate, 'ask'), noise, { flag: 'r+' });
  expect(await runHook([update])).toMatchObject({ code: 0 });
});

test('what an earlier daemon left is cleared away', async () => {
  for (const name of ['old-1.push', 'old-1.answer', 'ask', 'pid']) await writeFile(join(gate, name), '');
  await open(yes);
  expect((await readdir(gate)).sort()).toEqual(['ask', 'pid']);
  expect(await runHook([update])).toMatchObject({ code: 0 });
});

/** Looks until the hook made its file. */
async function waitForFile(pattern: RegExp): Promise<string[]> {
  for (;;) {
    const names = (await readdir(gate)).filter((name) => pattern.test(name));
    if (names.length > 0) return names;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
