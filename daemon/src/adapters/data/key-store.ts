/**
 * The daemon's own keys in `<data>/keys/`: `root.key` signs only the list of signing keys and may be taken offline, `signing.key`
 * signs everything else, `hmac.key` seals the daemon's last-known-good files, `keys.envelope` is the list itself.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CryptoBackend,
  equalBytes,
  HeadwaterError,
  type Keyring,
  type KeysPayload,
  openKeys,
  parseEnvelope,
  parsePayload,
  type SigningKey,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { syncFolder, writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { badKey, makeKeyFile, readKeyFile, restoreHint } from './key-file.ts';

export interface KeyStore {
  /** Public root keys, 64 hex digits each. */
  readonly roots: readonly string[];
  readonly signing: SigningKey;
  /** Public signing keys that count now, 64 hex digits each. */
  readonly signers: readonly string[];
  /** Seals the daemon's own LKG files, 32 bytes. */
  readonly hmac: Uint8Array;
  /** True when this call made the keys: the first run. */
  readonly created: boolean;
  /** Deployment of the stored key list; `null` before there is one. */
  readonly deployment: string | null;
  /**
   * The signed key list, made (version 1) and stored when there is none yet.
   * @throws HeadwaterError `HW_DEPLOYMENT_CHANGED` when it is of another deployment, `HW_KEY_FILE` when there is none and the
   *   root key is offline, `HW_STORAGE_FAILED`.
   */
  keysMessage(deployment: string, now: Date): Promise<Keyring>;
}

/**
 * Opens the keys of a data folder that this process holds exclusively; makes them on the first run.
 * @throws HeadwaterError `HW_KEY_FILE` naming the file that is missing, short, no hex, a placeholder or readable by others.
 */
export async function openKeyStore(folder: DataFolder, crypto: CryptoBackend): Promise<KeyStore> {
  const created = await makeKeysOnFirstRun(folder);
  const file = (name: string) => join(folder.keysDir, name);
  const envelope = await readIfThere(file('keys.envelope'));
  const rootSeed = await readKeyFile(file('root.key'));
  const signingSeed = await requireKey(file('signing.key'));
  const hmac = await requireKey(file('hmac.key'));
  refuseSharedKey(file('root.key'), rootSeed, signingSeed, hmac);
  refuseSharedKey(file('hmac.key'), hmac, signingSeed);
  if (rootSeed === null && envelope === null) throw badKey(file('root.key'), 'is missing', restoreHint);

  const root = rootSeed === null ? null : signingKeyOf(rootSeed, crypto);
  const signing = signingKeyOf(signingSeed, crypto);
  const state = { keyring: envelope === null ? null : openStored(file('keys.envelope'), envelope, crypto) };
  if (state.keyring !== null) refuseStrangers(folder, state.keyring, root, signing);

  return {
    signing,
    hmac,
    created,
    get deployment() {
      return state.keyring?.deployment ?? null;
    },
    get roots() {
      return state.keyring?.roots ?? (root === null ? [] : [toHex(root.publicKey)]);
    },
    get signers() {
      const listed = state.keyring?.payload.signers.filter((one) => one.revoked === undefined);
      return listed?.map((one) => one.key) ?? [toHex(signing.publicKey)];
    },
    async keysMessage(deployment, now) {
      if (state.keyring === null) {
        if (root === null) throw badKey(file('root.key'), 'is missing', restoreHint);
        const bytes = firstKeys(deployment, now, root, signing, crypto);
        await writeFileDurably(file('keys.envelope'), bytes, { mode: 0o600 });
        state.keyring = openStored(file('keys.envelope'), bytes, crypto);
      }
      refuseOtherDeployment(folder, state.keyring.deployment, deployment);
      return state.keyring;
    },
  };
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

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw badKey(path, `cannot be read: ${code ?? 'unknown error'}`, restoreHint);
  }
}
