/** The program: the only file that touches the process. Everything else gets a context. */
import { getEventListeners } from 'node:events';
import { homedir } from 'node:os';
import { askAt, askHiddenAt } from './ask.ts';
import type { CliContext } from './context.ts';
import { readAll } from './read-input.ts';
import { runCli } from './run-cli.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    // A command that has nothing to end calmly ends at once, and so does any at the second signal: no handler is left then.
    if (getEventListeners(stop.signal, 'abort').length === 0) process.exit(name === 'SIGINT' ? 130 : 143);
    stop.abort(name);
  });
}
// A reader that went away (`headwater get … | head -1`) is no fault of ours, and nobody is left to tell.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

const context: CliContext = {
  terminal: {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
  },
  async ask(question) {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
    // On stderr: stdout is for the answer of the command.
    return askAt(process.stdin, process.stderr, question, stop.signal);
  },
  async askHidden(question) {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
    return askHiddenAt(process.stdin, process.stderr, question, stop.signal);
  },
  async readInput(maxBytes) {
    return process.stdin.isTTY ? null : readAll(process.stdin, maxBytes);
  },
  cwd: process.cwd(),
  home: homedir(),
  env: process.env,
  signal: stop.signal,
};

// Not process.exit(): what was written to a pipe must still arrive.
process.exitCode = await runCli(process.argv.slice(2), context);
