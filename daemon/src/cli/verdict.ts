/** What can be proved of a signed file: the verdicts behind `headwater verify` and `headwater doctor`. Pure. */
import {
  decodeLkg,
  describeEpoch,
  digestOf,
  type Keyring,
  openKeys,
  openLkg,
  openMessage,
  parseEnvelope,
  parsePayload,
  type SealedSecrets,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';

/** `ok: false` comes with a code and a reason. */
export interface Verdict {
  readonly ok: boolean;
  readonly kind: string;
  /** `<deployment>/<env>/<service>`, as far as it is about one. */
  readonly about: string;
  /** Text for people. */
  readonly epoch?: string;
  readonly digest?: string;
  readonly issuedAt?: string;
  /** Of a message with config: who its secrets are sealed for. */
  readonly secrets?: string;
  /** Key ids whose signatures verified and count. */
  readonly signers: readonly string[];
  readonly note?: string;
  readonly code?: string;
  readonly reason?: string;
}

/** Any message but `keys`. @throws HeadwaterError as `openMessage`. */
export function judgeMessage(bytes: Uint8Array, keyring: Keyring): Verdict {
  const kinds = ['snapshot', 'diff', 'tombstone', 'schema', 'epoch'] as const;
  const opened = openMessage(bytes, kinds, { deployment: keyring.deployment }, keyring, nodeCrypto);
  const { payload, signers } = opened;
  const about = [payload.deployment, payload.env, 'service' in payload ? payload.service : ''];
  const verdict = {
    ok: true,
    kind: payload.kind,
    about: about.filter(Boolean).join('/'),
    epoch: describeEpoch(payload.epoch),
    issuedAt: payload.issuedAt,
    ...('secrets' in payload ? { secrets: describeSecrets(payload.secrets) } : {}),
    signers,
  };
  if (signers.length === 0) return { ...verdict, ...onlyRevoked(opened.revokedSigners) };
  if (payload.kind !== 'snapshot') return verdict;
  const digest = digestOf(payload.config, nodeCrypto);
  if (digest === payload.digest) return { ...verdict, digest };
  const reason = `the config has digest ${digest}, signed was ${payload.digest}`;
  return { ...verdict, digest, ok: false, code: 'HW_DIGEST_MISMATCH', reason };
}

/**
 * A last-known-good file, by its signatures and digest. Its HMAC is made with a key of the service that wrote it, and a wrong HMAC
 * alone is no fault, so it is not judged here.
 * @throws HeadwaterError as `openLkg`.
 */
export function judgeLkg(bytes: Uint8Array, keyring: Keyring): Verdict & { readonly savedAt: string } {
  const noKey = new Uint8Array(32);
  const { header } = decodeLkg(bytes, noKey, nodeCrypto);
  const { message, secrets } = openLkg(bytes, header, keyring, noKey, nodeCrypto);
  const verdict = {
    ok: true,
    kind: `last-known-good copy (${message.payload.kind})`,
    about: [header.deployment, header.env, header.service].join('/'),
    epoch: describeEpoch(header.epoch),
    digest: message.payload.digest,
    issuedAt: message.payload.issuedAt,
    savedAt: header.savedAt,
    secrets: describeSecrets(secrets),
    signers: message.signers,
    note: 'its HMAC can be checked only by the service that wrote it',
  };
  return message.signers.length > 0 ? verdict : { ...verdict, ...onlyRevoked(message.revokedSigners) };
}

/** A `keys` message, by root keys. @throws HeadwaterError as `openKeys`. */
export function judgeKeys(bytes: Uint8Array, roots: readonly string[]): Verdict {
  const { deployment } = parsePayload('keys', parseEnvelope(bytes).payload);
  const { payload, envelope } = openKeys(bytes, { roots, deployment, version: 0 }, nodeCrypto);
  return {
    ok: true,
    kind: `keys, version ${payload.version}`,
    about: deployment,
    issuedAt: payload.issuedAt,
    signers: parseEnvelope(envelope).signatures.map((one) => one.keyId),
    note: `signing keys: ${payload.signers.filter((one) => one.revoked === undefined).length}`,
  };
}

/** Only public keys: nothing here can open them, and nothing should. */
function describeSecrets(secrets: SealedSecrets | null | 'unchanged'): string {
  if (secrets === null) return 'none';
  if (secrets === 'unchanged') return 'as in the message before it';
  const { recipients, rev, sealed } = secrets;
  if (sealed === null) return 'not sealed: the service has no recipient';
  const more = recipients.length - maxRecipientsShown;
  const shown = recipients.slice(0, maxRecipientsShown).join(', ');
  return `sealed for ${shown}${more > 0 ? ` and ${more} more` : ''}; revision ${rev.slice(0, 12)}`;
}

const maxRecipientsShown = 3;

function onlyRevoked(keyIds: readonly string[]) {
  return {
    ok: false,
    code: 'HW_SIGNER_REVOKED',
    reason: `only revoked keys signed it: ${keyIds.join(', ')}`,
  };
}
