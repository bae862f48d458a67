import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSecretsBundle } from '@headwater/schemas/protocol';
import { armor, Decrypter } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { createFakeSecretBox, openFakeBox } from '../testing/fake-secret-box.ts';
import { describeSecretBox } from '../testing/secret-box.contract.ts';
import { makeTestKey, type TestKey } from '../testing/secrets-file.ts';
import { openAge } from './age/open-age.ts';
import { createAgeSecretBox } from './age-secret-box.ts';

const maxBytes = 512 * 1024;

describe('age', () => {
  describeSecretBox(() => ({
    box: createAgeSecretBox(),
    open: (sealed, { identity }) => openAge(sealed, [identity], maxBytes),
  }));

  const request = { deployment: 'tars', env: 'dev', service: 'a', rev: 'b'.repeat(64), values: new Map() };

  test('it seals for as many as receivers take', async () => {
    const keys: TestKey[] = [];
    while (keys.length < 256) keys.push(await makeTestKey());
    const recipients = keys.map(({ recipient }) => recipient);
    const sealed = await createAgeSecretBox().seal({ ...request, recipients });
    const decrypter = new Decrypter();
    decrypter.addIdentity(keys.at(-1)?.text ?? '');
    expect((await decrypter.decrypt(armor.decode(sealed))).length).toBe(256);
  });

  test('others get their turns while it seals', async () => {
    const recipients = [(await makeTestKey()).recipient];
    let turns = 0;
    let timer: NodeJS.Immediate;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    count();
    const box = createAgeSecretBox();
    await Promise.all(Array.from({ length: 20 }, () => box.seal({ ...request, recipients })));
    clearImmediate(timer!);
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  test('the age command opens it with the identity of a recipient', async () => {
    const key = await makeTestKey();
    const target = { deployment: 'tars', env: 'dev', service: 'a', rev: 'b'.repeat(64) };
    const values = new Map([['/token', 'hunter2']]);
    const sealed = await createAgeSecretBox().seal({ ...target, values, recipients: [key.recipient] });
    expect(sealed).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    expect(sealed).not.toContain('hunter2');
    const folder = mkdtempSync(join(tmpdir(), 'hw-box-'));
    try {
      writeFileSync(join(folder, 'identity'), key.text, { mode: 0o600 });
      const opened = execFileSync('age', ['-d', '-i', join(folder, 'identity')], { input: sealed });
      expect(parseSecretsBundle(opened, target).values).toEqual({ '/token': 'hunter2' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the fake', () => {
  describeSecretBox(() => ({ box: createFakeSecretBox(), open: openFakeBox }));
});
