/** The key that signs the daemon's own commits, `<data>/keys/commit.key`, and beside it the public half as OpenSSH writes it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CryptoBackend, type SigningKey, signingKeyOf, utf8 } from '@headwater/schemas/protocol';
import { commitSigner, type SignCommit, sshPublicKeyText } from '../../core/signatures/commit-signer.ts';
import { syncFolder, writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { badKey, makeKeyFile, readKeyFile } from './key-file.ts';

export interface CommitKey {
  readonly sign: SignCommit;
  /** "ssh-ed25519 AAAA…" */
  readonly publicKey: string;
}

/**
 * Opens the key of a data folder that this process holds exclusively. A first run, an older folder, and one whose key was lost get a new
 * one: a repository that asks for signatures must list it, and `headwater doctor` says when it does not.
 * @throws HeadwaterError `HW_KEY_FILE` naming a file that is short, no hex, a placeholder or readable by others.
 */
export async function openCommitKey({ keysDir }: DataFolder, crypto: CryptoBackend): Promise<CommitKey> {
  const path = join(keysDir, 'commit.key');
  let seed = await readKeyFile(path);
  if (seed === null) {
    await makeKeyFile(path);
    await syncFolder(keysDir);
    seed = (await readKeyFile(path)) as Uint8Array;
  }
  const key: SigningKey = signingKeyOf(seed, crypto);
  const publicKey = sshPublicKeyText(key.publicKey);
  if ((await readCommitPublicKey({ keysDir })) !== publicKey)
    await writeFileDurably(publicPath(keysDir), utf8(`${publicKey} headwater\n`), { mode: 0o600 });
  return { sign: commitSigner(key), publicKey };
}

/** The public half, without looking at the private one: for commands beside the daemon. `null` when there is none. */
export async function readCommitPublicKey({ keysDir }: Pick<DataFolder, 'keysDir'>): Promise<string | null> {
  const path = publicPath(keysDir);
  try {
    return /^ssh-ed25519 \S+/.exec(await readFile(path, 'utf8'))?.[0] ?? null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw badKey(
      path,
      `cannot be read: ${code ?? 'unknown error'}`,
      'Make it readable by the user that runs the daemon.',
    );
  }
}

const publicPath = (keysDir: string): string => join(keysDir, 'commit.pub');
