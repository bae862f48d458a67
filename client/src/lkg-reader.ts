/** From an LKG file to what a process may start with: every signature, the digest, and the mark must agree. */
import {
  type CryptoBackend,
  HeadwaterError,
  isHeadwaterError,
  type Keyring,
  type OpenedMessage,
  openLkg,
  type SealedSecrets,
} from '@headwater/schemas/protocol';
import type { StartState } from './machine.ts';
import type { Held, HeldSchema } from './machine-state.ts';
import { noSecrets, type OpenedSecrets, type OpenSecrets, unavailable } from './secrets/opened-secrets.ts';
import { documentMark, type Marks, raiseServiceMark, serviceMark, standingOf } from './trust.ts';

export interface LkgReading {
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  readonly keyring: Keyring;
  readonly marks: Marks;
  readonly hmacKey: Uint8Array;
  readonly crypto: CryptoBackend;
  readonly openSecrets: OpenSecrets;
  /** Told about secrets that are not the config's; the config is used without them. */
  readonly onTrouble: (error: HeadwaterError) => void;
}

/** @throws HeadwaterError `HW_LKG_*` or as `openLkg`: the file must then be moved aside. */
export function readLkg(bytes: Uint8Array, reading: LkgReading): StartState & { readonly held: Held } {
  const { target, keyring, marks, hmacKey, crypto } = reading;
  const opened = openLkg(bytes, target, keyring, hmacKey, crypto);
  const { file, message, config, secrets, schema, carrier } = opened;
  const { payload, signers, envelope } = message;
  const { epoch, digest } = payload;
  const position = { epoch, digest, schema: payload.schema, rev: secrets?.rev ?? null };
  const standing = standingOf(position, documentMark(marks, keyring));
  // [protocol §7] older than the mark: somebody put an old file back
  if (standing === 'older' || standing === 'conflict') {
    throw new HeadwaterError('HW_LKG_ROLLBACK', {
      message: `the last-known-good copy of #${epoch.seq} is not what this service accepted last`,
      hint: 'Somebody put an old file back. It was moved to quarantine/; the service goes on with the next source.',
    });
  }
  // Newer than the mark: the process died between the two writes. A file of revoked signers raises no mark.
  const raised = raiseServiceMark(marks, signers, 'document', position);
  const held: Held = {
    ...position,
    config,
    secrets,
    opened: openHeld(secrets, reading),
    kind: payload.kind,
    envelope: envelope.bytes,
    secretsEnvelope: carrier.envelope.bytes,
    secretsSigners: signersOf(carrier),
    signers: signersOf(message),
    source: 'lkg',
    requestId: payload.requestId ?? null,
  };
  const kept: HeldSchema | null = schema && {
    digest: schema.payload.digest,
    document: schema.payload.document,
    envelope: schema.envelope.bytes,
  };
  return {
    held,
    marks: raised,
    schema: kept,
    isUnsealed: !file.sealed,
    removed: tombstoneInForce(raised, keyring),
  };
}

/** Revoked ones too: then it counts as a file, and says so. */
const signersOf = ({ signers, revokedSigners }: OpenedMessage): readonly string[] =>
  signers.length > 0 ? signers : revokedSigners;

/** There is nothing else to run on, so unlike from the network foreign secrets do not take the config with them. */
function openHeld(secrets: SealedSecrets | null, { openSecrets, onTrouble }: LkgReading): OpenedSecrets {
  if (secrets === null) return noSecrets;
  try {
    return openSecrets(secrets);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_SECRETS_FOREIGN')) throw error;
    onTrouble(error);
    return unavailable('foreign', error.message, error.hint ?? '');
  }
}

/** Epoch of the tombstone that is the newest of all marks, or `null`. */
export function tombstoneInForce(marks: Marks, keyring: Keyring | null) {
  const mark = serviceMark(marks, keyring);
  return mark && mark.digest === null ? mark.epoch : null;
}
