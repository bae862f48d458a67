/** SSHSIG, the file signature of OpenSSH (its PROTOCOL.sshsig): what git puts into a commit with `gpg.format ssh`. */
import { createHash } from 'node:crypto';
import { concatBytes, type SigningKey, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { badSignature } from './bad-signature.ts';
import { parseSshPublicKey, type SshPublicKey } from './ssh-public-key.ts';
import { SshReader, sshString, sshU32 } from './ssh-wire.ts';

export interface SshSignature {
  /** Key that claims to have signed, byte for byte as it stands in the signature. */
  readonly keyBlob: Uint8Array;
  readonly key: SshPublicKey;
  /** What it was made for; "git" for commits. */
  readonly namespace: string;
  /** True when it is of `key` over these bytes. */
  fits(message: Uint8Array): boolean;
}

/** Characters of the armored text: a signature under the largest rsa key has 6 KiB. */
export const maxArmorLength = 16 * 1024;

const magic = utf8('SSHSIG');
const begin = '-----BEGIN SSH SIGNATURE-----';
const end = '-----END SSH SIGNATURE-----';
const hashes: readonly string[] = ['sha256', 'sha512'];

/** @throws HeadwaterError `HW_COMMIT_SIGNATURE` (reason `malformed` or `unsupported`). */
export function parseSshSignature(armored: string): SshSignature {
  const reader = new SshReader(removeArmor(armored), 'the signature');
  if (!Buffer.from(reader.raw(magic.length)).equals(magic))
    throw badSignature('malformed', 'the signature does not begin with "SSHSIG"');
  const version = reader.u32();
  if (version !== 1) throw badSignature('unsupported', `the signature has version ${version}, expected 1`);
  const keyBlob = reader.string();
  const namespace = reader.name();
  const reserved = reader.string();
  const hash = reader.name();
  const value = reader.string();
  reader.end();
  if (!hashes.includes(hash))
    throw badSignature('unsupported', `the signature uses ${hash}, expected sha256 or sha512`);
  const key = parseSshPublicKey(keyBlob);
  return {
    keyBlob,
    key,
    namespace,
    fits: (message) => key.verify(signedBytes(namespace, reserved, hash, message), value),
  };
}

/** Signs with an ed25519 key as `ssh-keygen -Y sign` would: the same key and bytes give the same text. */
export function createSshSignature(message: Uint8Array, namespace: string, key: SigningKey): string {
  const nothing = new Uint8Array();
  const value = nodeCrypto.sign(signedBytes(namespace, nothing, 'sha512', message), key.seed);
  const blob = concatBytes(
    magic,
    sshU32(1),
    sshString(ed25519Blob(key.publicKey)),
    sshString(namespace),
    sshString(nothing),
    sshString('sha512'),
    sshString(concatBytes(sshString('ssh-ed25519'), sshString(value))),
  );
  const lines =
    Buffer.from(blob)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return `${[begin, ...lines, end].join('\n')}\n`;
}

/** An ed25519 public key in the form of SSH: what stands in base64 behind "ssh-ed25519" in files. */
export function ed25519Blob(publicKey: Uint8Array): Uint8Array {
  return concatBytes(sshString('ssh-ed25519'), sshString(publicKey));
}

function signedBytes(namespace: string, reserved: Uint8Array, hash: string, message: Uint8Array): Uint8Array {
  const digest = createHash(hash).update(message).digest();
  return concatBytes(magic, sshString(namespace), sshString(reserved), sshString(hash), sshString(digest));
}

/** Nothing in front of it, nothing behind it, and no second writing of the same bytes. */
function removeArmor(text: string): Uint8Array {
  if (text.length > maxArmorLength)
    throw badSignature(
      'malformed',
      `the signature has ${text.length} characters, at most ${maxArmorLength} are read`,
    );
  const lines = text.replace(/\n$/, '').split('\n');
  if (lines[0] !== begin) throw badSignature('unsupported', describeOther(lines[0] ?? ''));
  if (lines.length < 3 || lines.at(-1) !== end)
    throw badSignature('malformed', `the signature has no line "${end}" at its end`);
  const base64 = lines.slice(1, -1).join('');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw badSignature('malformed', 'the signature is no base64');
  return bytes;
}

function describeOther(firstLine: string): string {
  if (firstLine.includes('PGP')) return 'the commit is signed with PGP; only ssh signatures are taken';
  if (firstLine.includes('SIGNED MESSAGE'))
    return 'the commit is signed with X.509; only ssh signatures are taken';
  return 'the signature is no ssh signature';
}
