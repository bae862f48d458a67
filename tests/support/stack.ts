/** A running daemon with its repository, started from the built command as a user would. Everything is in one temporary folder. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type Finished,
  type RunningProcess,
  runProcess,
  type StartOptions,
  startProcess,
} from './process.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const headwaterBin = join(root, 'daemon/bin/headwater.js');

export interface ReadyLine {
  readonly http: string;
  readonly mqtt: string;
  readonly git: string;
  readonly gitHttp: string | null;
  readonly data: string;
  readonly trust: readonly string[];
  readonly adminTokenFile: string;
}

export interface Stack extends AsyncDisposable {
  /** Temporary folder of this stack. */
  readonly folder: string;
  readonly data: string;
  /** A clone of the daemon's repository. */
  readonly clone: string;
  ready: ReadyLine;
  daemon: RunningProcess;
  /** Runs a headwater command to its end. */
  headwater(...args: string[]): Promise<Finished>;
  /** Changes a JSON file of the clone, commits and pushes; returns the commit id. */
  edit(path: string, change: (value: Record<string, unknown>) => unknown, message?: string): Promise<string>;
  /** Writes files of the clone as given, with their folders (`null` removes one), commits and pushes. */
  push(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
  /** As `edit`, but past the gate, like a program that writes refs itself: hooks run for pushes only. */
  land(path: string, change: (value: Record<string, unknown>) => unknown, message?: string): Promise<string>;
  git(...args: string[]): Promise<string>;
  /** Enrolls a service; returns its connection file. */
  enroll(service: string, env?: string): Promise<string>;
  /** Starts a Node program as a process of its own. */
  start(file: string, options?: StartOptions): RunningProcess;
  /** Starts the daemon again on the same data and the same ports. */
  restart(): Promise<void>;
}

export interface StackOptions {
  /** `hosted`: the daemon's own repository, with the gate. `followed`: a bare one beside it, without. Default `hosted`. */
  readonly repository?: 'hosted' | 'followed';
  readonly serve?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A new folder; its caller removes it. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'headwater-e2e-'));
}

/** As `temporaryFolder`, removed when the running test ends. */
export async function scratchFolder(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const folder = await temporaryFolder();
  const data = join(folder, 'data');
  const clone = join(folder, 'clone');
  const processes: RunningProcess[] = [];
  const repo = options.repository === 'followed' ? ['--repo', await bareStarter(folder)] : [];
  const serve = async (extra: readonly string[]) => {
    const defaults = [
      '--data',
      data,
      '--http',
      '127.0.0.1:0',
      '--mqtt',
      '127.0.0.1:0',
      '--log-format',
      'text',
    ];
    const daemon = startProcess(process.execPath, [headwaterBin, 'serve', ...defaults, ...repo, ...extra], {
      env: options.env ?? {},
    });
    processes.push(daemon);
    const ready = JSON.parse(await daemon.waitFor(/^\{"ready":true/)) as ReadyLine;
    return { daemon, ready };
  };
  const git = async (...args: string[]) => {
    const done = await runProcess('git', ['-C', clone, ...args]);
    if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
    return done.stdout.trim();
  };
  const first = await serve(options.serve ?? []);
  await runProcess('git', ['clone', '-q', first.ready.git, clone]);
  await git('config', 'user.name', 'Ann Example');
  await git('config', 'user.email', 'ann@example.org');

  const edited = async (path: string, change: (value: Record<string, unknown>) => unknown) => {
    await git('pull', '-q', '--rebase', 'origin', 'main');
    const value = JSON.parse(await readFile(join(clone, path), 'utf8')) as Record<string, unknown>;
    const next = change(value) ?? value;
    return { [path]: `${JSON.stringify(next, null, 2)}\n` };
  };

  const stack: Stack = {
    folder,
    data,
    clone,
    ...first,
    headwater: (...args) => runProcess(process.execPath, [headwaterBin, ...args], { cwd: folder }),
    git,
    async push(files, message = 'Change config') {
      for (const [path, content] of Object.entries(files)) {
        const file = join(clone, path);
        if (content === null) {
          await rm(file);
          continue;
        }
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
      await git('add', '-A');
      await git('commit', '-q', '-m', message);
      await git('push', '-q', 'origin', 'HEAD:main');
      return git('rev-parse', 'HEAD');
    },
    async edit(path, change, message) {
      return stack.push(await edited(path, change), message);
    },
    async land(path, change, message = 'Change config') {
      for (const [name, content] of Object.entries(await edited(path, change)))
        await writeFile(join(clone, name), content);
      await git('commit', '-qam', message);
      const commit = await git('rev-parse', 'HEAD');
      await git('push', '-q', 'origin', `HEAD:refs/heads/landing-${commit.slice(0, 12)}`);
      await git('-C', stack.ready.git, 'update-ref', 'refs/heads/main', commit);
      return commit;
    },
    async enroll(service, env = 'dev') {
      const done = await stack.headwater('enroll', service, '--env', env, '--data', data, '--out', folder);
      if (done.code !== 0) throw new Error(`enroll: ${done.stderr}`);
      return join(folder, `${service}.${env}.connection.json`);
    },
    start(file, startOptions = {}) {
      const env = { XDG_STATE_HOME: join(folder, 'state'), ...startOptions.env };
      const started = startProcess(process.execPath, [file], { cwd: folder, ...startOptions, env });
      processes.push(started);
      return started;
    },
    async restart() {
      const { http, mqtt } = stack.ready;
      const again = await serve([
        '--http',
        new URL(http).host,
        ...(options.serve?.includes('--mqtt') ? options.serve : ['--mqtt', new URL(mqtt).host]),
      ]);
      Object.assign(stack, again);
    },
    async [Symbol.asyncDispose]() {
      for (const running of processes.reverse()) await running.kill('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
  return stack;
}

/** The starter in a bare repository of somebody else's. */
async function bareStarter(folder: string): Promise<string> {
  const [work, bare] = [join(folder, 'starter'), join(folder, 'config.git')];
  for (const [command, ...args] of [
    [process.execPath, headwaterBin, 'init', work, '--example'],
    ['git', 'clone', '-q', '--bare', work, bare],
  ]) {
    const done = await runProcess(command as string, args);
    if (done.code !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}`);
  }
  return bare;
}
