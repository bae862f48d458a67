// The daemon's own code for secrets files and bundles, beside the bare work below it: AES-GCM of the same bytes from node:crypto, and
// bundles from the age library with its own curve.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { parseIdentity } from '../../daemon/dist/secrets/age/identity.js';
import { sealFor } from '../../daemon/dist/secrets/age/seal.js';
import { createDataKeyCache } from '../../daemon/dist/secrets/sops/data-key-cache.js';
import { editSopsFile } from '../../daemon/dist/secrets/sops/edit-sops-file.js';
import { encryptSops } from '../../daemon/dist/secrets/sops/encrypt-sops.js';
import { openSopsFile } from '../../daemon/dist/secrets/sops/open-sops-file.js';
import { parseSopsFile } from '../../daemon/dist/secrets/sops/parse-sops-file.js';
import { setValues, treeOf } from '../../daemon/dist/secrets/sops/set-values.js';

const { values: count, bundles: bundleCount } = JSON.parse(process.argv[2]);
process.on('SIGTERM', () => process.exit(0));

const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const identities = [parseIdentity(identity)];
const now = new Date();
/** About 45 bytes each, as passwords and tokens are. */
const valuesOf = (round) =>
  new Map(
    Array.from({ length: count }, (_, i) => [
      `/group-${i % 4}/secret-${i}`,
      `${round}-${i}-${'x'.repeat(40)}`,
    ]),
  );

/** Microseconds of each run, after half as many that are not counted. */
async function timed(runs, work) {
  const samples = [];
  for (let i = -Math.ceil(runs / 2); i < runs; i++) {
    const at = process.hrtime.bigint();
    await work(i);
    if (i >= 0) samples.push(Number(process.hrtime.bigint() - at) / 1e3);
  }
  return samples;
}

const file = await encryptSops(treeOf(valuesOf(0)), [recipient], { now });
const opened = await openSopsFile(parseSopsFile(file), { identities });
const keys = { identities, cache: createDataKeyCache() };
const micros = {
  saveAll: await timed(3_000, (i) =>
    editSopsFile(opened, setValues(opened.tree, valuesOf(i + 10_000)), { now }),
  ),
  saveOne: await timed(3_000, (i) =>
    editSopsFile(opened, setValues(opened.tree, new Map([['/group-0/secret-0', `changed ${i}`]])), { now }),
  ),
  rawEncrypt: await timed(3_000, rawEncrypt),
  open: await timed(3_000, () => openSopsFile(parseSopsFile(file), keys)),
  openUncached: await timed(500, () => openSopsFile(parseSopsFile(file), { identities })),
  rawDecrypt: await timed(3_000, rawDecrypt()),
};
process.send({ type: 'files', micros });

const delay = monitorEventLoopDelay({ resolution: 1 });
await Promise.all(bundlesOf((bytes) => sealFor([recipient], bytes), 100));
delay.enable();
const ours = await millis(() => Promise.all(bundlesOf((bytes) => sealFor([recipient], bytes), bundleCount)));
delay.disable();
const library = await millis(async () => {
  for (const bundle of bundlesOf((bytes) => () => sealWithLibrary(bytes), bundleCount)) await bundle();
});
process.send({ type: 'bundles', bundles: { ours, library, longestBlock: delay.max / 1e6 } });

function bundlesOf(seal, howMany) {
  return Array.from({ length: howMany }, () => seal(new Uint8Array(1024)));
}

async function millis(work) {
  const at = performance.now();
  await work();
  return performance.now() - at;
}

async function sealWithLibrary(bytes) {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(bytes));
}

/** The values, and the 128 characters of a MAC. */
function plainTexts(round) {
  return [...valuesOf(round).values(), 'F'.repeat(128)];
}

function rawEncrypt(round) {
  const key = opened.dataKey;
  return plainTexts(round).map((text) => {
    const cipher = createCipheriv('aes-256-gcm', key, randomBytes(32), { authTagLength: 16 });
    cipher.setAAD(Buffer.from('group-0:secret-0:'));
    return [cipher.update(text, 'utf8', 'base64') + cipher.final('base64'), cipher.getAuthTag()];
  });
}

function rawDecrypt() {
  const key = opened.dataKey;
  const iv = randomBytes(32);
  const sealed = plainTexts(0).map((text) => {
    const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    cipher.setAAD(Buffer.from('group-0:secret-0:'));
    return { data: cipher.update(text, 'utf8', 'base64') + cipher.final('base64'), tag: cipher.getAuthTag() };
  });
  return () =>
    sealed.map(({ data, tag }) => {
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
      decipher.setAAD(Buffer.from('group-0:secret-0:'));
      decipher.setAuthTag(tag);
      return decipher.update(data, 'base64', 'utf8') + decipher.final('utf8');
    });
}
