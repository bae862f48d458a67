/** Child processes whose output a test can wait for: no sleeps, only lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RunningProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything printed so far, both streams in order of arrival. */
  readonly lines: readonly string[];
  /** Resolves with the first line (from `since` on) that matches; rejects when the process ends first. */
  waitFor(pattern: RegExp, since?: number): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Exit code once it ended, `null` after a signal. */
  readonly ended: Promise<number | null>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): RunningProcess {
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  let isOver = false;
  // "close" comes after the last line of both streams, "exit" may not.
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isOver = true;
      resolve(code);
      wake();
    });
  });
  const kill = async (signal: NodeJS.Signals) => {
    if (!isOver) child.kill(signal);
    await ended;
  };
  return {
    child,
    lines,
    ended,
    kill,
    waitFor: (pattern, since = 0) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = lines.slice(since).find((line) => pattern.test(line));
          if (found === undefined && !isOver) return;
          waiting.delete(check);
          if (found !== undefined) resolve(found);
          else reject(new Error(`ended without ${pattern}:\n${lines.join('\n')}`));
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: () => kill('SIGKILL'),
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function runProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: { ...process.env, NODE_EXTRA_CA_CERTS: '', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
