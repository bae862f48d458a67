/** Several writers on one branch: two editors in processes of their own, and somebody who pushes with git. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeTestRepository, type TestRepository } from '../testing/test-repository.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'headwater-writers-'));
const script = join(folder, 'writer.mjs');
const edits = 70;
const shared = 'services/cam/config.json';

beforeAll(async () => {
  const contents = `
    import { writeSync } from 'node:fs';
    import { createEditor } from './editor.ts';
    import { openWorkbench } from './testing.ts';
    const [path, name, count] = process.argv.slice(2);
    const { deps, reader } = await openWorkbench(path);
    const editor = createEditor(deps);
    const read = async (commit) => {
      const file = (await reader.findFiles(commit, ['${shared}'])).get('${shared}');
      return JSON.parse(Buffer.from(await reader.readBlob(file.oid, 1 << 20)).toString());
    };
    let base = deps.branch.at.commit;
    for (let i = 0; i < Number(count); i++) {
      // From what it saw some edits ago, so that others have changed the file meanwhile.
      const before = await read(base);
      const desired = { ...before, data: { ...before.data, [name + i]: i } };
      try {
        const { commit } = await editor.commit({
          actor: { name, email: name + '@example.org' }, message: 'edit ' + i, requestId: name + '-' + i, base,
          files: [{ kind: 'json', path: '${shared}', desired }],
        });
        writeSync(1, JSON.stringify({ key: name + i, commit }) + '\\n');
        if (i % 3 === 0) base = commit;
      } catch (error) {
        writeSync(1, JSON.stringify({ refused: error.code, message: error.message }) + '\\n');
      }
    }
    await reader.close();`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    conditions: ['headwater-source'],
    // jsonc-parser's main cannot be bundled, its module can.
    mainFields: ['module', 'main'],
    external: ['esbuild'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Acknowledged {
  readonly key: string;
  readonly commit: string;
}

/** What a writer was told. */
async function runEditor(path: string, name: string): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [script, path, name, String(edits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const told: Acknowledged[] = [];
  for await (const line of createInterface({ input: child.stdout })) told.push(JSON.parse(line));
  expect(await ended).toEqual([0, null]);
  return told;
}

/** A person with a clone: commit, push, and when somebody was faster rebase and push again. */
async function runPusher(made: TestRepository): Promise<Acknowledged[]> {
  const clone = join(made.folder, 'clone');
  const run = promisify(execFile);
  const git = async (...args: string[]) => (await run('git', args, { cwd: clone })).stdout.trim();
  await run('git', ['clone', '-q', made.path, clone]);
  for (const [key, value] of [
    ['user.name', 'Pia'],
    ['user.email', 'pia@example.org'],
  ] as const)
    await git('config', key, value);
  const told: Acknowledged[] = [];
  for (let i = 0; i < edits; i++) {
    const file = join(clone, 'services/mic/config.json');
    const before = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ data: { ...before.data, [`pia${i}`]: i } }, null, 2));
    await git('commit', '-qam', `push ${i}`);
    for (let isPushed = false; !isPushed; ) {
      isPushed = await git('push', '-q').then(
        () => true,
        () => false,
      );
      if (!isPushed) await git('pull', '-q', '--rebase');
    }
    told.push({ key: `pia${i}`, commit: await git('rev-parse', 'HEAD') });
  }
  return told;
}

test('no acknowledged change is lost, and the repository stays whole', async () => {
  using made = makeTestRepository();
  const schema = JSON.stringify({
    type: 'object',
    properties: { data: { type: 'object', additionalProperties: { type: 'number' } } },
  });
  const [first = ''] = await made.build([
    {
      parents: [],
      set: {
        'headwater.json': '{"headwater":1,"deployment":"tars","environments":["dev"]}',
        'schemas/cam.schema.json': schema,
        'schemas/mic.schema.json': schema,
        [shared]: '{\n  "data": {}\n}\n',
        'services/mic/config.json': '{}\n',
      },
    },
  ]);
  made.git('update-ref', 'refs/heads/main', first);

  const told = (
    await Promise.all([runEditor(made.path, 'ada'), runEditor(made.path, 'bob'), runPusher(made)])
  ).flat();
  expect(told.filter((line) => line.commit === undefined)).toEqual([]);
  expect(told).toHaveLength(3 * edits);
  const line = new Set(made.git('rev-list', '--first-parent', 'main').split('\n'));
  expect(told.filter(({ commit }) => !line.has(commit))).toEqual([]);
  expect(line.size).toBe(3 * edits + 1);
  const saved = ['cam', 'mic'].flatMap((service) =>
    Object.keys(JSON.parse(made.git('show', `main:services/${service}/config.json`)).data),
  );
  expect(saved.sort()).toEqual(told.map(({ key }) => key).sort());
  // Each commit holds what it was acknowledged for.
  for (const { key, commit } of told.filter((_, i) => i % 10 === 0))
    expect(made.git('grep', '-l', `"${key}":`, commit, '--', 'services')).toContain('config.json');
  expect(made.git('fsck', '--strict', '--full', '--no-dangling')).toBe('');
});
