/** SSH keys made by the real ssh-keygen, and commits signed by the real git, for tests. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestRepository } from './test-repository.ts';

export interface SshKeyFile {
  /** Private key; the public one stands beside it as `<path>.pub`. */
  readonly path: string;
  /** "ssh-ed25519 AAAA…" without a comment. */
  readonly publicKey: string;
}

/** Makes a key without a passphrase. @param kind As `ssh-keygen -t`, with a size behind a colon: "ecdsa:384". */
export function makeSshKey(folder: string, name: string, kind: string): SshKeyFile {
  const path = join(folder, name);
  const [type = '', bits] = kind.split(':');
  const size = bits === undefined ? [] : ['-b', bits];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-C', 'test', '-f', path]);
  const [algorithm, key] = readFileSync(`${path}.pub`, 'utf8').split(' ');
  return { path, publicKey: `${algorithm} ${key}` };
}

/** Has git sign an empty commit on `parents`; returns its id. */
export function commitSigned(
  made: TestRepository,
  key: SshKeyFile,
  options: { readonly message?: string; readonly tree?: string; readonly parents?: readonly string[] } = {},
): string {
  const tree = options.tree ?? made.gitWithInput('', 'hash-object', '-t', 'tree', '-w', '--stdin');
  const parents = (options.parents ?? []).flatMap((parent) => ['-p', parent]);
  const settings = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${key.path}.pub`];
  return made.gitWithInput(options.message ?? 'Signed\n', ...settings, 'commit-tree', '-S', ...parents, tree);
}

/** Signs any bytes with `ssh-keygen -Y sign`; returns the armored signature. */
export function signBytes(key: SshKeyFile, namespace: string, content: Uint8Array | string): string {
  return execFileSync('ssh-keygen', ['-Y', 'sign', '-f', key.path, '-n', namespace], {
    input: content,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
