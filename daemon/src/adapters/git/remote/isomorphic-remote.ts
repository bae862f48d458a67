import { readFileSync } from 'node:fs';

import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { Errors, fetch, listServerRefs } from 'isomorphic-git';
import type { CommitId, Remote } from '../../../ports.ts';
import { createIsomorphicObjectReader } from '../isomorphic-object-reader.ts';
import { missingObject } from '../object-source.ts';
import type { GitRepository } from '../open-repository.ts';
import { createObjectFinder } from '../pack-index.ts';
import { readRefValue } from '../ref-files.ts';
import { checkRefName } from '../ref-name.ts';
import { type CredentialSource, readCredential } from './credential.ts';
import { namingHead } from './dangling-head.ts';
import { createFetchFs } from './fetch-fs.ts';
import { createGitHttp } from './git-http.ts';
import { matchesRef } from './ref-patterns.ts';
import { remoteFailure } from './remote-failure.ts';

export interface IsomorphicRemoteOptions {
  /** `https://…` or `http://…`. */
  readonly url: string;
  readonly credential: CredentialSource;
  readonly caFile?: string;
  /** Given up after this time without a byte, milliseconds. Default 15 s for a question, 60 s where objects travel. */
  readonly silenceMs?: { readonly ask: number; readonly transfer: number };
}

/** Name under which the library looks up where to write refs, which are then not written. */
const remoteName = 'upstream';

/** The library holds a fetch in memory, several times over. */
const maxAnswerBytes = 256 * 1024 * 1024;

/** A host over HTTP where no git is installed. It cannot push: the library would list the whole history for every change. */
export function createIsomorphicRemote(repo: GitRepository, options: IsomorphicRemoteOptions): Remote {
  const { url, credential } = options;
  if (credential.kind === 'helper') throw needsGit('asking a credential helper');
  if (repo.objectFormat !== 'sha1') throw needsGit('a SHA-256 repository');
  const silenceMs = options.silenceMs ?? { ask: 15_000, transfer: 60_000 };
  const stopping = new AbortController();
  const ca = options.caFile === undefined ? {} : { ca: readFileSync(options.caFile, 'utf8') };
  const http = (silence: number) =>
    createGitHttp({
      url,
      credential: () => readCredential(credential),
      ...ca,
      silenceMs: silence,
      maxAnswerBytes,
      signal: stopping.signal,
    });

  return {
    url,

    async tips(refs) {
      const prefix = commonPrefix(refs.map((ref) => ref.replace(/\*$/, '')));
      const shown = await translated(url, () => listServerRefs({ http: http(silenceMs.ask), url, prefix }));
      return new Map(shown.filter(({ ref }) => matchesRef(ref, refs)).map(({ ref, oid }) => [ref, oid]));
    },

    async fetch(tips, onProgress) {
      const fs = createFetchFs(repo, remoteName, url);
      for (const ref of tips.keys()) checkRefName(ref);
      for (const [ref, tip] of tips) {
        const before = localTip(repo, ref) ?? localTip(repo, 'HEAD');
        await translated(
          url,
          () =>
            fetch({
              fs,
              http: namingHead(http(silenceMs.transfer)),
              gitdir: repo.commonDir,
              url,
              remote: remoteName,
              remoteRef: ref,
              // What it names here is what the host is told we have.
              ref: localTip(repo, ref) === null ? 'HEAD' : ref,
              singleBranch: true,
              tags: false,
              cache: {},
              ...(onProgress === undefined
                ? {}
                : {
                    onProgress: ({ phase, loaded, total }) =>
                      onProgress({ phase, percent: total > 0 ? Math.round((loaded / total) * 100) : null }),
                  }),
            }),
          tip,
        );
        await checkWhole(repo, tip, before);
      }
    },

    async push() {
      throw needsGit('pushing');
    },

    async takesPushes() {
      return false;
    },

    async close() {
      stopping.abort();
    },
  };
}

function localTip(repo: GitRepository, ref: string): CommitId | null {
  const value = readRefValue(repo, ref);
  if (value?.kind === 'symbolic') return localTip(repo, value.target);
  return value?.kind === 'commit' ? value.id : null;
}

/** Every commit that is new is here, and every file of the newest one. */
async function checkWhole(repo: GitRepository, tip: CommitId, before: CommitId | null): Promise<void> {
  const reader = createIsomorphicObjectReader(repo);
  for await (const _ of reader.ancestry(tip, before === null ? [] : [before])) {
    // Walking reads each commit; a missing one throws.
  }
  const has = createObjectFinder(repo);
  for (const { to } of await reader.diff(before, tip)) {
    if (to !== null && to.mode !== '160000' && !has(to.oid))
      throw missingObject(to.oid, 'did not come from the host');
  }
}

async function translated<T>(url: string, talk: () => Promise<T>, tip?: CommitId): Promise<T> {
  try {
    return await talk();
  } catch (error) {
    if (isHeadwaterError(error)) throw error;
    if (error instanceof Errors.NotFoundError && tip !== undefined)
      throw missingObject(tip, 'is no longer shown by the host');
    throw remoteFailure({ url, said: error instanceof Error ? error.message : String(error) });
  }
}

function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

function needsGit(what: string): HeadwaterError {
  return new HeadwaterError('HW_REPO_UNSUPPORTED', {
    message: `${what} needs native git, which is not installed here`,
    hint: 'Install git 2.32 or newer on the machine of the daemon.',
  });
}
