import { describe, expect, test, vi } from 'vitest';
import type { CliContext } from './context.ts';
import { clean, columns, createOutput, showValue } from './output.ts';

function capture(isTerminal: boolean, env: CliContext['env'] = {}) {
  const said = { stdout: '', stderr: '' };
  const context: CliContext = {
    terminal: {
      stdout(text) {
        said.stdout += text;
      },
      stderr(text) {
        said.stderr += text;
      },
      stdoutIsTerminal: isTerminal,
      stderrIsTerminal: isTerminal,
    },
    ask: async () => null,
    askHidden: async () => null,
    readInput: async () => null,
    cwd: '/',
    home: '/',
    env,
    signal: new AbortController().signal,
  };
  return { said, context };
}

describe('output', () => {
  test('is coloured on a terminal only, and not when NO_COLOR, a dumb terminal or --json ask for none', () => {
    const painted = (isTerminal: boolean, env: CliContext['env'], json = false) =>
      createOutput(capture(isTerminal, env).context, json).style.red('x') !== 'x';
    expect(painted(true, {})).toBe(true);
    expect(painted(true, { NO_COLOR: '' })).toBe(true);
    expect([
      painted(false, {}),
      painted(true, { NO_COLOR: '1' }),
      painted(true, { TERM: 'dumb' }),
      painted(true, {}, true),
    ]).toEqual([false, false, false, false]);
  });

  test('with --json is the documents alone: one for a result, one line for each event', () => {
    const { said, context } = capture(true);
    const out = createOutput(context, true);
    out.note('beside');
    out.event({ a: [1] }, 'text');
    out.event({ b: 2 }, 'text');
    expect(said).toEqual({ stdout: '{"a":[1]}\n{"b":2}\n', stderr: '' });
    out.result({ c: 3 }, 'text');
    expect(said.stdout).toMatch(/\{\n {2}"c": 3\n\}\n$/);
  });

  test('explains a wait of more than a second, and clears that line again on a terminal', async () => {
    vi.useFakeTimers();
    try {
      const { said, context } = capture(true);
      const out = createOutput(context, false);
      let finish = () => {};
      const waiting = out.progress(
        'Judging',
        new Promise<void>((done) => {
          finish = done;
        }),
      );
      vi.advanceTimersByTime(999);
      expect(said.stderr).toBe('');
      vi.advanceTimersByTime(1);
      expect(said.stderr).toBe('Judging …');
      finish();
      await waiting;
      expect(said.stderr).toBe('Judging …\r\u001b[2K');
      expect(said.stdout).toBe('');
    } finally {
      vi.useRealTimers();
    }
  });

  test('shows what could fool a reader as what it is', () => {
    expect(clean('a\u001b[2Jb\r\nc\u202ed\u200be')).toBe('a\\u001b[2Jb\\u000d\\u000ac\\u202ed\\u200be');
    expect(clean('naïve – 試す 🙂')).toBe('naïve – 試す 🙂');
    expect(showValue({ a: 'x'.repeat(200) }, 20)).toHaveLength(20);
    expect(showValue(undefined)).toBe('—');
  });

  test('aligns columns by characters, not by bytes', () => {
    expect(
      columns([
        ['é🙂', 'a'],
        ['abcd', 'b'],
      ]),
    ).toEqual(['é🙂    a', 'abcd  b']);
  });
});
