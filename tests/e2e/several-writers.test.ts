/** One daemon, several writers at once: saves through its API, and people who push through the gate with the merge driver. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProcess } from '../support/process.ts';
import { headwaterBin, root, type Stack, scratchFolder, startStack } from '../support/stack.ts';

const file = 'services/board/config.json';
const edits = 40;

/** What a writer was told: the key it set, in this commit. */
interface Acknowledged {
  readonly key: string;
  readonly commit: string;
}

/** Saves through the API, each from a document that is some saves old. */
async function saver(stack: Stack, name: string): Promise<Acknowledged[]> {
  const token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
  const url = `${stack.ready.http}/api/v1/services/board`;
  const headers = { authorization: `Bearer ${token}` };
  const tagNow = async () => {
    const answer = await fetch(`${url}?env=dev`, { headers });
    return answer.headers.get('etag') ?? '';
  };
  const told: Acknowledged[] = [];
  let tag = await tagNow();
  for (let i = 0; i < edits; i++) {
    const key = `${name}${i}`;
    const answer = await fetch(`${url}?layer=base`, {
      method: 'PATCH',
      headers: { ...headers, 'if-match': tag, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ data: { [key]: i } }),
    });
    const body = (await answer.json()) as { commit: string; applied: unknown };
    expect([answer.status, body]).toMatchObject([201, { applied: { dev: { board: [`/data/${key}`] } } }]);
    told.push({ key, commit: body.commit });
    if (i % 5 === 0) tag = answer.headers.get('etag') ?? (await tagNow());
  }
  return told;
}

/** Works in a clone that merges by settings, on the very file that the others save. */
async function pusher(stack: Stack, name: string): Promise<Acknowledged[]> {
  const clone = join(await scratchFolder(), 'clone');
  const git = async (...args: string[]) => {
    const env = { PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` };
    return runProcess(
      'git',
      ['-C', clone, '-c', `user.name=${name}`, '-c', `user.email=${name}@example.org`, ...args],
      {
        env,
      },
    );
  };
  await runProcess('git', ['clone', '-q', stack.ready.git, clone]);
  await runProcess(process.execPath, [headwaterBin, 'merge-driver', '--install', '--repo', clone]);
  const told: Acknowledged[] = [];
  for (let i = 0; i < edits / 4; i++) {
    const path = join(clone, file);
    const { data } = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, `${JSON.stringify({ data: { ...data, [`${name}${i}`]: i } }, null, 2)}\n`);
    await git('commit', '-qam', `push ${i}`);
    for (;;) {
      const pushed = await git('push', '-q');
      if (pushed.code === 0) break;
      expect(await git('pull', '-q', '--rebase')).toMatchObject({ code: 0 });
    }
    told.push({ key: `${name}${i}`, commit: (await git('rev-parse', 'HEAD')).stdout.trim() });
  }
  return told;
}

test('nobody loses anything, on neighbouring lines of one file', async () => {
  await using stack = await startStack();
  const schema = {
    type: 'object',
    properties: { data: { type: 'object', additionalProperties: { type: 'number' } } },
  };
  await stack.push({
    'schemas/board.schema.json': JSON.stringify(schema),
    [file]: '{\n  "data": {\n    "first": 0\n  }\n}\n',
  });
  const told = (
    await Promise.all([saver(stack, 'ada'), saver(stack, 'bob'), pusher(stack, 'pia'), pusher(stack, 'quo')])
  ).flat();
  expect(told).toHaveLength(2.5 * edits);

  const bare = ['-C', stack.ready.git];
  const line = (await runProcess('git', [...bare, 'rev-list', '--first-parent', 'main'])).stdout.split('\n');
  expect(told.filter(({ commit }) => !line.includes(commit))).toEqual([]);
  const saved = JSON.parse((await runProcess('git', [...bare, 'show', `main:${file}`])).stdout);
  expect(Object.keys(saved.data).sort()).toEqual(['first', ...told.map(({ key }) => key)].sort());
  expect(await runProcess('git', [...bare, 'fsck', '--strict', '--no-dangling'])).toMatchObject({
    code: 0,
    stdout: '',
  });

  // What was acknowledged is there after a crash, too.
  await stack.daemon.kill('SIGKILL');
  await stack.restart();
  const live = await stack.headwater('get', 'board', '--env', 'dev', '--data', stack.data, '--json');
  expect(JSON.parse(live.stdout).config).toEqual(saved);
}, 180_000);

test('edits through the daemon are refused while the branch is checked out, and accepted when it is not', async () => {
  const folder = await scratchFolder();
  const work = join(folder, 'work');
  await runProcess(process.execPath, [headwaterBin, 'init', work, '--example', '--deployment', 'tars']);
  await using stack = await startStack({ serve: ['--repo', work] });
  const token = (await readFile(stack.ready.adminTokenFile, 'utf8')).trim();
  const url = `${stack.ready.http}/api/v1/services/stt-worker`;
  const headers = { authorization: `Bearer ${token}` };
  const tag = (await fetch(`${url}?env=dev`, { headers })).headers.get('etag') ?? '';
  const save = () =>
    fetch(`${url}?layer=dev`, {
      method: 'PATCH',
      headers: { ...headers, 'if-match': tag, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ vad_threshold: 0.61 }),
    });
  const refused = await save();
  expect([refused.status, await refused.json()]).toMatchObject([409, { code: 'HW_WORK_TREE' }]);
  await runProcess('git', ['-C', work, 'switch', '-qc', 'elsewhere']);
  expect((await save()).status).toBe(201);
}, 60_000);
