/**
 * Runs git's own `http-backend`, one child per request. The child gets a process group of its own, so that whatever it started ends
 * with it when the caller goes away: a push that nobody waits for is not taken in.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { promisify } from 'node:util';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { GitAnswer, GitBackend, GitRequest } from '../../git-backend.ts';
import type { Log } from '../../log.ts';
import { readCgiHead } from './cgi-head.ts';
import { gitEnvironment } from './git-process.ts';
import { maxPushBytes, receiveSettings } from './hosted-config.ts';
import type { GitRepository } from './open-repository.ts';
import { createTurnstile } from './turnstile.ts';

export interface HttpBackendOptions {
  readonly log: Log;
  /** Requests served at once; a clone costs about one core while it runs. Default 8. */
  readonly atOnce?: number;
  /** Requests that may wait for their turn. Default 32. */
  readonly waiting?: number;
  /** Bytes that the body of a push may have. Default 128 MiB. */
  readonly maxPushBytes?: number;
  /** Milliseconds without a byte in either direction. Default 120 000: the hook alone may take 30 000. */
  readonly idleMs?: number;
  /** Milliseconds that one request may take in all. Default 15 min. */
  readonly totalMs?: number;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** What a clone asks for is a list of ids. git itself stops reading there. */
const maxFetchBytes = 10 * 1024 * 1024;

/** Resolves once git's program is found. @throws HeadwaterError `HW_REPO_UNSUPPORTED` without native git. */
export async function createHttpBackend(
  repo: GitRepository,
  options: HttpBackendOptions,
): Promise<GitBackend> {
  const program = join(await execPath(), 'git-http-backend');
  const turnstile = createTurnstile(options.atOnce ?? 8, options.waiting ?? 32);
  const running = new Set<Child>();

  async function serve(request: GitRequest): Promise<GitAnswer> {
    const leave = await turnstile.enter(request.signal);
    const child = start(program, repo, request);
    running.add(child);
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    void ended.then(() => {
      running.delete(child);
      leave();
    });
    const stop = () => endGroup(child);
    request.signal.addEventListener('abort', stop, { once: true });
    const idle = watchIdle(options, stop);
    void ended.then(() => {
      idle.clear();
      request.signal.removeEventListener('abort', stop);
    });
    collectComplaints(child, options.log, request);

    const limit =
      request.service === 'git-receive-pack' ? (options.maxPushBytes ?? maxPushBytes) : maxFetchBytes;
    const sent = send(request.body, child, limit, idle.touch);
    const body = new PassThrough();
    // Whoever reads it hears of an error; if nobody does any more, there is nobody to tell.
    body.on('error', () => {});
    child.stdout.on('data', idle.touch);
    try {
      // A request that is too large or broken off ends the child; what it says first is the reason.
      const head = readCgiHead(child.stdout);
      const { status, headers, rest } = await Promise.race([head, sent.then(() => head)]);
      if (rest.length > 0) body.write(rest);
      child.stdout.pipe(body, { end: false });
      child.once('close', (_code, signal) =>
        signal === null ? body.end() : body.destroy(new Error(`git was ended by ${signal}`)),
      );
      sent.catch((error) => {
        stop();
        body.destroy(error);
      });
      return { status, headers, body };
    } catch (error) {
      stop();
      throw error instanceof HeadwaterError ? error : noAnswer(error);
    }
  }

  return {
    serve,
    async close() {
      const gone = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
      for (const child of running) endGroup(child);
      await Promise.all(gone);
    },
  };
}

async function execPath(): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['--exec-path'], { env: gitEnvironment() });
  return stdout.trim();
}

function start(program: string, repo: GitRepository, request: GitRequest): Child {
  const child = spawn(program, [], {
    env: { ...gitEnvironment(), ...cgiVariables(repo, request), ...settingsVariables(repo) },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  // It may end before it read everything; its answer says why.
  child.stdin.on('error', () => {});
  return child;
}

function cgiVariables(repo: GitRepository, { service, body, headers, user, address, ticket }: GitRequest) {
  const isList = body === null;
  const optional = {
    CONTENT_TYPE: headers.contentType,
    CONTENT_LENGTH: headers.contentLength,
    HTTP_CONTENT_ENCODING: headers.contentEncoding,
    GIT_PROTOCOL: headers.gitProtocol,
    HEADWATER_PUSH: ticket,
  };
  return {
    GIT_PROJECT_ROOT: repo.gitDir,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: isList ? '/info/refs' : `/${service}`,
    REQUEST_METHOD: isList ? 'GET' : 'POST',
    QUERY_STRING: isList ? `service=${service}` : '',
    REMOTE_USER: user,
    REMOTE_ADDR: address,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** Settings that count whatever the repository's own file says. */
function settingsVariables(repo: GitRepository): Record<string, string> {
  const settings = [
    ...receiveSettings,
    ['http.receivepack', 'true'],
    // No grafts are read, see gitEnvironment; git would tell every pusher that they are out of fashion.
    ['advice.graftFileDeprecated', 'false'],
    // A repository of another user of this machine: whoever named it to the daemon meant it.
    ['safe.directory', repo.gitDir],
  ];
  const pairs = settings.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) };
}

/** Passes the body on, no faster than git reads it. Rejects when it is too large or broken off. */
async function send(body: Readable | null, child: Child, limit: number, touch: () => void): Promise<void> {
  let bytes = 0;
  let isRead = true;
  // git may answer before it has read everything. The rest is then taken and thrown away, so that the caller hears the answer.
  child.stdin.once('close', () => {
    isRead = false;
  });
  for await (const chunk of body?.iterator({ destroyOnReturn: false }) ?? []) {
    touch();
    bytes += chunk.length;
    if (bytes > limit) throw tooLarge(limit);
    if (isRead && !child.stdin.write(chunk)) await drained(child.stdin);
  }
  child.stdin.end();
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.once('drain', settle).once('close', settle);
  });
}

function watchIdle({ idleMs = 120_000, totalMs = 15 * 60_000 }: HttpBackendOptions, stop: () => void) {
  const total = setTimeout(stop, totalMs);
  const idle = setTimeout(stop, idleMs);
  return {
    touch: () => void idle.refresh(),
    clear() {
      clearTimeout(total);
      clearTimeout(idle);
    },
  };
}

/** git tidies up after itself when it is asked to end; this long it may take. */
const tidyMs = 5_000;

/** Ends the whole group: git, the hook, and what they started. */
function endGroup(child: Child): void {
  signalGroup(child, 'SIGTERM');
  const insist = setTimeout(() => signalGroup(child, 'SIGKILL'), tidyMs);
  child.once('close', () => clearTimeout(insist));
}

function signalGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function collectComplaints(child: Child, log: Log, { service, user }: GitRequest): void {
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < 2000) complaint += text;
  });
  child.once('error', (error) => log.error({ err: error, service }, 'git cannot be run'));
  child.once('close', (code) => {
    if (code !== 0 || complaint !== '')
      log.debug({ service, tokenId: user, exit: code, complaint: complaint.trim() }, 'git over HTTP ended');
  });
}

function tooLarge(limit: number): HeadwaterError {
  return new HeadwaterError('HW_REQUEST_TOO_LARGE', {
    message: `a push may have ${limit / 1024 / 1024} MiB at most`,
    hint: 'Push a long history in parts: git push origin <older commit>:<branch> first.',
  });
}

function noAnswer(cause: unknown): HeadwaterError {
  return new HeadwaterError('HW_INTERNAL', {
    message: 'git did not answer',
    hint: 'Look into the log of the daemon.',
    cause,
  });
}
