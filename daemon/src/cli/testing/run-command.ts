/** Runs the command line inside a test: captured output, a home of its own, no terminal unless asked for. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliContext } from '../context.ts';
import { readAll } from '../read-input.ts';
import { type ExitCode, runCli } from '../run-cli.ts';

export interface Ran {
  readonly exit: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout parsed; for runs with `--json`. */
  json<T = unknown>(): T;
}

export interface Playground extends Disposable {
  /** Temporary folder, also the current folder of commands. */
  readonly folder: string;
  readonly env: Record<string, string | undefined>;
  run(...args: readonly string[]): Promise<Ran>;
  /** What the person at the terminal answers to every question. Default `null`: nobody sits there. */
  reply: string | null;
  /** What the person types where it does not show. Default `null`: nobody sits there. */
  hidden: string | null;
  /** What is piped into commands. Default `null`: nothing. */
  input: string | Uint8Array | null;
  /** Runs git in a folder below and returns what it prints. */
  git(folder: string, ...args: readonly string[]): string;
  context(overrides?: Partial<CliContext>): CliContext;
}

export function makePlayground(): Playground {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-cli-'));
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config-home'),
    XDG_STATE_HOME: join(folder, 'state-home'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  };
  const context = (overrides: Partial<CliContext> = {}): CliContext => ({
    terminal: { stdout: () => {}, stderr: () => {}, stdoutIsTerminal: false, stderrIsTerminal: false },
    ask: async () => play.reply,
    askHidden: async () => play.hidden,
    readInput: async (maxBytes) => (play.input === null ? null : readAll(piped(play.input), maxBytes)),
    cwd: folder,
    home: folder,
    env,
    signal: new AbortController().signal,
    ...overrides,
  });
  const play: Playground = {
    folder,
    env,
    context,
    reply: null,
    hidden: null,
    input: null,
    async run(...args) {
      const texts = { stdout: '', stderr: '' };
      const terminal = {
        stdout(text: string) {
          texts.stdout += text;
        },
        stderr(text: string) {
          texts.stderr += text;
        },
        stdoutIsTerminal: false,
        stderrIsTerminal: false,
      };
      const exit = await runCli(args, context({ terminal }));
      return {
        exit,
        ...texts,
        json: () => JSON.parse(texts.stdout),
      };
    },
    git: (path, ...args) =>
      execFileSync('git', args, {
        cwd: join(folder, path),
        env: env as NodeJS.ProcessEnv,
        encoding: 'utf8',
        stdio: 'pipe',
      }).trimEnd(),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  return play;
}

async function* piped(input: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(input as string);
}
