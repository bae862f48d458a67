import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { editSopsFile } from '../../secrets/sops/edit-sops-file.ts';
import { encryptSops } from '../../secrets/sops/encrypt-sops.ts';
import { openSopsFile } from '../../secrets/sops/open-sops-file.ts';
import type { OrderedObject } from '../../secrets/sops/ordered-json.ts';
import { parseSopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { identities, identityTexts, recipients } from '../../secrets/sops/testing.ts';
import { attributesText } from '../merge/install-driver.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
beforeEach(() => {
  play = makePlayground();
});
afterEach(() => play[Symbol.dispose]());

const file = (name: string) => join(play.folder, name);
const config = 'services/camera/config.json';

/** Runs the driver as git does: three temporary files and a path. */
async function merge(base: string, ours: string, theirs: string, path = config, ...more: string[]) {
  writeFileSync(file('O'), base);
  writeFileSync(file('A'), ours);
  writeFileSync(file('B'), theirs);
  const ran = await play.run('merge-driver', 'O', 'A', 'B', path, ...more);
  return { ...ran, text: readFileSync(file('A'), 'utf8') };
}
const lines = (...text: string[]) => `${text.join('\n')}\n`;

test('adjacent settings merge in silence', async () => {
  const base = lines('{', '  "a": 1.0,', '  "b": 1.0', '}');
  const { exit, stdout, stderr, text } = await merge(
    base,
    base.replace('a": 1', 'a": 2'),
    base.replace('b": 1', 'b": 3'),
  );
  expect([exit, stdout, stderr]).toEqual([0, '', '']);
  expect(text).toBe(lines('{', '  "a": 2.0,', '  "b": 3.0', '}'));
});

test('a file that both sides made has an empty ancestor', async () => {
  expect(await merge('', '{"a":1}', '{"b":2}')).toMatchObject({ exit: 0, text: '{"a":1,"b":2}' });
});

test('a conflict names its settings, and everything else is merged', async () => {
  const side = (a: number, b: number, z: number) =>
    lines('{', `  "a": ${a},`, `  "b": ${b},`, `  "z": ${z}`, '}');
  const { exit, stderr, text } = await merge(side(1, 1, 1), side(2, 2, 1), side(1, 3, 3));
  expect(exit).toBe(1);
  expect(stderr).toBe(`headwater: ${config}: 1 setting changed on both sides\n  /b\n`);
  const region = ['<<<<<<< ours', '  "b": 2,', '=======', '  "b": 3,', '>>>>>>> theirs'];
  expect(text).toBe(lines('{', '  "a": 2,', ...region, '  "z": 3', '}'));
  const json = await merge(side(1, 1, 1), side(2, 2, 1), side(1, 3, 3), config, '--json');
  expect(json.json()).toEqual({ path: config, merged: false, how: 'settings', conflicts: ['/b'] });
});

describe('lists', () => {
  const list = (...ids: string[]) => `${JSON.stringify({ cams: ids.map((id) => ({ id })) })}\n`;
  const schema = (mergeKey: unknown) =>
    JSON.stringify({ properties: { cams: { type: 'array', 'x-hw': { mergeKey } } } });
  beforeEach(() => mkdirSync(file('schemas')));

  test('merge by the key that the schema in the work tree names', async () => {
    writeFileSync(file('schemas/camera.schema.json'), schema('id'));
    expect(await merge(list('a'), list('a', 'b'), list('c', 'a'))).toMatchObject({
      exit: 0,
      text: list('c', 'a', 'b'),
    });
  });

  test.each([
    ['there is no schema', () => {}],
    ['the schema is broken', () => writeFileSync(file('schemas/camera.schema.json'), '{ <<<<<<<')],
    [
      'the schema is a link',
      () => {
        writeFileSync(file('elsewhere'), schema('id'));
        symlinkSync(file('elsewhere'), file('schemas/camera.schema.json'));
      },
    ],
  ])('are whole values when %s', async (_, prepare) => {
    prepare();
    expect((await merge(list('a'), list('a', 'b'), list('c', 'a'))).exit).toBe(1);
  });
});

describe('what is no JSON', () => {
  test('is merged line by line, as git does', async () => {
    const text = (a: string, z: string) => lines('// note', a, '1', '2', '3', z);
    const { exit, stderr, text: merged } = await merge(text('a', 'z'), text('A', 'z'), text('a', 'Z'));
    expect([exit, merged]).toEqual([0, text('A', 'Z')]);
    expect(stderr).toMatch(/merged line by line \(not JSON: expected a value at offset 0\)/);
  });

  test('is a conflict of lines where git has one', async () => {
    const { exit, stderr, text } = await merge('a\n', 'b\n', 'c\n');
    expect([exit, text]).toEqual([1, lines('<<<<<<< ours', 'b', '=======', 'c', '>>>>>>> theirs')]);
    expect(stderr).toContain('lines are in conflict');
  });

  test('also when it is only too large', async () => {
    const big = (a: number) =>
      lines(`{ "a": ${a},`, '"1": 1,', '"2": 2,', `"x": "${'x'.repeat(600_000)}"`, '}');
    const { exit, stderr, text } = await merge(big(1), big(2), big(1));
    expect([exit, text === big(2)]).toEqual([0, true]);
    expect(stderr).toContain('more than any file');
  });

  test('a path cannot write to the terminal', async () => {
    const { stderr } = await merge('a\n', 'b\n', 'c\n', 'evil\u001b[2J.json');
    expect(stderr).toContain('evil\\u001b[2J.json');
  });
});

describe('secrets files', () => {
  const path = 'services/camera/secrets.prod.json';
  const now = new Date('2026-01-02T03:04:05Z');
  const saved = async (base: Uint8Array, values: OrderedObject) => {
    using opened = await openSopsFile(parseSopsFile(base), { identities: identities('A') });
    return text(editSopsFile(opened, values, { now }));
  };
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const values = (key: string, token: string): OrderedObject =>
    new Map([
      ['key', key],
      ['token', token],
    ]);
  const open = async (merged: string) => {
    using opened = await openSopsFile(parseSopsFile(utf8(merged)), { identities: identities('A') });
    return opened.tree;
  };
  let base: Uint8Array;
  beforeEach(async () => {
    base = await encryptSops(values('k1', 't1'), [recipients.A], { now });
  });

  test('merge with the identity that sops would use', async () => {
    writeFileSync(file('keys.txt'), `# mine\n${identityTexts.A}\n`);
    play.env.SOPS_AGE_KEY_FILE = 'keys.txt';
    const ours = await saved(base, values('k2', 't1'));
    const merged = await merge(text(base), ours, await saved(base, values('k1', 't2')), path);
    expect([merged.exit, merged.stderr]).toEqual([0, '']);
    expect(await open(merged.text)).toEqual(values('k2', 't2'));
  });

  test('in conflict stay whole, both of them, and no value is shown', async () => {
    play.env.SOPS_AGE_KEY = identityTexts.A;
    const [ours, theirs] = [await saved(base, values('k2', 't1')), await saved(base, values('k3', 't2'))];
    const merged = await merge(text(base), ours, theirs, path);
    expect([merged.exit, merged.text]).toEqual([
      1,
      `<<<<<<< ours\n${ours}=======\n${theirs}>>>>>>> theirs\n`,
    ]);
    expect(merged.stderr).toBe(
      `headwater: ${path}: 1 secret changed on both sides\n  /key\n` +
        '  Keep one version whole, then set the other change again: headwater secrets set\n',
    );
  });

  test('that nobody here can open stay whole, with the reason', async () => {
    const ours = await saved(base, values('k2', 't1'));
    const merged = await merge(text(base), ours, await saved(base, values('k1', 't2')), path);
    expect(merged.exit).toBe(1);
    expect(merged.text.startsWith(`<<<<<<< ours\n${ours}`)).toBe(true);
    expect(merged.stderr).toMatch(/the versions cannot be merged \(.*identit/);
    play.env.SOPS_AGE_KEY_FILE = 'nowhere';
    expect((await merge(text(base), ours, text(base), path)).stderr).toContain('SOPS_AGE_KEY_FILE: ');
  });
});

describe('--install', () => {
  const install = () => play.run('merge-driver', '--install', '--repo', 'clone', '--json');
  const driver = () => play.git('clone', 'config', 'merge.headwater.driver');

  test('tells git once per clone, and says when the repository does not ask for it yet', async () => {
    play.git('.', 'init', '-q', 'clone');
    // Test runners put the project's own commands on the path.
    play.env.PATH = play.env.PATH?.split(':')
      .filter((folder) => !folder.includes('node_modules'))
      .join(':');
    expect(await install().then((ran) => ran.json())).toEqual({ installed: true, attributes: false });
    writeFileSync(file('clone/.gitattributes'), attributesText);
    expect(await install().then((ran) => ran.json())).toEqual({ installed: true, attributes: true });
    expect(driver()).toMatch(/^node '\/.*\/bin\/headwater\.js' merge-driver %O %A %B %P$/);
  });

  test('names the program alone where a shell finds it', async () => {
    play.git('.', 'init', '-q', 'clone');
    mkdirSync(file('bin'));
    writeFileSync(file('bin/headwater'), '#!/bin/sh\n', { mode: 0o755 });
    play.env.PATH = `${file('bin')}:${play.env.PATH}`;
    await install();
    expect(driver()).toBe('headwater merge-driver %O %A %B %P');
  });

  test('needs a clone', async () => {
    mkdirSync(file('clone'));
    const { exit, stderr } = await install();
    expect([exit, stderr]).toEqual([3, expect.stringContaining('git config failed')]);
  });
});

test('without its files it says who calls it', async () => {
  const { exit, stderr } = await play.run('merge-driver', 'only-one');
  expect(exit).toBe(2);
  expect(stderr).toContain('%O %A %B %P');
});
