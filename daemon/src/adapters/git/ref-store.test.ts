import { refStoreContract } from '../../testing/ref-store.contract.ts';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { openRepository } from './open-repository.ts';
import { createRefStore } from './ref-store.ts';

refStoreContract('files', async () => {
  const test = makeTestRepository();
  return {
    refs: createRefStore(await openRepository(test.path)),
    build: test.build,
    close: async () => test[Symbol.dispose](),
  };
});
