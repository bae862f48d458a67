/**
 * Writes the golden vectors: `npm run build`, then `node schemas/vectors/generate.mjs`. The same code gives the same bytes every
 * time: keys come from fixed seeds, Ed25519 is deterministic, and nothing reads a clock. `vectors.test.ts` holds the committed
 * files against it, so a change of the wire shows up as a change of these files.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { makeDigests, makeJson } from './make/digests.mjs';
import { makeKeys } from './make/key-chains.mjs';
import { makeLkg } from './make/lkg.mjs';
import { makeMessages } from './make/messages.mjs';
import { makePatches } from './make/patches.mjs';
import { makeSecrets } from './make/secrets.mjs';
import { makeSignatures } from './make/signatures.mjs';

/** Text of every vector file by name. */
export function makeVectors() {
  const files = {
    'digests.json': makeDigests(),
    'json.json': makeJson(),
    'keys.json': makeKeys(),
    'lkg.json': makeLkg(),
    'messages.json': makeMessages(),
    'patches.json': makePatches(),
    'secrets.json': makeSecrets(),
    'signatures.json': makeSignatures(),
  };
  return new Map(Object.entries(files).map(([name, value]) => [name, `${JSON.stringify(value, null, 1)}\n`]));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, text] of makeVectors()) writeFileSync(new URL(name, import.meta.url), text);
}
