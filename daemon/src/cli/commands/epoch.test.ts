import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeDaemon, fakeDaemon } from '../../testing/fake-http-daemon.ts';
import { refusedRewrite } from '../../testing/fake-rewrites.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let daemon: FakeDaemon;
let url: string;
beforeEach(async () => {
  play = makePlayground();
  daemon = fakeDaemon();
  daemon.state.rewrites.refused = refusedRewrite();
  url = await daemon.app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await daemon.app.close();
  play[Symbol.dispose]();
});

const accept = (...args: string[]) =>
  play.run('epoch', 'accept-rewrite', '--url', url, '--token', daemon.token('admin'), ...args);
const isRefused = () => daemon.state.rewrites.refused !== null;

test('shows what would be lost and change, and does it only for a yes', async () => {
  play.reply = 'no';
  const no = await accept();
  expect([no.exit, no.stdout, isRefused()]).toEqual([1, '', true]);
  expect(no.stderr).toContain('Put the branch back: git -C /srv/repo.git update-ref');
  expect(no.stderr).toContain(
    '12 commits that are live would not be part of the history any more:\n' +
      '  e5e5e5e  2026-01-01  Ann  Raise the threshold\n' +
      '  … 11 more\n',
  );
  expect(no.stderr).toContain('  prod  changed stt, tts; removed wake\n');
  expect(no.stderr).toContain('main: #9 · e5e5e5e → #8 · d4d4d4d\n');
  play.reply = 'Yes ';
  const yes = await accept();
  expect([yes.exit, yes.stdout, isRefused()]).toEqual([
    0,
    'Era 2 began at #8 · d4d4d4d. Published: prod.\n',
    false,
  ]);
});

test('without a terminal it needs --yes or --json', async () => {
  const nobody = await accept();
  expect([nobody.exit, nobody.stdout, isRefused()]).toEqual([2, '', true]);
  expect(nobody.stderr).toContain('give --yes');
  expect((await accept('--yes')).exit).toBe(0);
  daemon.state.rewrites.refused = refusedRewrite();
  const document = (await accept('--json')).json();
  expect(document).toMatchObject({
    accepted: true,
    era: 2,
    published: ['prod'],
    preview: { lost: { total: 12 } },
  });
});

test('says no when nothing was rewritten, and tells why it may not', async () => {
  daemon.state.rewrites.refused = null;
  expect(await accept('--yes')).toMatchObject({ exit: 1, stdout: 'there is nothing to accept\n' });
  expect((await accept('--json')).json()).toMatchObject({ accepted: false });
  const viewer = await play.run('epoch', 'accept-rewrite', '--url', url, '--token', daemon.token('viewer'));
  expect(viewer).toMatchObject({ exit: 3, stderr: expect.stringContaining('needs admin') });
});

test('commits that nobody has, and names that would write on the terminal, are told as they are', async () => {
  const preview = refusedRewrite();
  daemon.state.rewrites.refused = {
    ...preview,
    lost: { total: null, commits: [] },
    environments: [
      {
        env: 'prod',
        neverValid: false,
        added: { total: 12, names: Array.from({ length: 10 }, (_, i) => `s${i}`) },
        changed: { total: 1, names: ['a\u001b[2J'] },
        removed: { total: 0, names: [] },
      },
      { ...preview.environments[0], env: 'dev', neverValid: true } as (typeof preview.environments)[number],
    ],
  };
  play.reply = '';
  const { stderr } = await accept();
  expect(stderr).toContain('What is live is not in the repository');
  expect(stderr).toContain('changed a\\u001b[2J; added s0, s1, s2, s3, s4, s5, s6, s7 and 4 more');
  expect(stderr).toContain('dev   nothing in it is valid: what is live stays');
});
