import { expect, test } from 'vitest';
import { signersFile } from '../epochs/testing/policy-world.ts';
import { openEditScene, startFiles } from './testing.ts';

test('the daemon changes nothing on top of a commit that nobody vouched for: its own signature would', async () => {
  const base = 'services/cam/config.json';
  await using scene = await openEditScene({
    ...startFiles,
    'headwater.json': JSON.stringify({
      ...{ headwater: 1, deployment: 'tars', environments: ['dev', 'prod'], signedCommits: 'require' },
    }),
    allowed_signers: signersFile('ann'),
  });
  // The commits of this scene are not signed.
  await scene.editor.commit(scene.request(base, { fps: 11 }));
  await expect(scene.editor.commit(scene.request(base, { fps: 12 }))).rejects.toMatchObject({
    code: 'HW_COMMIT_UNSIGNED',
    message: expect.stringContaining('nothing can be changed on top of this commit'),
  });
});
