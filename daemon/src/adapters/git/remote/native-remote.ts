import { once } from 'node:events';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { RemoteTransport } from '../../../config/repo-source.ts';
import type { CommitId, Remote, RemoteProgress } from '../../../ports.ts';
import { isObjectId } from '../git-objects.ts';
import { spawnGit } from '../git-process.ts';
import { missingObject } from '../object-source.ts';
import type { GitRepository } from '../open-repository.ts';
import { checkRefName } from '../ref-name.ts';
import { type Credential, type CredentialSource, readCredential } from './credential.ts';
import { listRefs } from './list-refs.ts';
import { syncObjectFolders } from './object-folders.ts';
import { parsePushReport } from './push-report.ts';
import { matchesRef } from './ref-patterns.ts';
import { hostOf, printable, remoteFailure } from './remote-failure.ts';
import { type RemoteAnswer, type RemoteCommand, runRemoteGit } from './remote-process.ts';
import { shallowHost } from './shallow-host.ts';

export interface NativeRemoteOptions {
  readonly url: string;
  readonly transport: RemoteTransport;
  readonly credential: CredentialSource;
  readonly caFile?: string;
  /** Given up after this time without a sign of life, milliseconds. Default 15 s for a question, 60 s for a fetch, 30 s for a push. */
  readonly silenceMs?: { readonly ask: number; readonly transfer: number; readonly push: number };
}

/** A host through native git, which speaks every protocol and can push. */
export function createNativeRemote(repo: GitRepository, options: NativeRemoteOptions): Remote {
  const { url, transport, credential: source } = options;
  const silenceMs = options.silenceMs ?? { ask: 15_000, transfer: 60_000, push: 30_000 };
  const isHttp = transport === 'https' || transport === 'http';
  const stopping = new AbortController();

  const run = async (
    silence: number,
    args: readonly string[],
    more: Pick<RemoteCommand, 'dialogue' | 'onProgress'> = {},
  ): Promise<RemoteAnswer> => {
    const credential: Credential | null = await readCredential(source);
    const answer = await runRemoteGit({
      gitDir: repo.gitDir,
      url,
      transport,
      credential,
      ...(source.kind === 'helper' ? { helper: source.helper } : {}),
      ...(options.caFile === undefined ? {} : { caFile: options.caFile }),
      args,
      silenceMs: silence,
      ...more,
      signal: stopping.signal,
    });
    // git takes a web page for a very old kind of host, one without any branch.
    const isGit = answer.contentType?.startsWith('application/x-git-') ?? true;
    return isGit ? answer : { ...answer, ok: false, stderr: 'answered with something else than git' };
  };

  const failure = (answer: RemoteAnswer, sent?: boolean): HeadwaterError => {
    const { stderr, timedOut, status, location, retryAfter } = answer;
    return remoteFailure({
      url,
      said: stderr,
      timedOut,
      ...(status === undefined ? {} : { status }),
      ...(location === undefined ? {} : { location }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(sent === undefined ? {} : { sent }),
    });
  };

  /** `null` when the host does not know the newer protocol. */
  const namedTips = async (refs: readonly string[]): Promise<ReadonlyMap<string, CommitId> | null> => {
    const list = listRefs(refs, repo.objectFormat);
    const answer = await run(silenceMs.ask, [`remote-${transport}`, 'upstream', url], {
      dialogue: list.dialogue,
    });
    const tips = list.read(answer.stdout);
    if (tips === null && !answer.ok && !isFallback(answer)) throw failure(answer);
    return tips;
  };

  const tips = async (refs: readonly string[]): Promise<ReadonlyMap<string, CommitId>> => {
    const named = isHttp ? await namedTips(refs) : null;
    if (named !== null) return named;
    const narrow = refs.every((ref) => ref.startsWith('refs/heads/')) ? ['--heads'] : ['--refs'];
    const answer = await run(silenceMs.ask, ['ls-remote', '--quiet', ...narrow, '--', url]);
    if (!answer.ok) throw failure(answer);
    const found = new Map<string, CommitId>();
    for (const line of answer.stdout.toString('utf8').split('\n')) {
      const [id = '', ref = ''] = line.split('\t');
      if (isObjectId(id) && matchesRef(ref, refs)) found.set(ref, id);
    }
    return found;
  };

  const currentTip = async (ref: string): Promise<CommitId | null> => (await tips([ref])).get(ref) ?? null;

  return {
    url,

    tips,

    async fetch(tips, onProgress) {
      const refs = [...tips.keys()];
      for (const ref of refs) checkRefName(ref);
      const started = Date.now();
      const flags = [
        '--no-tags',
        '--no-auto-maintenance',
        '--no-recurse-submodules',
        '--no-write-fetch-head',
        '--refmap=',
        '--progress',
      ];
      const answer = await run(
        silenceMs.transfer,
        ['fetch', ...flags, '--', url, ...refs],
        onProgress === undefined ? {} : { onProgress: progressReader(onProgress) },
      );
      if (/shallow roots are not allowed|shallow update not allowed/.test(answer.stderr))
        throw shallowHost(url);
      const vanished = /could(?:n't| not) find remote ref (\S+)/.exec(answer.stderr)?.[1];
      if (!answer.ok && vanished !== undefined && refs.includes(vanished))
        throw missingObject(tips.get(vanished) ?? '', 'is no longer shown by the host');
      if (!answer.ok) throw failure(answer);
      // Before any ref names them.
      await syncObjectFolders(repo, started);
      await checkWhole(repo, [...tips.values()]);
    },

    async push(ref, expected, next) {
      checkRefName(ref);
      if (!isObjectId(next, repo.objectFormat))
        throw missingObject(JSON.stringify(next.slice(0, 80)), 'is no object id');
      // git waits for ever for a report that a host cut short; only the silence tells.
      const flags = [
        '--porcelain',
        '--progress',
        '--no-verify',
        `--force-with-lease=${ref}:${expected ?? ''}`,
      ];
      const answer = await run(silenceMs.push, ['push', ...flags, '--', url, `${next}:${ref}`]);
      if (answer.ok) return;
      const report = parsePushReport(answer.stdout.toString('utf8'), answer.stderr);
      if (report !== null && /exists; cannot create|directory file conflict/.test(report))
        throw nameTaken(ref, report);
      // Hosts word it in many ways; where the ref is now says it plainly.
      if (report !== null && (metAnother.test(report) || (await currentTip(ref)) !== expected)) {
        throw new HeadwaterError('HW_REF_MOVED', {
          message: `${ref} moved at ${hostOf(url)}: expected ${expected ?? 'no such branch'}`,
          hint: 'Read the new tip, apply the change to it, and try again.',
          details: { ref, expected },
        });
      }
      if (report !== null) {
        throw new HeadwaterError('HW_UPSTREAM_REFUSED', {
          message: `${hostOf(url)} refused the change of ${ref}: ${printable(report)}`,
          hint: 'The host decides who may change this branch: give the daemon that right there, or open a pull request.',
          details: { url, ref },
        });
      }
      // Over HTTP the trace tells; over the other transports only a conversation that never began is certain.
      throw failure(answer, isHttp ? answer.pushBegan : !neverBegan.test(answer.stderr));
    },

    async takesPushes() {
      // Hosts ask for the right to write before they list their refs for a push; a dry run ends there.
      const flags = ['--dry-run', '--porcelain', '--no-verify'];
      const answer = await run(silenceMs.ask, ['push', ...flags, '--', url, `:${probeRef}`]);
      if (answer.ok || parsePushReport(answer.stdout.toString('utf8'), answer.stderr) !== null) return true;
      const error = failure(answer);
      if (error.code === 'HW_UPSTREAM_REFUSED') return false;
      throw error;
    },

    async close() {
      stopping.abort();
    },
  };
}

function nameTaken(ref: string, report: string): HeadwaterError {
  return new HeadwaterError('HW_NAME_INVALID', {
    message: `${ref} cannot be created at the host: ${printable(report)}`,
    hint: 'One name may not be a folder of the other: choose another branch name.',
    details: { ref },
  });
}

/** Named in a question only, never written. */
const probeRef = 'refs/headwater/probe';

/** What git's helper says when the host speaks an older version of the protocol only. */
const isFallback = ({ stdout, stderr }: RemoteAnswer): boolean =>
  stdout.toString('latin1', 0, 8) === 'fallback' || /mismatched (object format|algorithms)/.test(stderr);

/** Two pushes at once: the other one holds the lock at the host, and the ref may not have moved yet. */
const metAnother = /cannot lock ref|failed to lock|failed to update ref|but expected/i;

const neverBegan =
  /could not resolve|connection refused|no route to host|network is unreachable|host key verification failed|permission denied \(|does not appear to be a git repository/i;

/** Every object that the tips need is here: a host that sends half a history must not move a ref. */
async function checkWhole(repo: GitRepository, tips: readonly CommitId[]): Promise<void> {
  const args = ['rev-list', '--objects', '--quiet', '--stdin', '--not', '--all'];
  const child = spawnGit(repo, args);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 2000) complaint += chunk.toString('utf8');
  });
  child.stdout.resume();
  child.stdin.end(tips.map((tip) => `${tip}\n`).join(''));
  const [code] = await once(child, 'close');
  if (code === 0) return;
  const oid = /[0-9a-f]{40,64}/.exec(complaint)?.[0] ?? tips[0] ?? '';
  throw missingObject(oid, 'did not come from the host');
}

/** git writes its progress over itself: "Receiving objects:  45% (450/1000), 1.20 MiB". */
function progressReader(onProgress: (progress: RemoteProgress) => void): (text: string) => void {
  return (text) => {
    const found = /([A-Z][A-Za-z ]+):\s+(?:(\d{1,3})% )?\(?\d/.exec(
      text.split(/[\r\n]/).findLast((line) => line.includes(':')) ?? '',
    );
    if (found?.[1] === undefined) return;
    onProgress({ phase: found[1], percent: found[2] === undefined ? null : Number(found[2]) });
  };
}
