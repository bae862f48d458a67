import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSecretFile } from './secret-file.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hw-secret-'));
  file = join(folder, 'token');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refusal = () =>
  readSecretFile(file).then(
    () => 'read',
    (error) => `${error.code}: ${error.message} ${error.hint}`,
  );

test('a secret is one line, read anew each time, through a link too', async () => {
  await writeFile(file, 'first\n', { mode: 0o600 });
  expect(await readSecretFile(file)).toBe('first');
  await writeFile(join(folder, 'next'), 'user:sécond', { mode: 0o400 });
  await rename(join(folder, 'next'), join(folder, 'target'));
  await rm(file);
  await symlink(join(folder, 'target'), file);
  expect(await readSecretFile(file)).toBe('user:sécond');
});

test('a file that others can read is refused, also behind a link', async () => {
  await writeFile(file, 'CANARY', { mode: 0o600 });
  for (const mode of [0o640, 0o604, 0o660, 0o602]) {
    await chmod(file, mode);
    const said = await refusal();
    expect(said).toMatch(/^HW_SECRET_FILE: .*expected 600/);
    expect(said).not.toContain('CANARY');
  }
  await rename(file, join(folder, 'target'));
  await symlink(join(folder, 'target'), file);
  expect(await refusal()).toMatch(/expected 600/);
});

test('what is no secret is refused without showing it', async () => {
  expect(await refusal()).toMatch(/cannot be read: ENOENT/);
  for (const [content, what] of [
    ['', /is empty/],
    ['\n', /is empty/],
    ['CANARY\nCANARY\n', /more than one line/],
    ['CANARY\u0000', /more than one line/],
    ['CANARY'.repeat(1000), /expected one line/],
  ] as const) {
    await writeFile(file, content, { mode: 0o600 });
    const said = await refusal();
    expect(said).toMatch(what);
    expect(said).not.toContain('CANARY');
  }
  await rm(file);
  execFileSync('mkfifo', ['-m', '600', file]);
  expect(await refusal()).toMatch(/not a regular file/);
});
