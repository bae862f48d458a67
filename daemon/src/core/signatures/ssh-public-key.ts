/** SSH public keys: ed25519, ecdsa on the NIST curves, and rsa. Everything else is refused by name. */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { badSignature } from './bad-signature.ts';
import { SshReader } from './ssh-wire.ts';

export interface SshPublicKey {
  /** "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", … */
  readonly type: string;
  /** `SHA256:…` as ssh-keygen prints it. */
  readonly fingerprint: string;
  /** True when `signature` (a signature string of SSH, algorithm included) is of this key over `data`. False for any other input. */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** Bits of an rsa modulus. Below, factoring is within reach; above, checking one costs a noticeable moment. */
const minRsaBits = 2048;
const maxRsaBits = 16_384;
/** Bytes of an rsa exponent: 65537 has three, nobody needs more than eight. */
const maxExponentBytes = 8;

/** @throws HeadwaterError `HW_COMMIT_SIGNATURE` (reason `malformed` or `unsupported`). */
export function parseSshPublicKey(blob: Uint8Array): SshPublicKey {
  const reader = new SshReader(blob, 'the public key');
  const type = reader.name();
  const parse = parsers.get(type);
  if (parse === undefined) throw badSignature('unsupported', unsupported(type));
  const check = parse(reader, type);
  reader.end();
  const fingerprint = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
  return {
    type,
    fingerprint,
    verify(data, signature) {
      try {
        return check(data, signature);
      } catch (error) {
        // What a hostile signature makes of the parser is the same as not fitting.
        if (isHeadwaterError(error, 'HW_COMMIT_SIGNATURE')) return false;
        throw error;
      }
    },
  };
}

type Check = (data: Uint8Array, signature: Uint8Array) => boolean;
type Parser = (reader: SshReader, type: string) => Check;

const parsers: ReadonlyMap<string, Parser> = new Map([
  ['ssh-ed25519', parseEd25519],
  ['ecdsa-sha2-nistp256', ecdsaParser('nistp256', 'P-256', 32, 'sha256')],
  ['ecdsa-sha2-nistp384', ecdsaParser('nistp384', 'P-384', 48, 'sha384')],
  ['ecdsa-sha2-nistp521', ecdsaParser('nistp521', 'P-521', 66, 'sha512')],
  ['ssh-rsa', parseRsa],
]);

function unsupported(type: string): string {
  if (type.startsWith('sk-')) return `keys on security tokens (${type}) are not supported`;
  if (type.includes('-cert-')) return `certificates (${type}) are not supported`;
  return `keys of type ${type} are not supported`;
}

function parseEd25519(reader: SshReader): Check {
  const key = reader.string();
  if (key.length !== 32) throw badSignature('malformed', `an ed25519 key has 32 bytes, not ${key.length}`);
  return (data, signature) => {
    const value = signatureValue(signature, ['ssh-ed25519']).bytes;
    // The strict check of messages: points of small order prove nothing.
    return value.length === 64 && nodeCrypto.verify(value, data, key);
  };
}

function ecdsaParser(curveName: string, crv: string, size: number, hash: string): Parser {
  return (reader, type) => {
    const curve = reader.name();
    const point = reader.string();
    if (curve !== curveName) throw badSignature('malformed', `the key is of type ${type} but names ${curve}`);
    if (point.length !== 1 + 2 * size || point[0] !== 4)
      throw badSignature('malformed', `the key holds no plain point of ${curveName}`);
    const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
    const key = lazyKey({ kty: 'EC', crv, x: base64url(x), y: base64url(y) });
    return (data, signature) => {
      const fields = new SshReader(signatureValue(signature, [type]).bytes, 'the signature');
      const parts = [fields.positive(), fields.positive()];
      fields.end();
      if (parts.some((part) => part.length > size)) return false;
      const value = Buffer.concat(parts.map((part) => padded(part, size)));
      return verify(hash, data, { key: key(), dsaEncoding: 'ieee-p1363' }, value);
    };
  };
}

function parseRsa(reader: SshReader): Check {
  const exponent = reader.positive();
  const modulus = reader.positive();
  const bits = modulus.length * 8 - Math.clz32(modulus[0] as number) + 24;
  if (bits < minRsaBits || bits > maxRsaBits)
    throw badSignature('unsupported', `an rsa key of ${bits} bits; ${minRsaBits} to ${maxRsaBits} are taken`);
  if (exponent.length > maxExponentBytes || ((exponent.at(-1) as number) & 1) === 0 || isOne(exponent))
    throw badSignature('unsupported', 'an rsa key whose exponent is even, 1 or above 64 bits');
  const key = lazyKey({ kty: 'RSA', n: base64url(modulus), e: base64url(exponent) });
  return (data, signature) => {
    // SHA-1 ("ssh-rsa") is not in the list: collisions of it are for sale.
    const { algorithm, bytes } = signatureValue(signature, ['rsa-sha2-256', 'rsa-sha2-512']);
    if (bytes.length > modulus.length) return false;
    const hash = algorithm === 'rsa-sha2-256' ? 'sha256' : 'sha512';
    return verify(hash, data, key(), padded(bytes, modulus.length));
  };
}

function signatureValue(
  signature: Uint8Array,
  algorithms: readonly string[],
): { readonly algorithm: string; readonly bytes: Uint8Array } {
  const reader = new SshReader(signature, 'the signature');
  const algorithm = reader.name();
  if (!algorithms.includes(algorithm))
    throw badSignature('unsupported', `signatures of type ${algorithm} are not taken for this key`);
  const bytes = reader.string();
  reader.end();
  return { algorithm, bytes };
}

/** Imported when it is first used: a list of some thousand keys is read at every change of it, and importing one takes 0.2 ms. */
function lazyKey(jwk: JsonWebKey): () => KeyObject {
  let key: KeyObject | null = null;
  return () => {
    try {
      key ??= createPublicKey({ key: jwk, format: 'jwk' });
      return key;
    } catch (cause) {
      throw badSignature('malformed', 'the public key is no point of its curve, or no key at all', cause);
    }
  };
}

const isOne = (number: Uint8Array): boolean => number.length === 1 && number[0] === 1;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  whole.set(bytes, size - bytes.length);
  return whole;
}
