/** The repository as others reach it: over HTTP, with the gate in front of every push, and tidied up now and then. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { type GateDoor, openGateDoor } from '../adapters/gate/gate-door.ts';
import { gateFiles, hookPathOf, hookScript, hookStateOf, installHook } from '../adapters/gate/gate-hook.ts';
import { writeFileDurably } from '../adapters/git/durable-fs.ts';
import { configureHosted } from '../adapters/git/hosted-config.ts';
import { createHttpBackend } from '../adapters/git/http-backend.ts';
import { createMaintenance } from '../adapters/git/maintenance.ts';
import { createNativeSource } from '../adapters/git/native-object-reader.ts';
import { type GitRepository, openRepository } from '../adapters/git/open-repository.ts';
import { openPushedObjects } from '../adapters/git/pushed-objects.ts';
import { noPolicy } from '../core/policy.ts';
import { shellWord } from '../core/shell-word.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import type { CandidateJudge } from '../gate/candidate-judge.ts';
import { createPushGate, type PushGateDeps } from '../gate/push-gate.ts';
import type { FollowedState } from '../gate/push-policy.ts';
import { createPushTickets } from '../gate/push-tickets.ts';
import type { GitHost } from '../git-backend.ts';
import { problemOf } from '../problems.ts';
import type { Context } from './context.ts';

/** A push that is being judged when the daemon stops may finish, but not for ever. */
const stopWaitMs = 5_000;

export interface HostedGit {
  /** `null` where no git is installed: then nothing is served, and nothing can be pushed. */
  readonly host: GitHost | null;
  /** Begins to answer pushes. Until then, and after the stop, they are refused with a reason. */
  openGate(parts: GateParts): Promise<void>;
}

export interface GateParts extends Pick<PushGateDeps, 'onAllowed' | 'onRefused'> {
  readonly judge: CandidateJudge;
  /** The running engine. */
  readonly engine: () => EpochEngine | null;
}

/** @throws HeadwaterError `HW_REPO_*`, `HW_STORAGE_FAILED`. */
export async function openHostedGit(
  context: Omit<Context, 'clock' | 'fatal'>,
  repository: Pick<FollowedRepository, 'path' | 'ref'>,
): Promise<HostedGit> {
  const { config, folder, log, problems, scope } = context;
  const repo = await openRepository(repository.path);
  if (repo.capabilities.nativeGit === null) {
    log.warn({}, 'git is not installed here: the repository is not served over HTTP');
    return { host: null, openGate: async () => {} };
  }
  const gateDir = join(folder.path, 'gate');
  const script = hookScript(gateDir, `headwater serve --data ${shellWord(folder.path)}`);
  await placeHook(context, repo, gateDir, script);
  const tickets = createPushTickets();
  const backend = await createHttpBackend(repo, { log });
  scope.defer(() => backend.close());
  const source = createNativeSource(repo);
  scope.defer(() => source.close());
  let door: GateDoor | null = null;
  /** What is said while there is no door. */
  let closed = notYet();
  let underWay = 0;

  if (config.repo.kind !== 'path') {
    const maintenance = createMaintenance(repo, { log, isBusy: () => underWay > 0 });
    scope.defer(() => maintenance.close());
    maintenance.start();
  }

  return {
    host: {
      backend,
      announcePush(pusher) {
        underWay += 1;
        const { ticket, release } = tickets.issue(pusher);
        return {
          ticket,
          release() {
            underWay -= 1;
            release();
          },
        };
      },
      async pushRefusal() {
        if (config.repo.kind === 'url') return upstreamOnly();
        if ((await hookStateOf(repo, script)) !== 'ours') return withoutGate(config.repo.kind, repo, gateDir);
        return door === null ? closed : null;
      },
    },
    async openGate({ judge, engine, ...told }) {
      if (config.repo.kind === 'url') return;
      const gate = createPushGate({
        repository: repo.gitDir,
        branch: repository.ref,
        followed: followedState(engine),
        judge,
        open: (quarantine) => openPushedObjects(repo, source, quarantine),
        tickets,
        log,
        ...told,
      });
      const answer = async (question: string) => {
        underWay += 1;
        return gate.answer(question).finally(() => {
          underWay -= 1;
        });
      };
      try {
        const opened = await openGateDoor(gateDir, answer, log);
        door = opened;
        scope.deferWithin(stopWaitMs, () => {
          door = null;
          return opened.close();
        });
      } catch (error) {
        // Config still flows; only pushes are refused until the cause is gone.
        closed = cannotOpen(error);
        problems.set('gate', problemOf(closed, 'HW_GATE_CLOSED'));
        log.error({ err: closed }, 'the gate cannot be opened: pushes are refused');
      }
    },
  };
}

function followedState(engine: () => EpochEngine | null): FollowedState {
  return {
    get commit() {
      return engine()?.at?.commit ?? null;
    },
    get policy() {
      return engine()?.policy ?? noPolicy;
    },
    liveCommit: (env) => engine()?.environments.get(env)?.epoch?.commit ?? null,
  };
}

/** Into the repository that Headwater keeps itself. One that is only followed is left alone; its owner may link the hook. */
async function placeHook(
  { config, log, problems }: Pick<Context, 'config' | 'log' | 'problems'>,
  repo: GitRepository,
  gateDir: string,
  script: string,
): Promise<void> {
  if (config.repo.kind === 'url') return;
  await mkdir(gateDir, { recursive: true, mode: 0o700 });
  await writeFileDurably(join(gateDir, gateFiles.hook), Buffer.from(script), { mode: 0o700 });
  if (config.repo.kind === 'path') return;
  await configureHosted(repo);
  if (await installHook(repo, script)) return;
  const { code, message, hint = '' } = foreignHook(repo);
  problems.set('gate', { code, message, hint });
  log.error(
    { code, hook: hookPathOf(repo) },
    'another hook stands where the gate belongs: pushes are not judged',
  );
}

function withoutGate(kind: 'own' | 'path', repo: GitRepository, gateDir: string): HeadwaterError {
  if (kind === 'own') return foreignHook(repo);
  const [hook, place] = [shellWord(join(gateDir, gateFiles.hook)), shellWord(hookPathOf(repo))];
  return new HeadwaterError('HW_GATE_CLOSED', {
    message: 'this daemon only follows the repository, and no gate stands in front of it',
    hint: `Push to the repository itself, or put the gate there once, on its machine: ln -s ${hook} ${place}`,
  });
}

function foreignHook(repo: GitRepository): HeadwaterError {
  return new HeadwaterError('HW_GATE_FOREIGN_HOOK', {
    message: `another hook stands at ${hookPathOf(repo)}, or the repository takes its hooks from elsewhere`,
    hint: 'Move it away, or remove core.hooksPath from the config of the repository, and restart the daemon: it puts the gate there.',
  });
}

function cannotOpen(cause: unknown): HeadwaterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HeadwaterError('HW_GATE_CLOSED', {
    message: `the gate cannot be opened: ${reason}`,
    hint: 'The folder "gate" in the data folder must lie on a file system that has named pipes. Mend that and restart the daemon.',
    cause,
  });
}

function notYet(): HeadwaterError {
  return new HeadwaterError('HW_GATE_CLOSED', {
    message: 'this daemon is starting or stopping and takes no pushes',
    hint: 'Push again in a moment.',
  });
}

function upstreamOnly(): HeadwaterError {
  return new HeadwaterError('HW_GATE_CLOSED', {
    message: 'this is a mirror; pushes go to the repository that it follows',
    hint: 'Set the address for pushes once: git remote set-url --push origin <address of that repository>',
  });
}
