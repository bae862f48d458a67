/**
 * Changes of the keys in `<data>/keys/`, made by commands beside the daemon. Each is one new key list, signed by the root; files change in
 * an order in which a crash leaves either the old keys or the new ones.
 */
import { constants } from 'node:fs';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type CryptoBackend,
  HeadwaterError,
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
import { findSigner, nextKeyList } from '../../keys/next-key-list.ts';
import { removeQuietly, syncFolder, writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { badKey, makeKeyFile, readKeyFile, restoreHint } from './key-file.ts';
import { keyFiles, readEnvelopeIfThere } from './key-files.ts';
import { takeOwnerLock } from './owner-lock.ts';

export interface KeyChangeDeps {
  readonly folder: DataFolder;
  readonly crypto: CryptoBackend;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The root key when it is kept elsewhere. Default: the one in the data folder. */
  readonly rootKeyFile?: string;
}

export interface KeyChange {
  readonly version: number;
  /** Public key that signs from now on, 64 hex digits. */
  readonly signing: string;
  /** Public key that signs beside it until the grace period ends; `null` = none. */
  readonly cosigning: string | null;
  /** Public keys that this change revoked. */
  readonly revoked: readonly string[];
}

/**
 * Makes a new signing key. The one before it signs beside it until the grace period ends, so that whoever does not know the new list yet
 * is served all the same.
 * @throws HeadwaterError `HW_KEY_FILE` when the root key is not at hand, `HW_DATA_IN_USE`, `HW_STORAGE_FAILED`.
 */
export function rotateSigningKey(deps: KeyChangeDeps, graceMs: number): Promise<KeyChange> {
  return underLock(deps, async (scene) => {
    const signing = await makeNext(scene);
    const graceUntil = deps.now + graceMs;
    const list = nextKeyList(scene.list, { newKey: toHex(signing.publicKey), graceUntil }, deps.now);
    const current = await requireKey(scene.files.signing);
    if (graceMs > 0) {
      await writeFileDurably(scene.files.old, utf8(`${toHex(current)}\n`), { mode: 0o600 });
      await writeGrace(scene, { until: new Date(graceUntil).toISOString(), version: list.version });
    } else await removeQuietly(scene.files.old);
    await putInForce(scene, list);
    const cosigning = graceMs > 0 ? toHex(signingKeyOf(current, deps.crypto).publicKey) : null;
    return { version: list.version, signing: toHex(signing.publicKey), cosigning, revoked: [] };
  });
}

/**
 * Revokes a signing key for good; when it is the one that signs, a new one takes its place.
 * @param asked Its key id, or the public key.
 * @throws HeadwaterError as `rotateSigningKey`, and `HW_NOT_FOUND`.
 */
export function revokeSigningKey(deps: KeyChangeDeps, asked: string): Promise<KeyChange> {
  return underLock(deps, async (scene) => {
    const { key, revoked } = findSigner(scene.list, asked, deps.crypto);
    if (revoked !== undefined) {
      throw new HeadwaterError('HW_USAGE', {
        message: `that key was revoked already, at ${revoked}`,
        hint: 'See headwater keys show.',
      });
    }
    const current = toHex(signingKeyOf(await requireKey(scene.files.signing), deps.crypto).publicKey);
    const next = key === current ? toHex((await makeNext(scene)).publicKey) : null;
    const list = nextKeyList(
      scene.list,
      { revoke: new Set([key]), ...(next === null ? {} : { newKey: next }) },
      deps.now,
    );
    const old = await readKeyFile(scene.files.old);
    const cosigning = old === null ? null : toHex(signingKeyOf(old, deps.crypto).publicKey);
    await putInForce(scene, list);
    if (cosigning === key || next !== null) await endGraceFiles(scene.files);
    return {
      version: list.version,
      signing: next ?? current,
      cosigning: cosigning === key || next !== null ? null : cosigning,
      revoked: [key],
    };
  });
}

/** Ends the grace period of the last rotation: the old key signs no more, and is removed. @returns False when none was running. */
export async function endSigningGrace(folder: DataFolder): Promise<boolean> {
  const lock = await takeKeysLock(folder);
  try {
    const files = keyFiles(folder);
    const isRunning = (await readKeyFile(files.old)) !== null;
    await endGraceFiles(files);
    return isRunning;
  } finally {
    await lock.release();
  }
}

/** Makes a new key for the seals of the daemon's own last-known-good copies. They are sealed anew by the daemon. */
export async function rotateHmacKey(folder: DataFolder): Promise<void> {
  const lock = await takeKeysLock(folder);
  try {
    const files = keyFiles(folder);
    await removeQuietly(`${files.hmac}.new`);
    await makeKeyFile(`${files.hmac}.new`);
    await rename(`${files.hmac}.new`, files.hmac);
    await syncFolder(folder.keysDir);
  } finally {
    await lock.release();
  }
}

/**
 * Takes the root key out of the data folder: it is written to `out`, read back, and only then removed here.
 * @throws HeadwaterError `HW_UNSAFE_OUTPUT` when there is something at `out`, `HW_KEY_FILE` when the root is not here.
 */
export async function exportRootKey(
  { folder, crypto }: Pick<KeyChangeDeps, 'folder' | 'crypto'>,
  out: string,
): Promise<string> {
  const lock = await takeKeysLock(folder);
  try {
    const files = keyFiles(folder);
    const seed = await requireKey(files.root);
    const target = resolve(out);
    await placeNew(target, `${toHex(seed)}\n`);
    const back = (await readFile(target, 'utf8')).trim();
    if (back !== toHex(seed)) throw badKey(target, 'does not hold what was written', restoreHint);
    await wipeKey(files.root);
    return toHex(signingKeyOf(seed, crypto).publicKey);
  } finally {
    await lock.release();
  }
}

interface Scene {
  readonly files: ReturnType<typeof keyFiles>;
  readonly keysDir: string;
  readonly root: SigningKey;
  readonly list: KeysPayload;
  readonly crypto: CryptoBackend;
}

async function underLock(
  deps: KeyChangeDeps,
  change: (scene: Scene) => Promise<KeyChange>,
): Promise<KeyChange> {
  const { folder, crypto } = deps;
  const lock = await takeKeysLock(folder);
  try {
    const files = keyFiles(folder);
    const envelope = await readEnvelopeIfThere(files.envelope);
    if (envelope === null)
      throw badKey(files.envelope, 'is missing', 'Start the daemon once: its first start makes it.');
    const list = parsePayload('keys', parseEnvelope(envelope).payload);
    const root = await rootKey(deps, files.root, list);
    return await change({ files, keysDir: folder.keysDir, root, list, crypto });
  } finally {
    await lock.release();
  }
}

async function rootKey(
  { rootKeyFile, crypto }: KeyChangeDeps,
  own: string,
  { roots }: KeysPayload,
): Promise<SigningKey> {
  const path = rootKeyFile ?? own;
  const seed = await readKeyFile(path);
  if (seed === null) {
    throw badKey(
      path,
      'is missing',
      rootKeyFile === undefined
        ? 'The root key was taken offline: give the file with --root-key FILE.'
        : 'Check --root-key.',
    );
  }
  const root = signingKeyOf(seed, crypto);
  if (roots.includes(toHex(root.publicKey))) return root;
  throw badKey(path, 'is not a root of this deployment', 'Give the root key that headwater keys show names.');
}

/** The next signing key, on disk before any list names it. */
async function makeNext({ files, crypto }: Scene): Promise<SigningKey> {
  await removeQuietly(files.next);
  await makeKeyFile(files.next);
  return signingKeyOf(await requireKey(files.next), crypto);
}

/** From the moment that the list is there the new keys count; what a crash leaves undone is done by whoever opens the keys next. */
async function putInForce({ files, keysDir, root, crypto }: Scene, list: KeysPayload): Promise<void> {
  const bytes = signEnvelope('keys', utf8(JSON.stringify(list)), [root], crypto);
  openKeys(bytes, { roots: list.roots, deployment: list.deployment, version: list.version }, crypto);
  await syncFolder(keysDir);
  await writeFileDurably(files.envelope, bytes, { mode: 0o600 });
  await completeKeyChange(files, list, crypto);
}

/** Puts the next signing key in the place of the current one, when the list in force names it. Else it is left over from a crash. */
export async function completeKeyChange(
  files: ReturnType<typeof keyFiles>,
  list: KeysPayload | null,
  crypto: CryptoBackend,
): Promise<void> {
  const next = await readKeyFile(files.next);
  if (next === null) return;
  const publicKey = toHex(signingKeyOf(next, crypto).publicKey);
  const isListed =
    list?.signers.some(({ key, revoked }) => key === publicKey && revoked === undefined) ?? false;
  if (!isListed) return removeQuietly(files.next);
  await rename(files.next, files.signing);
  await syncFolder(join(files.signing, '..'));
}

async function endGraceFiles(files: ReturnType<typeof keyFiles>): Promise<void> {
  await wipeKey(files.old);
  await removeQuietly(files.grace);
}

export interface SigningGrace {
  /** RFC 3339. */
  readonly until: string;
  /** Version of the key list that began it. */
  readonly version: number;
}

async function writeGrace({ files }: Scene, grace: SigningGrace): Promise<void> {
  await writeFileDurably(files.grace, utf8(`${JSON.stringify(grace)}\n`), { mode: 0o600 });
}

/** Zeroes over the key before its name goes. @returns quietly when it is not there. */
async function wipeKey(path: string): Promise<void> {
  try {
    const file = await open(path, constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size, '0'), 0, size, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await unlink(path);
    await syncFolder(join(path, '..'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Never in the place of something else. Sticks often know no hard links, so it is written in its place at once. */
async function placeNew(target: string, text: string): Promise<void> {
  try {
    const file = await open(target, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new HeadwaterError('HW_UNSAFE_OUTPUT', {
      message: `${target} cannot be made: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      hint: 'Give a new file in a folder of yours, for example on a stick that is taken out afterwards.',
      cause,
    });
  }
  await syncFolder(join(target, '..'));
}

async function requireKey(path: string): Promise<Uint8Array> {
  const key = await readKeyFile(path);
  if (key === null) throw badKey(path, 'is missing', restoreHint);
  return key;
}

async function takeKeysLock(folder: DataFolder) {
  const lock = await takeOwnerLock(folder.lockDir('keys'), 5_000);
  if ('release' in lock) return lock;
  throw new HeadwaterError('HW_DATA_IN_USE', {
    message: `process ${lock.pid} has been changing the keys for more than 5 s`,
    hint: 'Try again; if it hangs, stop that process.',
    details: { pid: lock.pid },
  });
}
