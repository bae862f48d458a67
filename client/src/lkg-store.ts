/**
 * The cached last known good copy of one service, its marks and the key list. Spec: docs/protocol.md §7.
 *
 *     <cacheDir>/<deployment>/keys.lkg                        the newest key list
 *     <cacheDir>/<deployment>/<env>/<service>.lkg             the document, as signed
 *     <cacheDir>/<deployment>/<env>/quarantine/               what was refused, 5 kept
 *     <stateDir>/hmac.key                                     seals the LKG files of this host
 *     <stateDir>/<deployment>/<env>/<service>.marks.json      what was accepted, so that nothing older is
 *
 * Nothing here is needed to run: without a usable folder the client warns once and goes on without a cache.
 */
import { join } from 'node:path';
import {
  type CryptoBackend,
  compareEpochs,
  encodeLkg,
  HeadwaterError,
  type Keyring,
  type LkgPartName,
  openKeys,
  openLkg,
  utf8,
} from '@headwater/schemas/protocol';
import { ensureFolder, readWhole, writeWhole } from './durable-file.ts';
import { readOrMakeHmacKey } from './hmac-key.ts';
import type { StartState } from './machine.ts';
import type { Held, HeldSchema } from './machine-state.ts';
import { decodeMarks, encodeMarks } from './marks-file.ts';
import { withLock } from './process-lock.ts';
import { quarantine } from './quarantine.ts';
import {
  documentMark,
  type Marks,
  mergeMarks,
  noMarks,
  raiseServiceMark,
  serviceMark,
  standingOf,
} from './trust.ts';

export interface LkgStoreOptions {
  readonly cacheDir: string;
  readonly stateDir: string;
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  /** Root keys of the connection file. */
  readonly roots: readonly string[];
  /** `keys` envelope of the connection file, if it has one. */
  readonly keys: string | null;
  readonly crypto: CryptoBackend;
  /** Told about what could not be used or written. */
  readonly onTrouble: (error: HeadwaterError) => void;
}

export interface LkgStore {
  /** Reads and verifies what there is; never throws. Blocks for a few milliseconds: it is the start. */
  load(): StartState;
  /** Writes the document, then the marks, unless another process of the service already wrote a newer one. */
  save(held: Held, schema: HeldSchema | null, marks: Marks, keyring: Keyring | null): Promise<void>;
  saveMarks(marks: Marks): Promise<void>;
  saveKeys(envelope: Uint8Array, version: number): Promise<void>;
}

/** Four envelopes of 1 MiB and the document. */
const maxLkgBytes = 6 * 1024 * 1024;
const maxSmallFileBytes = 1024 * 1024;

export function createLkgStore(options: LkgStoreOptions): LkgStore {
  const { target, crypto, onTrouble } = options;
  const paths = pathsOf(options);
  let hmacKey: Uint8Array | null = null;

  function load(): StartState {
    let marks = noMarks;
    try {
      prepare();
      marks = readMarks();
    } catch (cause) {
      giveUp(cause);
    }
    const keyring = newestKeyring(marks.keysVersion);
    marks = { ...marks, keysVersion: Math.max(marks.keysVersion, keyring?.version ?? 0) };
    const start: StartState = { marks, keyring, removed: tombstoneInForce(marks, keyring) };
    return hmacKey && keyring ? { ...start, ...readDocument(marks, keyring, hmacKey) } : start;
  }

  function prepare(): void {
    ensureFolder(options.cacheDir, target.deployment, target.env);
    ensureFolder(options.stateDir, target.deployment, target.env);
    hmacKey = readOrMakeHmacKey(join(options.stateDir, 'hmac.key'));
  }

  function giveUp(cause: unknown): void {
    hmacKey = null;
    const reason = cause instanceof Error ? cause.message : String(cause);
    onTrouble(
      cause instanceof HeadwaterError
        ? cause
        : new HeadwaterError('HW_CACHE_UNAVAILABLE', {
            message: `no last-known-good copy is kept: ${reason}`,
            hint: 'The service runs, but cannot start without the broker. Make cacheDir and stateDir writable for it.',
            cause,
          }),
    );
  }

  function readMarks(): Marks {
    const bytes = readWhole(paths.marks, maxSmallFileBytes);
    if (bytes === null) return noMarks;
    const marks = decodeMarks(bytes);
    if (marks) return marks;
    setAside(paths.marks, lkgError('HW_LKG_CORRUPT', 'the marks file cannot be read'));
    return noMarks;
  }

  /** The newer of the connection file's and the cached key list; both are anchored in the connection file's roots. */
  function newestKeyring(version: number): Keyring | null {
    const found = [
      options.keys === null ? null : openKeyList(utf8(options.keys)),
      hmacKey === null ? null : readCachedKeys(),
    ].filter((keyring) => keyring !== null);
    const newest = found.sort((a, b) => b.version - a.version)[0] ?? null;
    if (newest && newest.version < version) {
      onTrouble(
        new HeadwaterError('HW_ROLLBACK', {
          message: `the cached key list has version ${newest.version}, this service has already seen ${version}`,
          hint: 'Someone put an old file back. The newest list is fetched from the broker.',
        }),
      );
    }
    return newest;
  }

  function readCachedKeys(): Keyring | null {
    try {
      const bytes = readWhole(paths.keys, maxSmallFileBytes);
      return bytes && openKeyList(bytes);
    } catch (cause) {
      onTrouble(lkgError('HW_LKG_CORRUPT', 'the cached key list cannot be read', cause));
      return null;
    }
  }

  function openKeyList(bytes: Uint8Array): Keyring | null {
    try {
      return openKeys(
        new Uint8Array(bytes),
        { roots: options.roots, deployment: target.deployment, version: 0 },
        crypto,
      );
    } catch (error) {
      onTrouble(error as HeadwaterError);
      return null;
    }
  }

  function readDocument(marks: Marks, keyring: Keyring, key: Uint8Array): StartState {
    let bytes: Uint8Array | null = null;
    try {
      bytes = readWhole(paths.lkg, maxLkgBytes);
      if (bytes === null) return {};
      return openDocument(new Uint8Array(bytes), marks, keyring, key);
    } catch (error) {
      const trouble =
        error instanceof HeadwaterError
          ? error
          : lkgError('HW_LKG_CORRUPT', 'the last-known-good copy cannot be read', error);
      setAside(paths.lkg, trouble);
      return {};
    }
  }

  function openDocument(bytes: Uint8Array, marks: Marks, keyring: Keyring, key: Uint8Array): StartState {
    const { file, message, config, secrets, schema } = openLkg(bytes, target, keyring, key, crypto);
    const { payload, signers } = message;
    const rev = secrets?.rev ?? null;
    const position = { epoch: payload.epoch, digest: payload.digest, schema: payload.schema, rev };
    const standing = standingOf(position, documentMark(marks, keyring));
    // [protocol §7] older than the mark: somebody put an old file back
    if (standing === 'older' || standing === 'conflict') {
      const message = `the last-known-good copy of #${payload.epoch.seq} is not what was accepted last`;
      throw lkgError('HW_LKG_ROLLBACK', message);
    }
    if (!file.sealed) {
      onTrouble(
        new HeadwaterError('HW_CACHE_UNSEALED', {
          message: 'the seal of the last-known-good copy does not fit; its signatures do, so it is used',
          hint: 'The copy comes from another host, or the HMAC key was replaced.',
        }),
      );
    }
    const held: Held = {
      ...position,
      config,
      secrets,
      kind: payload.kind,
      envelope: message.envelope.bytes,
      secretsEnvelope: file.parts.get('secrets') ?? message.envelope.bytes,
      signers: signers.length > 0 ? signers : message.revokedSigners,
      source: 'lkg',
      requestId: payload.requestId ?? null,
    };
    // Newer than the mark: the process died between the two writes. A file of revoked signers raises no mark.
    const raised = raiseServiceMark(marks, signers, 'document', position);
    const kept = schema && {
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

  function setAside(path: string, trouble: HeadwaterError): void {
    try {
      quarantine(path, paths.quarantine);
    } catch (cause) {
      giveUp(cause);
    }
    onTrouble(trouble);
  }

  async function save(
    held: Held,
    schema: HeldSchema | null,
    marks: Marks,
    keyring: Keyring | null,
  ): Promise<void> {
    await writeLocked(marks, async (merged, key) => {
      const mark = documentMark(merged, keyring);
      if (mark && compareEpochs(mark.epoch, held.epoch) > 0) return;
      const header = { ...target, epoch: held.epoch, savedAt: new Date().toISOString() };
      await writeWhole(paths.lkg, encodeLkg(header, partsOf(held, schema), key, crypto));
    });
  }

  /** The document first, its mark after it: a crash between them leaves a newer file, which is taken. */
  async function writeLocked(
    marks: Marks,
    writeDocument: (merged: Marks, key: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const key = hmacKey;
    if (key === null) return;
    try {
      const gotLock = await withLock(paths.lock, async () => {
        const bytes = readWhole(paths.marks, maxSmallFileBytes);
        const onDisk = bytes && decodeMarks(bytes);
        const merged = onDisk ? mergeMarks(marks, onDisk) : marks;
        await writeDocument(merged, key);
        await writeWhole(paths.marks, encodeMarks(merged));
      });
      if (!gotLock) throw new Error(`another process holds ${paths.lock}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      onTrouble(
        new HeadwaterError('HW_CACHE_UNAVAILABLE', {
          message: `the last-known-good copy could not be written: ${reason}`,
          hint: 'The service runs on. Check space and permissions of cacheDir and stateDir.',
          cause,
        }),
      );
    }
  }

  return {
    load,
    save,
    saveMarks: (marks) => writeLocked(marks, async () => {}),
    async saveKeys(envelope, version) {
      if (hmacKey === null || (readCachedKeys()?.version ?? 0) >= version) return;
      try {
        await writeWhole(paths.keys, envelope);
      } catch (cause) {
        onTrouble(lkgError('HW_CACHE_UNAVAILABLE', 'the key list could not be written', cause));
      }
    },
  };
}

function pathsOf({ cacheDir, stateDir, target }: LkgStoreOptions) {
  const folder = join(cacheDir, target.deployment, target.env);
  return {
    keys: join(cacheDir, target.deployment, 'keys.lkg'),
    lkg: join(folder, `${target.service}.lkg`),
    lock: join(folder, `${target.service}.lock`),
    quarantine: join(folder, 'quarantine'),
    marks: join(stateDir, target.deployment, target.env, `${target.service}.marks.json`),
  };
}

function partsOf(held: Held, schema: HeldSchema | null): Map<LkgPartName, Uint8Array> {
  const parts = new Map<LkgPartName, Uint8Array>([['envelope', held.envelope]]);
  if (held.kind === 'diff') parts.set('document', utf8(JSON.stringify(held.config)));
  if (held.secretsEnvelope !== held.envelope) parts.set('secrets', held.secretsEnvelope);
  if (schema && schema.digest === held.schema) parts.set('schema', schema.envelope);
  return parts;
}

function tombstoneInForce(marks: Marks, keyring: Keyring | null) {
  const mark = serviceMark(marks, keyring);
  return mark && mark.digest === null ? mark.epoch : null;
}

function lkgError(
  code: 'HW_LKG_CORRUPT' | 'HW_LKG_ROLLBACK' | 'HW_CACHE_UNAVAILABLE',
  message: string,
  cause?: unknown,
): HeadwaterError {
  const hint = 'A damaged file is moved to quarantine/; the service goes on with the next source.';
  return new HeadwaterError(code, { message, hint, ...(cause === undefined ? {} : { cause }) });
}
