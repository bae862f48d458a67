import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { wholeLkg } from '../vectors/make/lkg.mjs';
import { diff, held, sign, signer, tombstone } from '../vectors/make/world.mjs';
import { fromUtf8 } from './bytes.ts';
import { ERRORS } from './errors.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(join(root, 'docs/protocol.md'), 'utf8');

test('the examples in docs/protocol.md are what the code makes', () => {
  const message = fromUtf8(sign('tombstone', tombstone()));
  expect(text).toContain(message);
  expect(text).toContain(`${message.length} bytes:`);
  expect(text).toContain(signer.hex);
  expect(text).toContain(`${fromUtf8(sign('diff', diff())).split('\n')[0]}\n`);
  expect(text).toContain(`"baseDigest":"${held.digest.slice(0, 15)}…"`);
  expect(text).toContain(`${fromUtf8(wholeLkg).split('\n')[0]}\n`);
});

test('every code it names is in the catalogue', () => {
  for (const [code] of text.matchAll(/HW_[A-Z0-9_]+/g)) expect(Object.keys(ERRORS)).toContain(code);
});

test('every section that code cites is there', () => {
  const sections = new Set([...text.matchAll(/^##+ (\d+(?:\.\d+)?)\.? /gm)].map((match) => match[1]));
  const cited = sources(['schemas', 'daemon/src', 'client/src']).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/protocol(?:\.md)? §(\d+(?:\.\d+)?)/g)].map((match) => ({
      file,
      section: match[1],
    })),
  );
  expect(cited.length).toBeGreaterThan(10);
  for (const { file, section } of cited) expect(sections, file).toContain(section);
});

function sources(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/(^|\/)(dist|node_modules)\//.test(file))
      .map((file) => join(root, folder, file))
      .filter((file) => statSync(file).isFile()),
  );
}
