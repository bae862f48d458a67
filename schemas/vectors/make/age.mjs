/**
 * age files with fixed randomness: everything that is random in life comes from the name of the case. It writes wrong ones too, which is
 * why no library is used. Spec: c2sp.org/age.
 */
import {
  createCipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto';
import { utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';

const seeded = (text) => Buffer.from(nodeCrypto.sha256(utf8(`headwater test key: ${text}`)));
const privateKeyOf = (scalar) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), scalar]),
    format: 'der',
    type: 'pkcs8',
  });
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const rawPublic = (key) => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);

/** Test identity of a name: its scalar is the SHA-256 of `headwater test key: age <name>`. */
export function testIdentity(name) {
  const scalar = seeded(`age ${name}`);
  const publicKey = rawPublic(privateKeyOf(scalar));
  return {
    name,
    identity: bech32('age-secret-key-', scalar).toUpperCase(),
    recipient: bech32('age', publicKey),
    publicKey,
  };
}

/** A stanza for an identity; `index` makes it differ from others of the same file. */
function x25519Stanza(fileKey, { publicKey }, seed, index) {
  const ephemeral = privateKeyOf(seeded(`ephemeral ${seed} ${index}`));
  const share = rawPublic(ephemeral);
  const theirs = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: ephemeral, publicKey: theirs });
  const key = derive(secret, Buffer.concat([share, publicKey]), 'age-encryption.org/v1/X25519');
  return `-> X25519 ${unpadded(share)}\n${unpadded(encrypt(key, Buffer.alloc(12), fileKey))}\n`;
}

/**
 * The armored file.
 * @param more `before`: text of stanzas that come first; `mac` and `payload`: changes of those bytes.
 */
export function seal(seed, plaintext, identities, { before = '', mac = (bytes) => bytes, payload = (bytes) => bytes } = {}) {
  const fileKey = seeded(`file key ${seed}`).subarray(0, 16);
  const stanzas = identities.map((identity, i) => x25519Stanza(fileKey, identity, seed, i)).join('');
  const signed = `age-encryption.org/v1\n${before}${stanzas}---`;
  const tag = createHmac('sha256', derive(fileKey, '', 'header')).update(signed).digest();
  const nonce = seeded(`nonce ${seed}`).subarray(0, 16);
  const chunkNonce = Buffer.alloc(12);
  chunkNonce[11] = 1;
  // One chunk: every text here is below 64 KiB.
  const body = encrypt(derive(fileKey, nonce, 'payload'), chunkNonce, Buffer.from(plaintext));
  const file = Buffer.concat([Buffer.from(`${signed} ${unpadded(mac(tag))}\n`), nonce, payload(body)]);
  const lines = file.toString('base64').match(/.{1,64}/g);
  return ['-----BEGIN AGE ENCRYPTED FILE-----', ...lines, '-----END AGE ENCRYPTED FILE-----', ''].join('\n');
}

/** A stanza as a passphrase makes it; nobody can open it, and nobody should try. */
export function scryptStanza(seed) {
  const salt = seeded(`salt ${seed}`).subarray(0, 16);
  return `-> scrypt ${unpadded(salt)} 18\n${unpadded(seeded(`body ${seed}`))}\n`;
}

/** A stanza of a kind that nobody knows: age writers may add such. */
export const greaseStanza = '-> grease-4Zt some words\nQUJD\n';

function encrypt(key, nonce, plaintext) {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

const derive = (secret, salt, info) => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
const unpadded = (bytes) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

/** BIP 173. */
function bech32(prefix, bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const digits = bits.match(/.{1,5}/g).map((group) => Number.parseInt(group.padEnd(5, '0'), 2));
  const codes = [...prefix].map((char) => char.charCodeAt(0));
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  let sum = 1;
  for (const value of [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...digits, 0, 0, 0, 0, 0, 0]) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [i, part] of generator.entries()) if ((top >>> i) & 1) sum ^= part;
  }
  const check = Array.from({ length: 6 }, (_, i) => ((sum ^ 1) >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...digits, ...check].map((digit) => 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'[digit]).join('')}`;
}
