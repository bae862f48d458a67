/**
 * Opens age files for X25519 identities, on node:crypto and at once: a secret is there in the same step as the config that it belongs
 * to, and a start does not load a library for it (docs/decisions/0008-own-age-opener.md). It reads what the daemon and `age -r` write;
 * it never writes any.
 */
import { createDecipheriv, createHmac, diffieHellman, hkdfSync, timingSafeEqual } from 'node:crypto';
import { AgeError } from './age-error.ts';
import { decodeBase64 } from './armor.ts';
import { parseHeader, type Stanza } from './header.ts';
import { type Identity, importPublicKey } from './identity.ts';

export interface OpenedAge {
  readonly plaintext: Uint8Array;
  /** The one that opened it. */
  readonly identity: Identity;
}

const fileKeyBytes = 16;
const tagBytes = 16;
const nonceBytes = 16;
const chunkBytes = 64 * 1024 + tagBytes;
const x25519Info = 'age-encryption.org/v1/X25519';

/**
 * @param identities Tried in this order.
 * @throws AgeError With what is wrong.
 */
export function openAge(file: Uint8Array, identities: readonly Identity[], maxStanzas: number): OpenedAge {
  const { stanzas, signed, mac, payload } = parseHeader(file, maxStanzas);
  const found = unwrap(stanzas.filter(({ type }) => type === 'X25519').map(parseShare), identities);
  if (found === null) throw new AgeError('no-match');
  const { fileKey, identity } = found;
  const expected = createHmac('sha256', derive(fileKey, '', 'header'))
    .update(signed)
    .digest();
  if (!timingSafeEqual(expected, mac)) throw new AgeError('mac');
  return { plaintext: decryptPayload(fileKey, payload), identity };
}

interface Wrapped {
  readonly share: Uint8Array;
  readonly body: Uint8Array;
}

/** Every stanza of our type must be right, also those for others: a writer that gets one wrong is not to be trusted with the rest. */
function parseShare({ args, body }: Stanza): Wrapped {
  const [text] = args;
  const share = args.length === 1 && text !== undefined ? decodeBase64(text, false) : null;
  if (share?.length !== 32 || body.length !== fileKeyBytes + tagBytes) throw new AgeError('header');
  return { share, body };
}

function unwrap(
  stanzas: readonly Wrapped[],
  identities: readonly Identity[],
): { readonly fileKey: Uint8Array; readonly identity: Identity } | null {
  for (const identity of identities) {
    for (const stanza of stanzas) {
      const fileKey = unwrapOne(stanza, identity);
      if (fileKey) return { fileKey, identity };
    }
  }
  return null;
}

function unwrapOne({ share, body }: Wrapped, { privateKey, publicKey }: Identity): Uint8Array | null {
  let secret: Buffer;
  try {
    secret = diffieHellman({ privateKey, publicKey: importPublicKey(share) });
  } catch {
    throw new AgeError('header'); // a share of small order: the secret would be zero for everybody
  }
  const salt = Buffer.concat([share, publicKey]);
  return decrypt(derive(secret, salt, x25519Info), Buffer.alloc(12), body);
}

/** STREAM: chunks under a counter, the last one marked, so that none can be left out, moved or added. */
function decryptPayload(fileKey: Uint8Array, payload: Uint8Array): Uint8Array {
  if (payload.length < nonceBytes) throw new AgeError('header');
  const key = derive(fileKey, payload.subarray(0, nonceBytes), 'payload');
  const body = payload.subarray(nonceBytes);
  if (body.length === 0) throw new AgeError('payload');
  const chunks: Uint8Array[] = [];
  for (let i = 0, at = 0; at < body.length; i++, at += chunkBytes) {
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(i, 5, 6);
    const isLast = at + chunkBytes >= body.length;
    nonce[11] = isLast ? 1 : 0;
    const chunk = decrypt(key, nonce, body.subarray(at, at + chunkBytes));
    // Only an empty file ends with an empty chunk.
    if (chunk === null || (chunk.length === 0 && i > 0)) throw new AgeError('payload');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decrypt(key: Buffer, nonce: Uint8Array, sealed: Uint8Array): Buffer | null {
  if (sealed.length < tagBytes) return null;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const opened = decipher.update(sealed.subarray(0, -tagBytes));
  try {
    decipher.final();
    return opened;
  } catch {
    return null; // another key, or changed bytes
  }
}

const derive = (secret: Uint8Array, salt: Uint8Array | string, info: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
