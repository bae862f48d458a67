/**
 * The file of a last-known-good copy: signed envelopes byte for byte, so disk and wire share one verify path, under an HMAC that
 * notices damage. Spec: docs/protocol.md §7.
 *
 *     HWLKG1 <base64url HMAC-SHA256 of everything after this line>
 *     {"deployment":…,"env":…,"service":…,"epoch":…,"savedAt":…,"parts":[{"name":"envelope","bytes":1457},…]}
 *     <the parts, one after the other>
 */
import { concatBytes, equalBytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';
import { type Epoch, isEpoch } from './epoch.ts';
import { HeadwaterError } from './errors.ts';
import { isObject, parseJson } from './json.ts';

export const LKG_PART_NAMES = ['envelope', 'document', 'secrets', 'schema'] as const;
/**
 * `envelope`: the newest accepted message. `document`: the config, when that is a diff (its digest is the signed one).
 * `secrets`: the envelope that carried the sealed bundle, when that is another. `schema`: its envelope.
 */
export type LkgPartName = (typeof LKG_PART_NAMES)[number];

export interface LkgHeader {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
  readonly epoch: Epoch;
  /** RFC 3339. */
  readonly savedAt: string;
}

export interface LkgFile {
  readonly header: LkgHeader;
  readonly parts: ReadonlyMap<LkgPartName, Uint8Array>;
  /** False when the HMAC does not fit: the file was changed, or the HMAC key is another one. Signatures then decide alone. */
  readonly sealed: boolean;
}

const magic = 'HWLKG1 ';
const macLineBytes = magic.length + 43 + 1; // 32 bytes of base64url, and the line end
const maxHeaderBytes = 4096;

export function encodeLkg(
  header: LkgHeader,
  parts: ReadonlyMap<LkgPartName, Uint8Array>,
  hmacKey: Uint8Array,
  crypto: CryptoBackend,
): Uint8Array {
  const list = [...parts].map(([name, bytes]) => ({ name, bytes: bytes.length }));
  const { deployment, env, service, epoch, savedAt } = header;
  const line = utf8(`${JSON.stringify({ deployment, env, service, epoch, savedAt, parts: list })}\n`);
  const body = concatBytes(line, ...parts.values());
  return concatBytes(utf8(`${magic}${toBase64Url(crypto.hmacSha256(hmacKey, body))}\n`), body);
}

/**
 * Takes an LKG file apart. It does not verify the signatures inside: see `openLkg`.
 * @throws HeadwaterError `HW_LKG_CORRUPT` when its structure does not hold.
 */
export function decodeLkg(bytes: Uint8Array, hmacKey: Uint8Array, crypto: CryptoBackend): LkgFile {
  const macLine = bytes.subarray(0, macLineBytes);
  if (macLine.length < macLineBytes || macLine[macLineBytes - 1] !== 0x0a)
    corrupt('its first line is broken');
  const macText = asText(macLine.subarray(0, macLineBytes - 1));
  if (!macText.startsWith(magic)) corrupt('its first line is broken');
  const body = bytes.subarray(macLineBytes);
  const mac = fromBase64Url(macText.slice(magic.length));
  const sealed = mac !== null && equalBytes(mac, crypto.hmacSha256(hmacKey, body));
  const lineEnd = body.subarray(0, maxHeaderBytes).indexOf(0x0a);
  if (lineEnd < 0) corrupt('its second line is broken');
  const { header, list } = parseHeader(asText(body.subarray(0, lineEnd)));
  const parts = new Map<LkgPartName, Uint8Array>();
  let at = lineEnd + 1;
  for (const { name, bytes: length } of list) {
    if (parts.has(name) || at + length > body.length) corrupt('its parts do not fit its length');
    parts.set(name, body.subarray(at, at + length));
    at += length;
  }
  if (at !== body.length) corrupt('its parts do not fit its length');
  if (!parts.has('envelope')) corrupt('it holds no envelope');
  return { header, parts, sealed };
}

function asText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return corrupt('it is not text where text belongs');
  }
}

interface PartEntry {
  readonly name: LkgPartName;
  readonly bytes: number;
}

function parseHeader(line: string): { header: LkgHeader; list: readonly PartEntry[] } {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    return corrupt('its second line is broken');
  }
  if (!isObject(value)) return corrupt('its second line is broken');
  const { deployment, env, service, epoch, savedAt, parts } = value as Record<string, unknown>;
  const hasHeader =
    [deployment, env, service, savedAt].every((field) => typeof field === 'string') && isEpoch(epoch);
  if (!hasHeader || !Array.isArray(parts) || !parts.every(isPartEntry))
    return corrupt('its second line is broken');
  return { header: { deployment, env, service, epoch, savedAt } as LkgHeader, list: parts };
}

function isPartEntry(value: unknown): value is PartEntry {
  return (
    isObject(value) &&
    (LKG_PART_NAMES as readonly unknown[]).includes(value.name) &&
    Number.isSafeInteger(value.bytes) &&
    (value.bytes as number) >= 0
  );
}

function corrupt(reason: string): never {
  throw new HeadwaterError('HW_LKG_CORRUPT', {
    message: `the last-known-good copy cannot be read: ${reason}`,
    hint: 'It was moved to quarantine/; the service goes on with the next source.',
  });
}
