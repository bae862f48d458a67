import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfigFile } from './config-file.ts';

let data: string;
let file: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'hw-config-file-'));
  file = join(data, 'config.json');
});
afterEach(() => rm(data, { recursive: true, force: true }));

const read = async (content: unknown) => {
  await writeFile(file, JSON.stringify(content));
  return readConfigFile(undefined, data);
};
const refusal = (content: unknown) =>
  read(content).then(
    () => 'fine',
    (error) => `${error.code}: ${error.message}`,
  );

test('without a file every setting has its default', async () => {
  const settings = await readConfigFile(undefined, data);
  expect(settings).toEqual({ remote: { username: 'x-access-token', pollSeconds: 5 }, webhooks: {} });
  expect(await read({})).toEqual(settings);
  await expect(readConfigFile(file.replace('config', 'other'), data)).rejects.toMatchObject({
    code: 'HW_USAGE',
  });
});

test('paths are taken from the folder of the file', async () => {
  const settings = await read({
    remote: { tokenFile: 'git-token', caFile: '/etc/ca.pem', username: 'ann', pollSeconds: 30 },
    webhooks: { github: { secretFile: 'hook' }, generic: { secretFile: '/run/hook' } },
  });
  expect(settings).toEqual({
    remote: { tokenFile: join(data, 'git-token'), caFile: '/etc/ca.pem', username: 'ann', pollSeconds: 30 },
    webhooks: { github: { secretFile: join(data, 'hook') }, generic: { secretFile: '/run/hook' } },
  });
});

test('a setting that is misspelt or of the wrong kind is named, its value is not', async () => {
  for (const [content, place] of [
    [{ remote: { token: 'CANARY' } }, '"remote.token"'],
    [{ remote: [] }, '"remote"'],
    [{ remote: { tokenFile: 7 } }, '"remote.tokenFile"'],
    [{ remote: { tokenFile: 'a\nb' } }, '"remote.tokenFile"'],
    [{ remote: { username: 'a:b' } }, '"remote.username"'],
    [{ remote: { pollSeconds: 0 } }, '"remote.pollSeconds"'],
    [{ remote: { pollSeconds: '5' } }, '"remote.pollSeconds"'],
    [{ remote: { tokenFile: 'a', credentialHelper: 'store' } }, '"remote.credentialHelper"'],
    [{ remote: { credentialHelper: '!sh -c CANARY' } }, '"remote.credentialHelper"'],
    [{ webhooks: { githup: {} } }, '"webhooks.githup"'],
    [{ webhooks: { github: {} } }, '"webhooks.github.secretFile"'],
    [{ webhooks: { github: { secret: 'CANARY' } } }, '"webhooks.github.secretFile"'],
    [{ webhooks: { gitea: { secretFile: 'x', branch: 'y' } } }, '"webhooks.gitea.branch"'],
    [{ constructor: 1 }, ''],
  ] as const) {
    const said = await refusal(content);
    expect(said).toContain('HW_USAGE');
    expect(said).toContain(place);
    expect(said).not.toContain('CANARY');
  }
});
