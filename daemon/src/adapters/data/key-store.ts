/**
 * The daemon's own keys in `<data>/keys/`: `root.key` signs only the list of signing keys and may be taken offline, `signing.key`
 * signs everything else, `hmac.key` seals the daemon's last-known-good files, `keys.envelope` is the list itself. Commands change them
 * while the daemon runs, see key-changes.ts.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CryptoBackend,
  equalBytes,
  HeadwaterError,
  isObject,
  type Keyring,
  type KeysPayload,
  openKeys,
  parseEnvelope,
  parseJsonBytes,
  parsePayload,
  type SigningKey,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { syncFolder, writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { completeKeyChange, type SigningGrace } from './key-changes.ts';
import { badKey, makeKeyFile, readKeyFile, restoreHint } from './key-file.ts';
import { keyFiles, readEnvelopeIfThere } from './key-files.ts';

export interface KeyStore {
  /** Public root keys, 64 hex digits each. */
  readonly roots: readonly string[];
  /** Signs everything but the list. Asked each time: keys are rotated while the daemon runs. */
  readonly signing: SigningKey;
  /** `signing`, and during a grace period the key before it. Likewise. */
  readonly signingKeys: readonly SigningKey[];
  /** How long the key before it signs along; `null` = there is none. */
  readonly grace: SigningGrace | null;
  /** Public signing keys that count now, 64 hex digits each. */
  readonly signers: readonly string[];
  /** Seals the daemon's own LKG files, 32 bytes. */
  readonly hmac: Uint8Array;
  /** True when this call made the keys: the first run. */
  readonly created: boolean;
  /** Deployment of the stored key list; `null` before there is one. */
  readonly deployment: string | null;
  /** The list in force; `null` before there is one. */
  readonly keyring: Keyring | null;
  /**
   * The signed key list, made (version 1) and stored when there is none yet.
   * @throws HeadwaterError `HW_DEPLOYMENT_CHANGED` when it is of another deployment, `HW_KEY_FILE` when there is none and the
   *   root key is offline, `HW_STORAGE_FAILED`.
   */
  keysMessage(deployment: string, now: Date): Promise<Keyring>;
  /**
   * Reads everything again, after a command changed it. What cannot be used is not taken over: the keys before stay in use.
   * @returns True when anything changed. @throws HeadwaterError as `openKeyStore`; `HW_ROLLBACK` for an older list.
   */
  reload(): Promise<boolean>;
}

/**
 * Opens the keys of a data folder that this process holds exclusively; makes them on the first run.
 * @throws HeadwaterError `HW_KEY_FILE` naming the file that is missing, short, no hex, a placeholder or readable by others.
 */
export async function openKeyStore(folder: DataFolder, crypto: CryptoBackend): Promise<KeyStore> {
  const created = await makeKeysOnFirstRun(folder);
  const files = keyFiles(folder);
  let state = await readKeys(folder, crypto);
  return {
    created,
    get signing() {
      return state.signing;
    },
    get signingKeys() {
      return state.cosigning === null ? [state.signing] : [state.signing, state.cosigning];
    },
    get grace() {
      return state.cosigning === null ? null : state.grace;
    },
    get hmac() {
      return state.hmac;
    },
    get keyring() {
      return state.keyring;
    },
    get deployment() {
      return state.keyring?.deployment ?? null;
    },
    get roots() {
      return state.keyring?.roots ?? (state.root === null ? [] : [toHex(state.root.publicKey)]);
    },
    get signers() {
      const listed = state.keyring?.payload.signers.filter((one) => one.revoked === undefined);
      return listed?.map((one) => one.key) ?? [toHex(state.signing.publicKey)];
    },
    async keysMessage(deployment, now) {
      if (state.keyring === null) {
        if (state.root === null) throw badKey(files.root, 'is missing', restoreHint);
        const bytes = firstKeys(deployment, now, state.root, state.signing, crypto);
        await writeFileDurably(files.envelope, bytes, { mode: 0o600 });
        state = { ...state, keyring: openStored(files.envelope, bytes, crypto) };
      }
      const keyring = state.keyring as Keyring;
      refuseOtherDeployment(folder, keyring.deployment, deployment);
      return keyring;
    },
    async reload() {
      const next = await readKeys(folder, crypto);
      const [before, after] = [state.keyring, next.keyring];
      if (before !== null && after !== null) {
        refuseOtherDeployment(folder, before.deployment, after.deployment);
        if (after.version < before.version) throw olderList(before.version, after.version);
      }
      const changed = fingerprint(state) !== fingerprint(next);
      state = next;
      return changed;
    },
  };
}

interface Keys {
  readonly root: SigningKey | null;
  readonly signing: SigningKey;
  readonly cosigning: SigningKey | null;
  readonly grace: SigningGrace | null;
  readonly hmac: Uint8Array;
  readonly keyring: Keyring | null;
}

async function readKeys(folder: DataFolder, crypto: CryptoBackend): Promise<Keys> {
  const files = keyFiles(folder);
  const envelope = await readEnvelopeIfThere(files.envelope);
  const keyring = envelope === null ? null : openStored(files.envelope, envelope, crypto);
  await completeKeyChange(files, keyring?.payload ?? null, crypto);
  const rootSeed = await readKeyFile(files.root);
  const signingSeed = await requireKey(files.signing);
  const hmac = await requireKey(files.hmac);
  refuseSharedKey(files.root, rootSeed, signingSeed, hmac);
  refuseSharedKey(files.hmac, hmac, signingSeed);
  if (rootSeed === null && envelope === null) throw badKey(files.root, 'is missing', restoreHint);
  const root = rootSeed === null ? null : signingKeyOf(rootSeed, crypto);
  const signing = signingKeyOf(signingSeed, crypto);
  if (keyring !== null) refuseStrangers(folder, keyring, root, signing);
  const cosigning = await readCosigning(files, signing, keyring, crypto);
  return { root, signing, cosigning, grace: cosigning && (await readGrace(files.grace)), hmac, keyring };
}

/** The key before the current one, as long as it counts. */
async function readCosigning(
  files: ReturnType<typeof keyFiles>,
  signing: SigningKey,
  keyring: Keyring | null,
  crypto: CryptoBackend,
): Promise<SigningKey | null> {
  const seed = await readKeyFile(files.old);
  if (seed === null) return null;
  const old = signingKeyOf(seed, crypto);
  // A crash came before the new key was in force: nothing was replaced yet.
  if (equalBytes(old.publicKey, signing.publicKey)) return null;
  const listed = keyring?.payload.signers.find(({ key }) => key === toHex(old.publicKey));
  return listed !== undefined && listed.revoked === undefined ? old : null;
}

/** A period of which nobody knows the end is over. */
async function readGrace(path: string): Promise<SigningGrace> {
  const over = { until: new Date(0).toISOString(), version: 0 };
  const bytes = await readEnvelopeIfThere(path);
  if (bytes === null) return over;
  try {
    const value = parseJsonBytes(bytes);
    const { until, version } = isObject(value) ? value : {};
    const isGrace =
      typeof until === 'string' && !Number.isNaN(Date.parse(until)) && Number.isSafeInteger(version);
    return isGrace ? { until, version: version as number } : over;
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    return over;
  }
}

const fingerprint = ({ signing, cosigning, grace, hmac, keyring }: Keys): string =>
  [
    toHex(signing.publicKey),
    cosigning === null ? '-' : toHex(cosigning.publicKey),
    grace?.until ?? '-',
    createHash('sha256').update(hmac).digest('hex'),
    createHash('sha256')
      .update(keyring?.envelope ?? '')
      .digest('hex'),
  ].join(' ');

function olderList(expected: number, actual: number): HeadwaterError {
  return new HeadwaterError('HW_ROLLBACK', {
    message: `the key list in the data folder has version ${actual}, the daemon signs by ${expected}`,
    hint: 'Put the newer keys.envelope back from a backup: services refuse an older list.',
    details: { expected, actual },
  });
}

/** All keys appear in one step, so a crash in the first run leaves none of them and the next start is the first run again. */
async function makeKeysOnFirstRun(folder: DataFolder): Promise<boolean> {
  if ((await readdir(folder.path)).includes('keys')) return false;
  if ((await readdir(folder.lkgDir)).length > 0) {
    throw badKey(folder.keysDir, 'is gone, but config signed with its keys is here', restoreHint);
  }
  const staging = join(folder.path, '.hw-keys.tmp');
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  for (const name of ['root.key', 'signing.key', 'hmac.key']) await makeKeyFile(join(staging, name));
  await syncFolder(staging);
  await rename(staging, folder.keysDir);
  await syncFolder(folder.path);
  return true;
}

async function requireKey(path: string): Promise<Uint8Array> {
  const key = await readKeyFile(path);
  if (key === null) throw badKey(path, 'is missing', restoreHint);
  return key;
}

function refuseSharedKey(path: string, key: Uint8Array | null, ...others: readonly Uint8Array[]): void {
  if (key === null || !others.some((other) => equalBytes(key, other))) return;
  throw badKey(path, 'holds the same key as another key file', restoreHint);
}

function firstKeys(
  deployment: string,
  now: Date,
  root: SigningKey,
  signing: SigningKey,
  crypto: CryptoBackend,
): Uint8Array {
  const issuedAt = now.toISOString();
  const payload: KeysPayload = {
    v: 1,
    kind: 'keys',
    deployment,
    version: 1,
    issuedAt,
    roots: [toHex(root.publicKey)],
    signers: [{ key: toHex(signing.publicKey), notBefore: issuedAt }],
  };
  return signEnvelope('keys', utf8(JSON.stringify(payload)), [root], crypto);
}

/** The list stands in our own private folder, so it names the roots that judge it; what this finds is damage. */
function openStored(path: string, bytes: Uint8Array, crypto: CryptoBackend): Keyring {
  try {
    const { roots, deployment } = parsePayload('keys', parseEnvelope(bytes).payload);
    return openKeys(bytes, { roots, deployment, version: 0 }, crypto);
  } catch (cause) {
    const reason = cause instanceof HeadwaterError ? cause.message : 'unknown';
    throw badKey(path, `is damaged: ${reason}`, restoreHint);
  }
}

function refuseStrangers(
  folder: DataFolder,
  keyring: Keyring,
  root: SigningKey | null,
  signing: SigningKey,
): void {
  if (root !== null && !keyring.roots.includes(toHex(root.publicKey))) {
    throw badKey(join(folder.keysDir, 'root.key'), 'is not a root of keys.envelope beside it', restoreHint);
  }
  const mine = keyring.payload.signers.find((one) => one.key === toHex(signing.publicKey));
  if (mine !== undefined && mine.revoked === undefined) return;
  const what =
    mine === undefined ? 'is not listed in keys.envelope beside it' : 'is revoked in keys.envelope beside it';
  throw badKey(join(folder.keysDir, 'signing.key'), what, restoreHint);
}

function refuseOtherDeployment(folder: DataFolder, ours: string, asked: string): void {
  if (ours === asked) return;
  throw new HeadwaterError('HW_DEPLOYMENT_CHANGED', {
    message: `the keys in ${folder.keysDir} are of deployment "${ours}", headwater.json says "${asked}"`,
    hint: `Set "deployment" back to "${ours}"; a new deployment needs a data folder of its own.`,
    details: { expected: ours, actual: asked },
  });
}
