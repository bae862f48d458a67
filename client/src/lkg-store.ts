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
  utf8,
} from '@headwater/schemas/protocol';
import { ensureFolder, readWhole, writeWhole } from './durable-file.ts';
import { readOrMakeHmacKey } from './hmac-key.ts';
import { type KeyListOptions, newestKeyring, readCachedKeys } from './key-list.ts';
import { readLkg, tombstoneInForce } from './lkg-reader.ts';
import type { StartState } from './machine.ts';
import type { Held, HeldSchema } from './machine-state.ts';
import { decodeMarks, encodeMarks } from './marks-file.ts';
import { withLock } from './process-lock.ts';
import { quarantine } from './quarantine.ts';
import type { OpenSecrets } from './secrets/opened-secrets.ts';
import { documentMark, type Marks, mergeMarks, noMarks } from './trust.ts';

export interface LkgStoreOptions {
  readonly cacheDir: string;
  readonly stateDir: string;
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  /** Root keys of the connection file. */
  readonly roots: readonly string[];
  /** `keys` envelope of the connection file, if it has one. */
  readonly keys: string | null;
  readonly crypto: CryptoBackend;
  readonly openSecrets: OpenSecrets;
  /** Told about what could not be used or written. */
  readonly onTrouble: (error: HeadwaterError) => void;
}

export interface LkgStore {
  /** Reads and verifies what there is; never throws. Blocks for a few milliseconds: it is the start. */
  load(): StartState;
  /**
   * Writes the document, then the marks, unless another process of the service already wrote a newer one.
   * @returns False when the disk may still hold an older one.
   */
  save(held: Held, schema: HeldSchema | null, marks: Marks, keyring: Keyring | null): Promise<boolean>;
  saveMarks(marks: Marks): Promise<void>;
  saveKeys(envelope: Uint8Array, version: number): Promise<void>;
}

/** Four envelopes of 1 MiB and the document. */
const maxLkgBytes = 6 * 1024 * 1024;
const maxSmallFileBytes = 1024 * 1024;

export function createLkgStore(options: LkgStoreOptions): LkgStore {
  const { target, crypto, onTrouble } = options;
  const paths = pathsOf(options);
  const keyListOptions: KeyListOptions = {
    deployment: target.deployment,
    roots: options.roots,
    crypto,
    onTrouble,
  };
  let hmacKey: Uint8Array | null = null;

  function load(): StartState {
    let marks = noMarks;
    let isSafe = true;
    try {
      prepare();
      marks = readMarks();
    } catch (cause) {
      isSafe = !(cause instanceof HeadwaterError);
      giveUp(cause);
    }
    const cachedKeys = hmacKey === null ? null : paths.keys;
    const keyring = newestKeyring(options.keys, cachedKeys, marks.keysVersion, keyListOptions);
    marks = { ...marks, keysVersion: Math.max(marks.keysVersion, keyring?.version ?? 0) };
    const start: StartState = { marks, keyring, removed: tombstoneInForce(marks, keyring) };
    if (!keyring || !isSafe) return start;
    // A folder that cannot be written may still hold a good copy; without the HMAC key its signatures decide alone.
    return { ...start, ...readDocument(marks, keyring) };
  }

  function prepare(): void {
    ensureFolder(options.cacheDir, target.deployment, target.env);
    ensureFolder(options.stateDir, target.deployment, target.env);
    hmacKey = readOrMakeHmacKey(join(options.stateDir, 'hmac.key'));
  }

  function giveUp(cause: unknown): void {
    hmacKey = null;
    onTrouble(cause instanceof HeadwaterError ? cause : unwritable('no last-known-good copy is kept', cause));
  }

  function readMarks(): Marks {
    const bytes = readWhole(paths.marks, maxSmallFileBytes);
    if (bytes === null) return noMarks;
    const marks = decodeMarks(bytes);
    if (marks) return marks;
    setAside(paths.marks, corrupt('the marks file cannot be read'));
    return noMarks;
  }

  function readDocument(marks: Marks, keyring: Keyring): StartState {
    try {
      const bytes = readWhole(paths.lkg, maxLkgBytes);
      if (bytes === null) return {};
      const key = hmacKey ?? new Uint8Array(32);
      const start = readLkg(new Uint8Array(bytes), {
        ...{ target, keyring, marks, hmacKey: key, crypto, onTrouble },
        openSecrets: options.openSecrets,
      });
      if (start.isUnsealed) onTrouble(unsealed());
      return start;
    } catch (error) {
      const isOurs = error instanceof HeadwaterError;
      setAside(paths.lkg, isOurs ? error : corrupt('the last-known-good copy cannot be read', error));
      return {};
    }
  }

  function setAside(path: string, trouble: HeadwaterError): void {
    try {
      if (hmacKey !== null) quarantine(path, paths.quarantine);
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
  ): Promise<boolean> {
    return writeLocked(marks, async (merged, key) => {
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
  ): Promise<boolean> {
    const key = hmacKey;
    if (key === null) return false;
    try {
      const gotLock = await withLock(paths.lock, async () => {
        const bytes = readWhole(paths.marks, maxSmallFileBytes);
        const onDisk = bytes && decodeMarks(bytes);
        const merged = onDisk ? mergeMarks(marks, onDisk) : marks;
        await writeDocument(merged, key);
        await writeWhole(paths.marks, encodeMarks(merged));
      });
      if (!gotLock) throw new Error(`another process holds ${paths.lock}`);
      return true;
    } catch (cause) {
      onTrouble(unwritable('the last-known-good copy could not be written', cause));
      return false;
    }
  }

  return {
    load,
    save,
    async saveMarks(marks) {
      await writeLocked(marks, async () => {});
    },
    async saveKeys(envelope, version) {
      if (hmacKey === null || (readCachedKeys(paths.keys, keyListOptions)?.version ?? 0) >= version) return;
      try {
        await writeWhole(paths.keys, envelope);
      } catch (cause) {
        onTrouble(unwritable('the key list could not be written', cause));
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
  // Byte for byte the bundle that was opened, also when a later message brought another of the same revision.
  if (held.secretsEnvelope !== held.envelope) parts.set('secrets', held.secretsEnvelope);
  if (schema && schema.digest === held.schema) parts.set('schema', schema.envelope);
  return parts;
}

function corrupt(message: string, cause?: unknown): HeadwaterError {
  const hint = 'It was moved to quarantine/; the service goes on with the next source.';
  return new HeadwaterError('HW_LKG_CORRUPT', { message, hint, ...(cause === undefined ? {} : { cause }) });
}

function unwritable(what: string, cause: unknown): HeadwaterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HeadwaterError('HW_CACHE_UNAVAILABLE', {
    message: `${what}: ${reason}`,
    hint: 'The service runs on, but may not start without the broker. Check space and permissions of cacheDir and stateDir.',
    cause,
  });
}

function unsealed(): HeadwaterError {
  return new HeadwaterError('HW_CACHE_UNSEALED', {
    message: 'the seal of the last-known-good copy does not fit; its signatures do, so it is used',
    hint: 'The copy comes from another host, or the HMAC key was replaced.',
  });
}
