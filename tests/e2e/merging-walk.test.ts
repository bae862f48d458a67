/** docs/merging.md, every command as it stands and with the output it shows. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProcess } from '../support/process.ts';
import { root, temporaryFolder } from '../support/stack.ts';

interface Step {
  readonly command: string;
  readonly output: string;
}

/** Commands of all console blocks of a page, in order, each with what stands below it. */
function stepsOf(page: string): Step[] {
  const blocks = [...page.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block.split(/^\$ /m).flatMap((part) => {
      const end = part.indexOf('\n');
      return part === '' ? [] : [{ command: part.slice(0, end), output: part.slice(end + 1) }];
    }),
  );
}

const env = (folder: string) => ({
  PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
  HOME: folder,
  XDG_CONFIG_HOME: join(folder, 'config-home'),
  GIT_CONFIG_NOSYSTEM: '1',
  LC_ALL: 'C',
  ...{ GIT_AUTHOR_NAME: 'You', GIT_AUTHOR_EMAIL: 'you@example.org' },
  ...{ GIT_COMMITTER_NAME: 'You', GIT_COMMITTER_EMAIL: 'you@example.org' },
});

test('merging, as the page shows it', async () => {
  const steps = stepsOf(await readFile(join(root, 'docs/merging.md'), 'utf8'));
  expect(steps.length).toBeGreaterThan(20);
  const folder = await temporaryFolder();
  // One shell for all of them: it changes folders, and a conflict does not end it.
  const mark = '-- next --';
  const script = steps.map(({ command }) => `${command}\nprintf '%s\\n' '${mark}'`).join('\n');
  const ran = await runProcess('bash', ['-c', `exec 2>&1\n${script}`], { cwd: folder, env: env(folder) });
  await rm(folder, { recursive: true, force: true });
  const outputs = ran.stdout.split(`${mark}\n`);
  expect(steps.map(({ command }, i) => `$ ${command}\n${outputs[i]}`).join('')).toBe(
    steps.map(({ command, output }) => `$ ${command}\n${output}`).join(''),
  );
});

test('git rebase, cherry-pick and stash merge by settings, too; a clone that is not set up merges lines', async () => {
  const folder = await temporaryFolder();
  const script = `
    echo '{ "a": 1, "b": 1, "c": 1 }' > s.json
    headwater init made && headwater service add svc --from s.json --repo made && git clone -q made config && cd config
    change() { sed -i "s/\\"$1\\": [0-9]*/\\"$1\\": $2/" services/svc/config.json; }
    git switch -qc topic && change b 2 && git commit -qam b
    git switch -q main && change a 2 && git commit -qam a
    if git cherry-pick topic; then exit 1; fi
    git cherry-pick --abort
    headwater merge-driver --install
    git cherry-pick topic && git reset -q --hard HEAD~1
    change c 2 && git stash -q && change b 3 && git commit -qam b3 && git stash pop && git commit -qam c
    git reset -q --hard HEAD~2
    git rebase -q main topic
    cat services/svc/config.json`;
  const ran = await runProcess('bash', ['-euc', script], { cwd: folder, env: env(folder) });
  await rm(folder, { recursive: true, force: true });
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('could not apply')]);
  expect(JSON.parse(ran.stdout.slice(ran.stdout.lastIndexOf('{')))).toEqual({ a: 2, b: 2, c: 1 });
});
