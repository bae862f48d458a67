/** A hosted repository with its gate, reachable over HTTP and through the file system, and clones to push from. All real, no daemon around it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { fastify } from 'fastify';
import type { TokenRecord } from '../access.ts';
import { openDataFolder } from '../adapters/data/data-folder.ts';
import { createRepository } from '../adapters/git/create-repository.ts';
import { createObjectReader } from '../adapters/git/object-reader.ts';
import { openRepository } from '../adapters/git/open-repository.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { openHostedGit } from '../assembly/hosted-git.ts';
import { Scope } from '../assembly/scope.ts';
import { readDaemonConfig } from '../config.ts';
import { createJudge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { EpochEngine } from '../epochs/epoch-engine.ts';
import { CandidateBlobs } from '../gate/candidate-blobs.ts';
import { type CandidateJudge, createCandidateJudge } from '../gate/candidate-judge.ts';
import type { AllowedPush } from '../gate/push-gate.ts';
import { guardRoutes } from '../http/auth.ts';
import { FailedAttempts } from '../http/failed-attempts.ts';
import { requestIdOf } from '../http/headers.ts';
import { gitPath, gitRoutes } from '../http/routes/git.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { createInlineSchemaValidator } from './schema-validator.ts';

export interface PushScene extends AsyncDisposable {
  readonly folder: string;
  /** The hosted repository. */
  readonly repo: string;
  readonly gateDir: string;
  readonly problems: Problems;
  readonly allowed: readonly AllowedPush[];
  /** Everything logged so far, as JSON lines. */
  readonly log: readonly string[];
  /** Address of the repository with this password, or without one. */
  url(password?: string): string;
  /** A new token that counts. */
  token(record?: Partial<TokenRecord>): string;
  /** Runs git anywhere. */
  git(cwd: string, ...args: string[]): Promise<GitResult>;
  /** A clone of its own, made through the file system; `origin` is where it pushes to. */
  clone(name: string, origin?: string): Promise<Clone>;
  tip(): Promise<string>;
  /** Has the engine take over what the branch holds now, as the daemon does after each push. */
  follow(): Promise<void>;
  /** From now on pushes read that the daemon is not running. */
  stopGate(): Promise<void>;
  /** Puts something in front of the judge. */
  beforeJudging: () => Promise<void>;
}

export interface GitResult {
  readonly ok: boolean;
  /** Both streams, as a person sees them. */
  readonly text: string;
}

export interface Clone {
  readonly path: string;
  git(...args: string[]): Promise<GitResult>;
  /** Writes files (`null` removes one) and commits them; returns the commit. */
  commit(files: Readonly<Record<string, string | Uint8Array | null>>, message?: string): Promise<string>;
  /** Pushes; by default HEAD to main. */
  push(...args: string[]): Promise<GitResult>;
}

export interface PushSceneOptions {
  readonly files: Readonly<Record<string, string>>;
  /** Runs between the making of the repository and the start. */
  readonly prepare?: (repo: string) => Promise<void>;
  /** `serve` options beyond `--data`. */
  readonly serve?: Readonly<Record<string, string>>;
}

export async function startPushScene(options: PushSceneOptions): Promise<PushScene> {
  const folder = await mkdtemp(join(tmpdir(), 'hw-push-'));
  const lines: string[] = [];
  const log = createLog({ stream: { write: (line) => lines.push(line) }, format: 'json', level: 'debug' });
  const scope = new Scope(log);
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const config = await readDaemonConfig({ data: join(folder, 'data'), ...options.serve }, {});
  const data = await openDataFolder(config.dataDir, { exclusive: true });
  scope.defer(() => data.release());
  const path = config.repo.kind === 'path' ? config.repo.path : data.repoDir;
  const bytes = Object.entries(options.files).map(([name, text]) => [name, Buffer.from(text)] as const);
  const author = { name: 'Ann', email: 'ann@example.org', time: 1_700_000_000 };
  const first = { bare: true, branch: 'main', files: new Map(bytes), message: 'Start\n', author };
  await createRepository(path, first);
  await options.prepare?.(path);

  const repo = await openRepository(path);
  const reader = await createObjectReader(repo);
  scope.defer(() => reader.close());
  const validator = createInlineSchemaValidator();
  scope.defer(() => validator.close());
  const blobs = new CandidateBlobs((oid, maxBytes) => reader.readBlob(oid, maxBytes));
  const judge = createJudge({ readBlob: blobs.read, validator, crypto: nodeCrypto });
  const createIndex = () => RepoIndex.create(blobs.read);
  const rules = { deployment: 'tars' };
  const engine = new EpochEngine({ reader, createIndex, judge: judge.judge, rules });
  const index = () => engine.index;
  const candidates = createCandidateJudge({ index, createIndex, reader, blobs, judge: judge.judge, rules });
  const ref = `refs/heads/${config.branch}`;
  const tip = async () => (await git(path, 'rev-parse', ref)).text.trim();
  await engine.start(await tip());

  const gateScope = new Scope(log);
  scope.defer(() => gateScope.close());
  const problems = new Problems();
  const hosted = await openHostedGit(
    { config, folder: data, log, problems, scope: gateScope },
    { path, ref },
  );
  const allowed: AllowedPush[] = [];
  const held: CandidateJudge = {
    async judge(candidate) {
      await scene.beforeJudging();
      return candidates.judge(candidate);
    },
  };
  const tokens = new Map<string, TokenRecord>();
  const app = fastify({ genReqId: requestIdOf, requestIdHeader: false, forceCloseConnections: true });
  scope.defer(() => app.close());
  const attempts = new FailedAttempts(systemClock);
  const verify = (text: string) => tokens.get(text) ?? null;
  guardRoutes(app, { tokens: { verify, find: () => null }, sessions: { find: () => null }, attempts });
  if (hosted.host) gitRoutes(app, hosted.host);
  const address = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  await hosted.openGate({ judge: held, engine: () => engine, onAllowed: (push) => allowed.push(push) });

  async function git(cwd: string, ...args: string[]): Promise<GitResult> {
    return runGit(folder, cwd, args);
  }

  const scene: PushScene = {
    folder,
    repo: path,
    gateDir: join(config.dataDir, 'gate'),
    problems,
    allowed,
    log: lines,
    beforeJudging: async () => {},
    git,
    tip,
    url: (password) => `http://${password ? `x:${password}@` : ''}${address.host}${gitPath}`,
    token(record = {}) {
      const id = `token${String(tokens.size).padStart(7, '0')}`;
      const text = `hw_${id}_${'S'.repeat(43)}`;
      const base = { id, role: 'admin', name: 'Ann', env: '*', service: '*', createdAt: '' } as const;
      tokens.set(text, { ...base, ...record });
      return text;
    },
    async clone(name, origin) {
      const at = join(folder, name);
      await git(folder, 'clone', '-q', path, at);
      if (origin !== undefined) await git(at, 'remote', 'set-url', 'origin', origin);
      return cloneAt(at, (...args) => git(at, ...args));
    },
    follow: async () => void (await engine.moveTo(await tip())),
    stopGate: () => gateScope.close(),
    [Symbol.asyncDispose]: () => scope.close(),
  };
  return scene;
}

function cloneAt(path: string, git: Clone['git']): Clone {
  return {
    path,
    git,
    async commit(files, message = 'Change config') {
      for (const [name, content] of Object.entries(files)) {
        const file = join(path, name);
        await mkdir(dirname(file), { recursive: true });
        if (content === null) await rm(file);
        else await writeFile(file, content);
      }
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return (await git('rev-parse', 'HEAD')).text.trim();
    },
    push: (...args) => git('push', ...(args.length === 0 ? ['origin', 'HEAD:main'] : args)),
  };
}

function runGit(home: string, cwd: string, args: readonly string[]): Promise<GitResult> {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ann',
    GIT_AUTHOR_EMAIL: 'ann@example.org',
    GIT_COMMITTER_NAME: 'Ann',
    GIT_COMMITTER_EMAIL: 'ann@example.org',
  };
  return new Promise((resolve) => {
    execFile('git', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ ok: error === null, text: `${stdout}${stderr}` });
    });
  });
}
