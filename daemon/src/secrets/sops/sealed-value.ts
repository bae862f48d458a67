/** One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`. The keys above it are authenticated, its type is not. */
import { isUtf8 } from 'node:buffer';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { ScalarType } from './scalar.ts';

export interface SealedValue {
  readonly data: string;
  readonly iv: string;
  readonly tag: string;
  readonly type: ScalarType;
}

const algorithm = 'aes-256-gcm';
/** SOPS takes 32 bytes, not GCM's usual 12. */
const ivBytes = 32;
const tagBytes = 16;

/** Prefix of every encrypted value, well-formed or not. */
export const sealedPrefix = 'ENC[AES256_GCM,';

const sealedForm =
  /^ENC\[AES256_GCM,data:((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?),iv:([A-Za-z0-9+/]{43}=),tag:([A-Za-z0-9+/]{22}==),type:(str|int|float|bool)\]$/;

/** The parts of an encrypted value. `plain`: it is none at all; `malformed`: SOPS never writes such a one. Needs no key. */
export function parseSealed(text: string): SealedValue | 'plain' | 'malformed' {
  if (!text.startsWith(sealedPrefix)) return 'plain';
  const [, data, iv, tag, type] = sealedForm.exec(text) ?? [];
  if (!data || !iv || !tag || !type) return 'malformed';
  return { data, iv, tag, type: type as ScalarType };
}

/** @param aad What is authenticated with it: the keys above, each followed by ":"; for the MAC the time. */
export function sealText(type: ScalarType, text: string, aad: string, dataKey: Uint8Array): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, dataKey, iv, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(aad, 'utf8'));
  // GCM is a stream: everything comes out of `update`, nothing of `final`.
  const data = cipher.update(text, 'utf8', 'base64') + cipher.final('base64');
  const tag = cipher.getAuthTag().toString('base64');
  return `${sealedPrefix}data:${data},iv:${iv.toString('base64')},tag:${tag},type:${type}]`;
}

/**
 * Decrypts one value.
 * @param where Names the value in messages: a pointer, or "the MAC".
 * @throws HeadwaterError `HW_SECRETS_TAMPERED` when it is not authentic at this place; `HW_SECRETS_VALUE` for text that is not UTF-8.
 */
export function openText(sealed: SealedValue, aad: string, dataKey: Uint8Array, where: string): string {
  const decipher = createDecipheriv(algorithm, dataKey, Buffer.from(sealed.iv, 'base64'), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(aad, 'utf8'));
  decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
  const plain = decipher.update(sealed.data, 'base64');
  try {
    decipher.final();
  } catch {
    // OpenSSL only says that it failed.
    throw new HeadwaterError('HW_SECRETS_TAMPERED', {
      message: `${where} was changed, moved or copied since it was encrypted`,
      hint: 'Take the file from the last good commit, and edit it with sops or headwater.',
      details: { pointer: where },
    });
  }
  try {
    if (isUtf8(plain)) return plain.toString('utf8');
  } finally {
    plain.fill(0);
  }
  throw new HeadwaterError('HW_SECRETS_VALUE', {
    message: `${where} decrypts to bytes that are no text`,
    hint: 'Store binary data as base64 text.',
    details: { pointer: where },
  });
}
