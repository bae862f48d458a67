/**
 * Against the real `sops` command, where it is installed. Where it is not there is nothing to run and nothing is skipped: the vectors,
 * which SOPS's own code wrote, are always checked.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { editSopsFile } from './edit-sops-file.ts';
import { encryptSops } from './encrypt-sops.ts';
import { openSopsFile } from './open-sops-file.ts';
import type { OrderedObject } from './ordered-json.ts';
import { parseOrderedJson } from './parse-ordered-json.ts';
import { parseSopsFile } from './parse-sops-file.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { rotateDataKey } from './recipients.ts';
import { setValues } from './set-values.ts';
import { identities, identityTexts, recipients } from './testing.ts';

const isInstalled = spawnSync('sops', ['--version', '--disable-version-check']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'headwater-sops-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const now = new Date('2026-11-22T08:00:00Z');
const plain = {
  db: { user: 'app', password: 'p@ss <w&rd> é漢😀\u2028' },
  '10': 'ten',
  '2': 'two',
  list: ['a', 'b', { k: 'v' }],
  on: true,
  port: 5432,
};
const tree = parseOrderedJson(Buffer.from(JSON.stringify(plain))) as OrderedObject;
const file = join(folder, 'secrets.json');
const sops = (...args: string[]) =>
  execFileSync('sops', args, {
    cwd: folder,
    env: { ...process.env, SOPS_AGE_KEY: identityTexts.A },
    stdio: 'pipe',
  }).toString();
const open = async (bytes: Uint8Array) => openSopsFile(parseSopsFile(bytes), { identities: identities('A') });

test(`the sops command ${isInstalled ? 'is here and is asked below' : 'is not installed: its vectors stand for it'}`, () => {
  expect(typeof isInstalled).toBe('boolean');
});

if (isInstalled) {
  describe('the sops command', () => {
    test('opens what we write, edit and rotate', async () => {
      const written = await encryptSops(tree, [recipients.A], { now });
      using opened = await open(written);
      const edited = editSopsFile(opened, setValues(opened.tree, new Map([['/db/user', 'new']])), { now });
      for (const bytes of [written, edited, await rotateDataKey(opened, { now })]) {
        writeFileSync(file, bytes);
        using ours = await open(bytes);
        expect(sops('decrypt', file)).toBe(printOrderedJson(ours.tree));
      }
    });

    test('writes what we open', async () => {
      writeFileSync(file, printOrderedJson(tree));
      const sealed = sops('encrypt', '--age', recipients.A, file);
      using opened = await open(Buffer.from(sealed));
      expect(printOrderedJson(opened.tree)).toBe(printOrderedJson(tree));
    });

    test('leaves our lines alone when it edits our file', async () => {
      const written = await encryptSops(tree, [recipients.A], { now });
      writeFileSync(file, written);
      sops('set', file, '["db"]["user"]', '"new"');
      const [before, after] = [Buffer.from(written), readFileSync(file)].map((bytes) =>
        bytes.toString().split('\n'),
      );
      expect(
        after?.filter((line) => !before?.includes(line)).map((line) => line.trim().split(':')[0]),
      ).toEqual(['"user"', '"lastmodified"', '"mac"']);
    });
  });
}
