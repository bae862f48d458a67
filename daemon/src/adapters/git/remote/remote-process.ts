/**
 * One conversation of native git with a host: isolated from the settings of this machine, never asking anybody anything, never
 * following a redirect, and given up when nothing happens any more.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { RemoteTransport } from '../../../config/repo-source.ts';
import { fixedArguments } from '../git-process.ts';
import { type Credential, withoutSecrets } from './credential.ts';

export interface RemoteCommand {
  readonly gitDir: string;
  readonly url: string;
  readonly transport: RemoteTransport;
  readonly credential: Credential | null;
  /** Credential helper that git itself asks. */
  readonly helper?: string;
  readonly caFile?: string;
  readonly args: readonly string[];
  /** Given up after this time without any output, milliseconds. */
  readonly silenceMs: number;
  /** What the child is told on its input; without it, it has none. */
  readonly dialogue?: RemoteDialogue;
  /** Text that the child says about its progress. */
  readonly onProgress?: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A conversation of two steps: something is said, and once the answer is there, the rest. */
export interface RemoteDialogue {
  readonly opening: string;
  /** Asked with all output so far; `null` = not yet. What it gives is the last that is said. */
  readonly next: (output: Buffer) => Buffer | null;
}

export interface RemoteAnswer {
  readonly ok: boolean;
  readonly stdout: Buffer;
  /** Without secrets. */
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Of the last HTTP answer. */
  readonly status?: number;
  readonly location?: string;
  readonly retryAfter?: string;
  readonly contentType?: string;
  /** A request that carries a push was begun. */
  readonly pushBegan: boolean;
}

/** Enough for 100,000 refs; a host that says more is not one that can be followed. */
const maxOutputBytes = 16 * 1024 * 1024;

/** A child that was asked to end gets this long for cleaning up. */
const killAfterMs = 2_000;

export async function runRemoteGit(command: RemoteCommand): Promise<RemoteAnswer> {
  const { credential, signal } = command;
  if (signal.aborted)
    return { ok: false, stdout: Buffer.alloc(0), stderr: 'stopping', timedOut: false, pushBegan: false };
  const child = spawn('git', [...fixedArguments(command), ...command.args], {
    cwd: command.gitDir,
    env: environmentOf(command),
    // The fourth one is where git writes down the headers of HTTP: the only way to learn what a host wants of us.
    stdio: [command.dialogue === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that the helpers for https and ssh end with it.
    detached: true,
    windowsHide: true,
  });
  const end = () => {
    if (child.pid === undefined) return;
    killGroup(child.pid, 'SIGTERM');
    const { pid } = child;
    killTimer ??= setTimeout(() => killGroup(pid, 'SIGKILL'), killAfterMs);
  };
  let killTimer: NodeJS.Timeout | undefined;
  let timedOut = false;
  const silence = setTimeout(() => {
    timedOut = true;
    end();
  }, command.silenceMs);
  signal.addEventListener('abort', end);
  const stdout = collect(child.stdout as Readable, () => silence.refresh(), end);
  const stderr = collect(child.stderr as Readable, (chunk) => {
    silence.refresh();
    command.onProgress?.(chunk.toString('utf8'));
  });
  if (command.dialogue !== undefined) converse(child, command.dialogue, stdout);
  const trace = readTrace(child.stdio[3] as Readable);
  const reason = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`git cannot be run: ${error.message}`));
    child.on('close', (code, by) => resolve(code === 0 ? '' : `git ended with ${by ?? code}`));
  });
  clearTimeout(silence);
  clearTimeout(killTimer);
  signal.removeEventListener('abort', end);
  const said = withoutSecrets(stderr.bytes().toString('utf8').trim(), credential);
  return {
    ok: reason === '',
    stdout: stdout.bytes(),
    stderr: said === '' ? reason : said,
    timedOut,
    ...trace(),
  };
}

function environmentOf(command: RemoteCommand): NodeJS.ProcessEnv {
  const isHttp = command.transport === 'https' || command.transport === 'http';
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    // Ours hold tokens; git's and ssh's would change who is asked, and how.
    if (value !== undefined && !/^(GIT_|HEADWATER_|SSH_ASKPASS)/i.test(name)) env[name] = value;
  }
  Object.assign(env, {
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    // Set and empty: git then asks no other program either.
    GIT_ASKPASS: '',
    GCM_INTERACTIVE: 'never',
    GIT_ALLOW_PROTOCOL: command.transport,
    GIT_SSH_COMMAND: sshCommand,
    GIT_SSH_VARIANT: 'ssh',
    ...settings(command, isHttp),
  });
  if (isHttp) {
    Object.assign(env, { GIT_TRACE_CURL: '3', GIT_TRACE_CURL_NO_DATA: '1' });
    if (command.caFile !== undefined) env.GIT_SSL_CAINFO = command.caFile;
    // curl would take a password out of the user's .netrc; a helper may need the real home.
    if (command.helper === undefined) env.HOME = command.gitDir;
  }
  return env;
}

/** Strict, without questions, and given up on when the other side is gone. Everything else is the user's own ssh config. */
const sshCommand = [
  'ssh',
  '-oBatchMode=yes',
  '-oStrictHostKeyChecking=yes',
  '-oConnectTimeout=10',
  '-oServerAliveInterval=10',
  '-oServerAliveCountMax=3',
  '-oForwardAgent=no',
  '-oForwardX11=no',
  '-oClearAllForwardings=yes',
  '-oPermitLocalCommand=no',
].join(' ');

/** git's settings for this one child, through its environment: an argument could be read by every user of the machine. */
function settings(command: RemoteCommand, isHttp: boolean): NodeJS.ProcessEnv {
  const entries: [string, string][] = [
    ['core.fsync', 'all'],
    ['core.askPass', ''],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['submodule.recurse', 'false'],
    ['push.gpgSign', 'false'],
    ['http.followRedirects', 'false'],
    // Below one byte a second for this long, a transfer hangs.
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '20'],
    // An empty helper forgets those of other settings.
    ['credential.helper', ''],
  ];
  if (command.helper !== undefined) entries.push(['credential.helper', command.helper]);
  if (isHttp && command.credential !== null)
    entries.push([
      `http.${new URL(command.url).origin}/.extraHeader`,
      `Authorization: ${command.credential.authorization}`,
    ]);
  const env: NodeJS.ProcessEnv = { GIT_CONFIG_COUNT: String(entries.length) };
  for (const [i, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key;
    env[`GIT_CONFIG_VALUE_${i}`] = value;
  }
  return env;
}

interface Collected {
  bytes(): Buffer;
}

function collect(stream: Readable, onChunk: (chunk: Buffer) => void, tooMuch?: () => void): Collected {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    onChunk(chunk);
    size += chunk.length;
    if (size <= maxOutputBytes) chunks.push(chunk);
    else tooMuch?.();
  });
  return { bytes: () => Buffer.concat(chunks) };
}

function converse(child: ChildProcess, { opening, next }: RemoteDialogue, output: Collected): void {
  const input = child.stdin as Writable;
  // A child that ended tells why in its own way.
  input.on('error', () => {});
  input.write(opening);
  child.stdout?.on('data', () => {
    if (input.writableEnded) return;
    const said = next(output.bytes());
    if (said !== null) input.end(said);
    // The helper cannot, and waits for another command.
    else if (output.bytes().toString('latin1', 0, 8) === 'fallback') input.end();
  });
}

/** Keeps what the last answer said, and whether a push went out; the rest of the trace is dropped as it comes. */
function readTrace(
  stream: Readable,
): () => Pick<RemoteAnswer, 'status' | 'location' | 'retryAfter' | 'contentType' | 'pushBegan'> {
  let rest = '';
  let answer: { status?: number; location?: string; retryAfter?: string; contentType?: string } = {};
  let pushBegan = false;
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) {
      const status = /<= Recv header: HTTP\/[\d.]+ (\d{3})/.exec(line)?.[1];
      if (status !== undefined) answer = { status: Number(status) };
      const [, name, value = ''] =
        /<= Recv header: (location|retry-after|content-type): *(.*?)\s*$/i.exec(line) ?? [];
      switch (name?.toLowerCase()) {
        case 'location':
          answer.location = value;
          break;
        case 'retry-after':
          answer.retryAfter = value;
          break;
        case 'content-type':
          answer.contentType = value;
          break;
      }
      if (/=> Send header: POST \S*\/git-receive-pack /.test(line)) pushBegan = true;
    }
  });
  return () => ({ ...answer, pushBegan });
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Gone already: that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
