import { chmodSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { commit, writeBlob } from 'isomorphic-git';
import { expect, test } from 'vitest';
import { testPerson } from '../../testing/git-history.ts';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { createIsomorphicFs } from './isomorphic-fs.ts';
import { openRepository } from './open-repository.ts';

test('objects that the library writes are whole, and damaged ones are written again', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const fs = createIsomorphicFs(repo);
  const blob = Buffer.from('some content');
  const oid = await writeBlob({ fs, gitdir: repo.gitDir, blob });
  expect(made.git('cat-file', '-p', oid)).toBe('some content');
  const file = join(made.path, 'objects', oid.slice(0, 2), oid.slice(2));
  chmodSync(file, 0o644);
  truncateSync(file, 3);
  await writeBlob({ fs, gitdir: repo.gitDir, blob });
  expect(made.git('cat-file', '-p', oid)).toBe('some content');
  expect(made.git('fsck', '--strict')).toContain('dangling blob');
  expect(readdirSync(join(made.path, 'headwater-tmp'))).toEqual([]);
});

test('the library cannot move a ref past its lock', async () => {
  using made = makeTestRepository();
  const repo = await openRepository(made.path);
  const fs = createIsomorphicFs(repo);
  const author = { ...testPerson, timestamp: 1, timezoneOffset: 0 };
  const tree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const moving = commit({
    fs,
    gitdir: repo.gitDir,
    message: 'm',
    author,
    tree,
    ref: 'refs/heads/main',
    parent: [],
  });
  await expect(moving).rejects.toMatchObject({ code: 'HW_INTERNAL' });
  for (const name of ['HEAD', 'packed-refs', 'refs/heads/x']) {
    await expect(fs.promises.writeFile(join(made.path, name), 'x')).rejects.toMatchObject({
      code: 'HW_INTERNAL',
    });
    await expect(fs.promises.unlink(join(made.path, name))).rejects.toMatchObject({ code: 'HW_INTERNAL' });
  }
  expect(made.git('for-each-ref')).toBe('');
});
