import { expect } from 'vitest';
import { objectReaderContract } from '../../testing/object-reader.contract.ts';
import { makeTestRepository, type TestRepositoryOptions } from '../../testing/test-repository.ts';
import { createObjectReader } from './object-reader.ts';
import { openRepository } from './open-repository.ts';

const open =
  (useNativeGit: boolean, packed: boolean, options: TestRepositoryOptions = {}) =>
  async () => {
    const test = makeTestRepository(options);
    const repo = await openRepository(test.path, { useNativeGit });
    const reader = await createObjectReader(repo);
    return {
      reader,
      build: async (commits: Parameters<typeof test.build>[0]) => {
        const ids = await test.build(commits);
        if (packed) test.git('repack', '-a', '-d', '-q');
        // Otherwise both variants would test the same.
        expect(test.git('count-objects', '-v')).toContain(packed ? 'count: 0' : 'packs: 0');
        return ids;
      },
      close: async () => {
        await reader.close();
        test[Symbol.dispose]();
      },
    };
  };

objectReaderContract('native git, objects in files', open(true, false));
objectReaderContract('native git, objects in a pack', open(true, true));
objectReaderContract('isomorphic-git, objects in files', open(false, false));
objectReaderContract('isomorphic-git, objects in a pack', open(false, true));
