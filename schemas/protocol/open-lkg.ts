import type { CryptoBackend } from './crypto.ts';
import { digestOf } from './digest.ts';
import { compareEpochs, sameEpoch } from './epoch.ts';
import { HeadwaterError } from './errors.ts';
import { isObject, type JsonObject, parseJsonBytes } from './json.ts';
import type { Keyring } from './keyring.ts';
import { decodeLkg, type LkgFile } from './lkg-file.ts';
import { type OpenedMessage, openMessage } from './open-message.ts';
import type { SealedSecrets } from './payload.ts';

/** A verified last-known-good copy. */
export interface OpenedLkg {
  readonly file: LkgFile;
  /** The newest accepted message. */
  readonly message: OpenedMessage<'snapshot' | 'diff'>;
  readonly config: JsonObject;
  readonly secrets: SealedSecrets | null;
  /** The message that carried `secrets`: `message` itself, or an earlier one. */
  readonly carrier: OpenedMessage<'snapshot' | 'diff'>;
  /** Verified schema message, when the file holds one that fits. */
  readonly schema: OpenedMessage<'schema'> | null;
}

/**
 * Verifies an LKG file: structure, every signature, the target, and that the config has the signed digest. A bad HMAC alone is
 * not an error (`file.sealed` is false): the signatures say more than it does.
 * @throws HeadwaterError `HW_LKG_CORRUPT`, `HW_LKG_WRONG_TARGET`, `HW_DIGEST_MISMATCH`, or as `openMessage`.
 */
export function openLkg(
  bytes: Uint8Array,
  target: { readonly deployment: string; readonly env: string; readonly service: string },
  keyring: Keyring,
  hmacKey: Uint8Array,
  crypto: CryptoBackend,
): OpenedLkg {
  const file = decodeLkg(bytes, hmacKey, crypto);
  const { deployment, env, service } = file.header;
  if (deployment !== target.deployment || env !== target.env || service !== target.service) {
    throw new HeadwaterError('HW_LKG_WRONG_TARGET', {
      message: `the last-known-good copy is of ${deployment}/${env}/${service}, expected ${target.deployment}/${target.env}/${target.service}`,
      hint: 'Do not copy cache files between services; the file was moved to quarantine/.',
    });
  }
  const message = openMessage(part(file, 'envelope'), ['snapshot', 'diff'], target, keyring, crypto);
  if (!sameEpoch(message.payload.epoch, file.header.epoch))
    corrupt('its header names another epoch than its envelope');
  const config = readConfig(file, message);
  const actual = digestOf(config, crypto);
  if (actual !== message.payload.digest) {
    throw new HeadwaterError('HW_DIGEST_MISMATCH', {
      message: `the config has digest ${actual.slice(0, 19)}…, signed was ${message.payload.digest.slice(0, 19)}…`,
      hint: 'The file was damaged; it is not used.',
    });
  }
  return {
    file,
    message,
    config,
    ...readSecrets(file, message, target, keyring, crypto),
    schema: readSchema(file, message, target, keyring, crypto),
  };
}

function readConfig(file: LkgFile, message: OpenedMessage<'snapshot' | 'diff'>): JsonObject {
  if (message.payload.kind === 'snapshot') return message.payload.config;
  const config = parseJsonBytes(part(file, 'document'));
  return isObject(config) ? config : corrupt('its document is not an object');
}

/** A part of its own wins: it is the very bundle that was opened, where another replica's of the same revision may differ. */
function readSecrets(
  file: LkgFile,
  message: OpenedMessage<'snapshot' | 'diff'>,
  target: { readonly deployment: string; readonly env: string; readonly service: string },
  keyring: Keyring,
  crypto: CryptoBackend,
): Pick<OpenedLkg, 'secrets' | 'carrier'> {
  const own = message.payload.secrets;
  if (own === null || (own !== 'unchanged' && !file.parts.has('secrets')))
    return { secrets: own, carrier: message };
  const carrier = openMessage(part(file, 'secrets'), ['snapshot', 'diff'], target, keyring, crypto);
  if (compareEpochs(carrier.payload.epoch, message.payload.epoch) > 0)
    corrupt('its secrets are newer than its envelope');
  const { secrets } = carrier.payload;
  if (secrets === 'unchanged') return corrupt('its secrets part holds none');
  if (own !== 'unchanged' && secrets?.rev !== own.rev) corrupt('its secrets are of another revision');
  return { secrets, carrier };
}

function readSchema(
  file: LkgFile,
  message: OpenedMessage<'snapshot' | 'diff'>,
  target: { readonly deployment: string; readonly env: string; readonly service: string },
  keyring: Keyring,
  crypto: CryptoBackend,
): OpenedMessage<'schema'> | null {
  const bytes = file.parts.get('schema');
  if (!bytes) return null;
  const schema = openMessage(bytes, ['schema'], target, keyring, crypto);
  return schema.payload.digest === message.payload.schema ? schema : null;
}

function part(file: LkgFile, name: 'envelope' | 'document' | 'secrets'): Uint8Array {
  return file.parts.get(name) ?? corrupt(`its part "${name}" is missing`);
}

function corrupt(reason: string): never {
  throw new HeadwaterError('HW_LKG_CORRUPT', {
    message: `the last-known-good copy cannot be read: ${reason}`,
    hint: 'It was moved to quarantine/; the service goes on with the next source.',
  });
}
