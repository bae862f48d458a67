/** A real repository at a host and a real mirror of it, for tests of remotes. */
import { join } from 'node:path';
import { createCommitWriter } from '../adapters/git/commit-writer.ts';
import { createNativeObjectReader } from '../adapters/git/native-object-reader.ts';
import type { GitObjectReader } from '../adapters/git/object-reader-base.ts';
import { type GitRepository, openRepository } from '../adapters/git/open-repository.ts';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { createIsomorphicRemote } from '../adapters/git/remote/isomorphic-remote.ts';
import { createNativeRemote, type NativeRemoteOptions } from '../adapters/git/remote/native-remote.ts';
import type { Remote } from '../ports.ts';
import { testPerson } from './git-history.ts';
import { type GitHttpServer, startGitHttpServer } from './git-http-server.ts';
import type { RemoteHarness } from './remote.contract.ts';
import { makeTestRepository, type TestRepository, type TestRepositoryOptions } from './test-repository.ts';

export interface RemoteScene extends RemoteHarness {
  /** The repository at the host. */
  readonly upstream: TestRepository;
  readonly mirror: TestRepository;
  readonly repo: GitRepository;
  readonly reader: GitObjectReader;
  /** `null` for a file address. */
  readonly server: GitHttpServer | null;
  readonly url: string;
}

export type SceneKind = 'http' | 'file' | 'isomorphic';

export async function openRemoteScene(
  kind: SceneKind,
  options: Partial<NativeRemoteOptions> & TestRepositoryOptions = {},
): Promise<RemoteScene> {
  const upstream = makeTestRepository(options.objectFormat ? { objectFormat: options.objectFormat } : {});
  upstream.git('config', 'http.receivepack', 'true');
  const mirror = makeTestRepository(options.objectFormat ? { objectFormat: options.objectFormat } : {});
  const server = kind === 'file' ? null : await startGitHttpServer(upstream.folder);
  const url = server === null ? `file://${upstream.path}` : `${server.url}/repo`;
  const repo = await openRepository(mirror.path, { useNativeGit: kind !== 'isomorphic' });
  const reader = createNativeObjectReader(await openRepository(mirror.path));
  const credential = options.credential ?? { kind: 'none' };
  const transport = server === null ? 'file' : 'http';
  const remote: Remote =
    kind === 'isomorphic'
      ? createIsomorphicRemote(repo, { ...options, url, credential })
      : createNativeRemote(repo, { ...options, url, credential, transport });
  let commits = 0;
  return {
    upstream,
    mirror,
    repo,
    reader,
    server,
    url,
    remote,
    host: {
      build: upstream.build,
      setRef: (ref, id) => {
        if (id === null) upstream.git('update-ref', '-d', ref);
        else upstream.git('update-ref', ref, id);
      },
      read: (ref) => {
        const found = upstream.git('for-each-ref', '--format=%(objectname)', ref);
        return found === '' ? null : found;
      },
    },
    async commit(parent, files) {
      const refs = createRefStore(repo);
      const ref = `refs/scratch/c${commits++}`;
      if (parent !== null) await refs.compareAndSwap(ref, null, parent);
      return createCommitWriter(repo, reader, refs).commit({
        ref,
        expected: parent,
        edits: Object.entries(files).map(([path, text]) => ({ path, content: Buffer.from(text) })),
        message: `local ${commits}`,
        author: testPerson,
        committer: testPerson,
      });
    },
    async close() {
      await remote.close();
      await reader.close();
      await server?.close();
      upstream[Symbol.dispose]();
      mirror[Symbol.dispose]();
    },
  };
}

/** File of a token for a host, inside the mirror's own temporary folder. */
export const tokenFileIn = (scene: RemoteScene): string => join(scene.mirror.folder, 'token');
