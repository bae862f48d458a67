import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listDrops, openDrop } from '../adapters/data/drop-files.ts';
import { Attention } from '../attention.ts';
import type { SecretsChangeRequest } from '../editing/secrets-desk.ts';
import { createLog } from '../log.ts';
import { Problems } from '../problems.ts';
import { createFakeAudit, type FakeAudit } from '../testing/fake-audit.ts';
import { DropKeeper } from './drop-keeper.ts';
import { parseDrop } from './parse-drop.ts';

const canary = 'sk-canary-4Wd6';
const epoch = { era: 1, seq: 4, commit: 'a1'.repeat(20) };

let folder: string;
let keeper: DropKeeper;
let asked: SecretsChangeRequest[];
let waits: number[];
let failure: HeadwaterError | null;
let onChange: () => void;
let time: number;
let problems: Problems;
let audit: FakeAudit;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-drop-'));
  mkdirSync(join(folder, 'stt'));
  [asked, waits, lines, failure, time, onChange] = [[], [], [], null, 1_000, () => {}];
  [problems, audit] = [new Problems(), createFakeAudit()];
  const log = createLog({ stream: { write: (line) => lines.push(line) }, format: 'json' });
  keeper = new DropKeeper({
    folder: { list: () => listDrops(folder), open: openDrop, parse: parseDrop },
    desk: {
      async change(request) {
        asked.push({ ...request, values: new Map(request.values) });
        onChange();
        if (failure) throw failure;
        return { epoch, commit: epoch.commit, changed: true, applied: {}, merged: false, file: 'x' };
      },
    },
    attention: new Attention(problems, log),
    clock: { now: () => time, monotonic: () => time },
    later: (ms) => waits.push(ms),
    ...{ audit, log },
  });
});
afterEach(() => {
  const told = JSON.stringify([lines, problems.list(), audit.entries]);
  rmSync(folder, { recursive: true, force: true });
  expect(told).not.toContain(canary);
});

const path = (name = 'stt/secrets.dev.json') => join(folder, name);
function drop(name?: string, text = JSON.stringify({ key: canary }), mode = 0o600) {
  writeFileSync(path(name), text, { mode });
}
/** Looks, lets the file rest, and looks again. */
async function settle(ms = 400) {
  await keeper.look();
  time += ms;
  await keeper.look();
}

test('a file that came to rest is taken, recorded, and gone', async () => {
  drop();
  await keeper.look();
  expect([asked, waits]).toEqual([[], [300]]);
  time += 300;
  await keeper.look();
  expect(asked).toMatchObject([
    {
      service: 'stt',
      layer: 'dev',
      blind: false,
      values: new Map([['/key', canary]]),
      actor: { email: 'headwater@localhost' },
    },
  ]);
  expect(existsSync(path())).toBe(false);
  expect(audit.entries).toMatchObject([
    {
      action: 'secret-drop',
      service: 'stt',
      env: 'dev',
      commit: epoch.commit,
      details: { pointers: ['/key'] },
    },
  ]);
  drop('stt/secrets.json');
  await settle();
  expect(asked.at(-1)).toMatchObject({ layer: 'base' });
});

test('a file that is still being written is waited for', async () => {
  drop(undefined, '{"key": "');
  await settle();
  await settle();
  expect([asked, problems.list()]).toEqual([[], []]);
  drop();
  await settle();
  expect(asked).toHaveLength(1);
  drop(undefined, '{"key": "');
  await settle();
  time += 5_000;
  await keeper.look();
  expect(problems.list()).toMatchObject([{ code: 'HW_JSON_SYNTAX' }]);
  drop();
  await settle();
  expect([asked.length, problems.list()]).toEqual([2, []]);
});

test('on an error the drop stays, and a person is told once; it is tried again, and when it goes all is well', async () => {
  failure = new HeadwaterError('HW_SOPS_RULES', { message: 'no creation rule fits', hint: 'Add one.' });
  drop();
  await settle();
  expect(readFileSync(path(), 'utf8')).toContain(canary);
  expect(problems.list()).toEqual([
    {
      code: 'HW_SOPS_RULES',
      message: 'drop/stt/secrets.dev.json stays where it is: no creation rule fits',
      hint: 'Add one.',
    },
  ]);
  await settle();
  expect(asked).toHaveLength(1);
  time += 30_000;
  await keeper.look();
  expect([asked.length, audit.entries.length, lines.length]).toEqual([2, 1, 1]);
  failure = null;
  time += 30_000;
  await keeper.look();
  expect([existsSync(path()), problems.list()]).toEqual([false, []]);
});

test('a file that goes takes its problem with it', async () => {
  drop('stt/secret.json');
  await settle();
  expect(problems.list()).toHaveLength(1);
  rmSync(path('stt/secret.json'));
  await keeper.look();
  expect(problems.list()).toEqual([]);
});

test('what is written anew while it is taken is not removed, but taken next', async () => {
  drop();
  onChange = () => {
    writeFileSync(path('next'), JSON.stringify({ key: 'second' }), { mode: 0o600 });
    renameSync(path('next'), path());
    onChange = () => {};
  };
  await settle();
  expect(existsSync(path())).toBe(true);
  await settle();
  expect(asked.map(({ values }) => values.get('/key'))).toEqual([canary, 'second']);
  expect(existsSync(path())).toBe(false);
});

test('the plain text is overwritten before its name goes', async () => {
  drop();
  const file = await openFile(path(), 'r');
  await settle();
  expect(existsSync(path())).toBe(false);
  const left = await file.readFile();
  await file.close();
  expect(left.length).toBeGreaterThan(0);
  expect(left.every((byte) => byte === 0)).toBe(true);
});

describe('is refused, and nothing is opened or removed', () => {
  const refused = async (name: string) => {
    await settle();
    expect(asked).toEqual([]);
    expect(existsSync(path(name))).toBe(true);
    return problems.list()[0];
  };

  test('a file that others can read', async () => {
    drop(undefined, undefined, 0o644);
    expect(await refused('stt/secrets.dev.json')).toMatchObject({
      code: 'HW_SECRET_FILE',
      hint: expect.stringContaining('chmod 600'),
    });
  });

  test('a link, a second name, a folder, a pipe', async () => {
    writeFileSync(path('elsewhere.json~'), JSON.stringify({ key: canary }), { mode: 0o600 });
    symlinkSync(path('elsewhere.json~'), path());
    expect(await refused('stt/secrets.dev.json')).toMatchObject({
      message: expect.stringContaining('symbolic link'),
    });
    rmSync(path());
    linkSync(path('elsewhere.json~'), path());
    expect(await refused('stt/secrets.dev.json')).toMatchObject({
      message: expect.stringContaining('second name'),
    });
    rmSync(path());
    mkdirSync(path());
    expect(await refused('stt/secrets.dev.json')).toMatchObject({ code: 'HW_SECRET_FILE' });
    rmSync(path(), { recursive: true });
    execFileSync('mkfifo', ['-m', '600', path()]);
    expect(await refused('stt/secrets.dev.json')).toMatchObject({
      message: expect.stringContaining('not a regular file'),
    });
    expect(readFileSync(path('elsewhere.json~'), 'utf8')).toContain(canary);
  });

  test.each(['secrets.json', 'stt/secret.json', 'stt/secrets.DEV.json', 'stt/secrets.a.b.json'])(
    '%s is no place',
    async (name) => {
      drop(name);
      expect(await refused(name)).toMatchObject({ code: 'HW_FILE_UNEXPECTED' });
    },
  );

  test('a folder that is a link is not followed, and what editors leave is passed over', async () => {
    mkdirSync(path('real~'));
    writeFileSync(path('real~/secrets.json'), JSON.stringify({ key: canary }), { mode: 0o600 });
    symlinkSync(path('real~'), path('tts'));
    drop('stt/.secrets.json.swp');
    await settle();
    expect(asked).toEqual([]);
    expect(problems.list()).toMatchObject([
      { code: 'HW_FILE_UNEXPECTED', message: expect.stringContaining('drop/tts') },
    ]);
  });
});
