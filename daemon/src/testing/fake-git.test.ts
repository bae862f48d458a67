import { expect, test } from 'vitest';
import { createFakeGit } from './fake-git.ts';
import { testPerson } from './git-history.ts';
import { objectReaderContract } from './object-reader.contract.ts';
import { refStoreContract } from './ref-store.contract.ts';

const open = async () => ({ ...createFakeGit(), close: async () => {} });
objectReaderContract('fake', open);
refStoreContract('fake', open);

test('a watcher of the fake reports the value now and every move', async () => {
  const git = createFakeGit();
  const seen: (string | null)[] = [];
  const watcher = git.watcher('refs/heads/main');
  await watcher.start((tip) => seen.push(tip));
  const request = { ref: 'refs/heads/main', message: 'm', author: testPerson, committer: testPerson };
  const edit = { path: 'a', content: Buffer.from('1') };
  const first = await git.writer.commit({ ...request, expected: null, edits: [edit] });
  git.setRef('refs/heads/other', first);
  git.setRef('refs/heads/main', null);
  await watcher.close();
  git.setRef('refs/heads/main', first);
  expect(seen).toEqual([null, first, null]);
});

test('a commit that was forgotten is missing', async () => {
  const git = createFakeGit();
  const id = git.add({ parents: [], set: { a: '1' } });
  git.forget(id);
  await expect(git.reader.readCommit(id)).rejects.toMatchObject({ code: 'HW_OBJECT_MISSING' });
});
