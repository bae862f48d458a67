import { createFakeGit } from './fake-git.ts';
import { createFakeRemote } from './fake-remote.ts';
import { remoteContract } from './remote.contract.ts';

remoteContract('fake', async () => {
  const git = createFakeGit();
  const remote = createFakeRemote(git);
  return {
    remote,
    host: {
      build: git.build,
      setRef: (ref, id) => void (id === null ? remote.hostRefs.delete(ref) : remote.hostRefs.set(ref, id)),
      read: (ref) => remote.hostRefs.get(ref) ?? null,
    },
    reader: git.reader,
    commit: async (parent, set) => git.add({ parents: parent === null ? [] : [parent], set }),
    close: async () => {},
  };
});
