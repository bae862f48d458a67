import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseOrderedJson } from '../../../secrets/sops/parse-ordered-json.ts';
import { identityTexts, readVector, vectors } from '../../../secrets/sops/testing.ts';
import { makePlayground, type Playground } from '../../testing/run-command.ts';

let play: Playground;
beforeEach(() => {
  play = makePlayground();
  for (const name of ['A', 'B', 'C'] as const)
    writeFileSync(join(play.folder, name), `# test key\n${identityTexts[name]}\n`);
});
afterEach(() => play[Symbol.dispose]());

function vector(name: string): string {
  copyFileSync(
    fileURLToPath(new URL(`../../../secrets/sops/vectors/${name}`, import.meta.url)),
    join(play.folder, name),
  );
  return name;
}

describe('secrets decrypt', () => {
  test('prints the values with keys in order and numbers as written', async () => {
    const ran = await play.run(
      'secrets',
      'decrypt',
      vector('kitchen-sink.by-reference.json'),
      '--identity',
      'A',
    );
    expect(ran).toMatchObject({ exit: 0, stderr: '' });
    const plain = Buffer.from(readVector('kitchen-sink.plain.json')).toString();
    // What the file holds as float comes back without trailing zeroes, as sops prints it.
    expect(ran.stdout).toBe(
      `${plain.trimEnd().replace('"one": 1.0', '"one": 1').replace('"e21": 1e21,\n\t\t"tiny"', '"e21": 1e+21,\n\t\t"tiny"')}\n`,
    );
    expect(
      (await play.run('secrets', 'decrypt', 'kitchen-sink.by-reference.json', '--identity', 'A', '--json'))
        .stdout,
    ).toBe(ran.stdout);
    expect(() => parseOrderedJson(Buffer.from(ran.stdout))).not.toThrow();
  });

  test('tries every identity given', async () => {
    const ran = await play.run(
      'secrets',
      'decrypt',
      vector('tamper-base.json'),
      '--identity',
      'C',
      '--identity',
      'A',
    );
    expect(ran.exit).toBe(0);
    expect(ran.json()).toMatchObject({ db: { pw: 's3cret' } });
  });

  const refused = vectors.filter(
    ({ expect: verdict, file }) => /^(headwater: )?re(ject|fuse)/.test(verdict) || file.startsWith('policy-'),
  );
  test.each(refused)('says why $file must not open, and prints nothing of it', async ({ file }) => {
    const ran = await play.run('secrets', 'decrypt', vector(file), '--identity', 'A');
    expect(ran).toMatchObject({ exit: 1, stdout: '' });
    expect(ran.stderr).toContain(`headwater: ${file}: `);
    expect(ran.stderr.split('\n')).toHaveLength(3);
    expect(ran.stderr).not.toMatch(/s3cret|hunter2|ENC\[|SECRET-KEY/);
  });

  test('ends with 1 for a file of others, 2 for a file that is not there, 3 for an identity that is none', async () => {
    const file = vector('tamper-base.json');
    const other = await play.run('secrets', 'decrypt', file, '--identity', 'B', '--json');
    expect(other.exit).toBe(1);
    expect(JSON.parse(other.stderr)).toMatchObject({
      error: { code: 'HW_SECRETS_NO_IDENTITY', details: { file } },
    });
    expect((await play.run('secrets', 'decrypt', 'nowhere.json', '--identity', 'A')).exit).toBe(2);
    expect((await play.run('secrets', 'decrypt', file)).exit).toBe(2);
    writeFileSync(join(play.folder, 'bad'), 'AGE-SECRET-KEY-1HUNTER2\n');
    const bad = await play.run('secrets', 'decrypt', file, '--identity', 'bad');
    expect(bad.exit).toBe(3);
    expect(bad.stderr).toMatch(/^headwater: bad: line 1 /);
    expect(bad.stderr).not.toContain('HUNTER2');
  });
});
