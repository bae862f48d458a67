/** From an LKG file to what a process may start with: every signature, the digest, and the mark must agree. */
import { type CryptoBackend, HeadwaterError, type Keyring, openLkg } from '@headwater/schemas/protocol';
import type { StartState } from './machine.ts';
import type { Held, HeldSchema } from './machine-state.ts';
import { documentMark, type Marks, raiseServiceMark, serviceMark, standingOf } from './trust.ts';

export interface LkgReading {
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  readonly keyring: Keyring;
  readonly marks: Marks;
  readonly hmacKey: Uint8Array;
  readonly crypto: CryptoBackend;
}

/** @throws HeadwaterError `HW_LKG_*` or as `openLkg`: the file must then be moved aside. */
export function readLkg(bytes: Uint8Array, reading: LkgReading): StartState & { readonly held: Held } {
  const { target, keyring, marks, hmacKey, crypto } = reading;
  const { file, message, config, secrets, schema } = openLkg(bytes, target, keyring, hmacKey, crypto);
  const { payload, signers, revokedSigners, envelope } = message;
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
    kind: payload.kind,
    envelope: envelope.bytes,
    secretsEnvelope: file.parts.get('secrets') ?? envelope.bytes,
    signers: signers.length > 0 ? signers : revokedSigners,
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

/** Epoch of the tombstone that is the newest of all marks, or `null`. */
export function tombstoneInForce(marks: Marks, keyring: Keyring | null) {
  const mark = serviceMark(marks, keyring);
  return mark && mark.digest === null ? mark.epoch : null;
}
