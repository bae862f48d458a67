import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeTestKey, secretsFile } from '../../../testing/secrets-file.ts';
import {
  makeSecretsTemplate,
  type SecretsPlayground,
  type SecretsTemplate,
} from '../../testing/secrets-playground.ts';

// The worker is a built file; tests judge with the same compiler in this thread.
vi.mock('../../../adapters/schema-validator.ts', async () => {
  const { createInlineSchemaValidator } = await import('../../../testing/schema-validator.ts');
  return { createSchemaValidator: createInlineSchemaValidator };
});
vi.setConfig({ testTimeout: 30_000 });

const canary = 'sk-canary-7Yb2';
const file = 'services/llm-worker/secrets.prod.json';

let template: SecretsTemplate;
let play: SecretsPlayground;
beforeAll(async () => {
  template = await makeSecretsTemplate();
});
afterAll(() => template[Symbol.dispose]());
beforeEach(async () => {
  play = await template.play();
  play.env.SOPS_AGE_KEY_FILE = 'ann.txt';
});
afterEach(() => play[Symbol.dispose]());

/** An editor that runs a script of its own; "$1" is the file. What it does is noted in files of the playground. */
function editor(...script: readonly string[]): void {
  const path = join(play.folder, 'editor.sh');
  writeFileSync(path, ['#!/bin/sh', 'set -e', ...script].join('\n'));
  chmodSync(path, 0o755);
  play.env.EDITOR = path;
}
const edit = (...args: string[]) => play.secrets('edit', 'llm-worker', '--env', 'prod', ...args);
const note = (name: string) => readFileSync(join(play.folder, name), 'utf8');
const leftovers = () =>
  ['/dev/shm', play.folder].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`headwater-edit~`)) : [],
  );

describe('edit', () => {
  test('shows plain text to the editor alone, and commits what it saved', async () => {
    play.commit({ [file]: await secretsFile({ openai_api_key: canary }, play.ann) });
    const before = play.read(file).toString();
    editor(
      `cp "$1" ${play.folder}/seen; stat -c %a "$1" > ${play.folder}/mode; dirname "$1" > ${play.folder}/where`,
      `printf '{"openai_api_key":"${canary}","gemini_api_key":"${canary}-2"}' > "$1"`,
    );
    const done = await edit('--json');
    expect(done).toMatchObject({ exit: 0, stderr: '' });
    expect(done.json()).toMatchObject({
      file,
      changed: true,
      commit: play.git('config', 'rev-parse', 'HEAD'),
    });
    expect(JSON.parse(note('seen'))).toEqual({ openai_api_key: canary });
    expect(note('mode')).toBe('600\n');
    expect(await play.opened(file)).toEqual({ '/openai_api_key': canary, '/gemini_api_key': `${canary}-2` });
    const sealed = (text: string) => /"openai_api_key": "(ENC[^"]*)"/.exec(text)?.[1];
    expect(sealed(play.read(file).toString())).toBe(sealed(before));
    expect(existsSync(note('where').trim())).toBe(false);
    expect(leftovers()).toEqual([]);
    expect(play.history() + done.stdout).not.toContain(canary);
  });

  test('a new file begins empty, and saving nothing changes nothing', async () => {
    editor(`cp "$1" ${play.folder}/seen`);
    const done = await edit();
    expect([done.exit, done.stdout]).toEqual([0, 'Nothing changed.\n']);
    expect(note('seen')).toBe('{}\n');
    editor(`printf '{"openai_api_key":"${canary}"}' > "$1"`);
    expect((await edit()).exit).toBe(0);
    expect(await play.opened(file)).toEqual({ '/openai_api_key': canary });
    editor(`printf '{}' > "$1"`);
    expect((await edit()).exit).toBe(0);
    expect(play.git('config', 'ls-files', 'services/llm-worker')).not.toContain('secrets');
  });

  test('what cannot be saved comes back to the editor as it was left', async () => {
    const count = join(play.folder, 'count');
    editor(
      `echo x >> ${count}`,
      `case $(wc -l < ${count}) in`,
      `1) printf '{"openai_api_key": "${canary}"' > "$1";;`,
      `2) cp "$1" ${play.folder}/second; printf '{"openai_key": "${canary}"}' > "$1";;`,
      `3) printf '{"openai_api_key": "short"}' > "$1";;`,
      `*) printf '{"openai_api_key": "${canary}"}' > "$1";;`,
      'esac',
    );
    play.reply = '';
    const done = await edit();
    expect(done.exit).toBe(0);
    expect(note('second')).toBe(`{"openai_api_key": "${canary}"`);
    expect(done.stderr.match(/Not saved: /g)).toHaveLength(3);
    expect(done.stderr).toContain('does not describe a secret /openai_key');
    expect(done.stderr).not.toContain(canary);
    expect(done.stderr).not.toContain('"short"');
    expect(await play.opened(file)).toEqual({ '/openai_api_key': canary });
  });

  test('who gives up, or has nobody to ask, changes nothing and leaves nothing', async () => {
    const before = play.history();
    editor(
      `printf '${canary}' > "$1"; printf '${canary}' > "$TMPDIR/backup~"; mkdir "$TMPDIR/deep"; printf x > "$TMPDIR/deep/y"`,
    );
    for (const reply of ['n', null]) {
      play.reply = reply;
      const done = await edit();
      expect(done.exit).toBeGreaterThan(0);
      expect(done.stderr).not.toContain(canary);
    }
    editor('exit 3');
    const failed = await edit();
    expect([failed.exit, failed.stderr]).toEqual([2, expect.stringContaining('it ended with 3')]);
    expect(play.history()).toBe(before);
    expect(leftovers()).toEqual([]);
  });

  test('what a kill left behind is wiped by the next one', async () => {
    const shm = existsSync('/dev/shm') ? '/dev/shm' : null;
    if (shm === null) return;
    const left = join(shm, 'headwater-edit~aaaaaaaa.1.1.1~abcdef');
    mkdirSync(left, { mode: 0o700 });
    writeFileSync(join(left, 'x.json'), canary);
    editor('true');
    await edit();
    expect(existsSync(left)).toBe(false);
  });

  test('a file of others, and a daemon, are no place to edit in', async () => {
    play.commit({ [file]: await secretsFile({ openai_api_key: canary }, await makeTestKey()) });
    editor('true');
    const closed = await edit('--json');
    expect(JSON.parse(closed.stderr).error.code).toBe('HW_SECRETS_NO_IDENTITY');
    play.env.HEADWATER_URL = 'http://127.0.0.1:1';
    const remote = await play.run('secrets', 'edit', 'llm-worker', '--env', 'prod');
    expect([remote.exit, remote.stderr]).toEqual([2, expect.stringContaining('never shows what is set')]);
  });
});

describe('check', () => {
  test('finds what is wrong without a key, in the files as they lie there', async () => {
    const good = await play.secrets('check');
    expect([good.exit, good.stdout]).toEqual([0, '0 secrets files, 0 opened: 0 errors, 0 warnings.\n']);
    const stranger = await makeTestKey();
    writeFileSync(
      join(play.folder, 'config', file),
      await secretsFile({ openai_api_key: canary }, play.ann, stranger),
    );
    writeFileSync(join(play.folder, 'config/services/stt-worker/secrets.json'), `{"x": "${canary}"}`);
    const bad = await play.secrets('check', '--json');
    expect(bad.exit).toBe(1);
    const { findings, files } = bad.json<{ files: number; findings: { code: string; file: string }[] }>();
    expect(files).toBe(2);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'HW_SECRETS_RECIPIENTS', file }));
    expect(findings).toContainEqual(expect.objectContaining({ code: 'HW_SECRETS_NOT_SOPS' }));
    expect(bad.stdout).not.toContain(canary);
  });

  test('with a key also what only a key shows, and files of others are counted, not blamed', async () => {
    play.commit({ [file]: await secretsFile({ openai_api_key: 'short' }, play.ann) });
    const opened = await play.secrets('check', '--json');
    expect(opened.json()).toMatchObject({
      ok: false,
      opened: 1,
      errors: 1,
      findings: expect.arrayContaining([expect.objectContaining({ code: 'HW_SECRET_INVALID' })]),
    });
    delete play.env.SOPS_AGE_KEY_FILE;
    const closed = await play.secrets('check', '--json');
    expect(closed.json()).toMatchObject({ errors: 0, files: 1, opened: 0 });
    writeFileSync(join(play.folder, 'other.txt'), `${(await makeTestKey()).text}\n`, { mode: 0o600 });
    const others = await play.secrets('check', '--identity', 'other.txt', '--json');
    expect(others.json()).toMatchObject({ errors: 0, files: 1, opened: 0 });
    expect(statSync(join(play.folder, 'config', file)).size).toBeGreaterThan(0);
  });
});
