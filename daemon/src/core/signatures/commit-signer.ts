/** What the daemon signs its own commits with, and how a repository says that it may. */
import type { SigningKey } from '@headwater/schemas/protocol';
import { daemonPerson } from '../daemon-person.ts';
import { gitNamespace } from './allowed-signers.ts';
import { createSshSignature, ed25519Blob } from './ssh-signature.ts';

/** Armored signature of a commit without one, byte for byte as git would store it. */
export type SignCommit = (payload: Uint8Array) => string;

export const commitSigner =
  (key: SigningKey): SignCommit =>
  (payload) =>
    createSshSignature(payload, gitNamespace, key);

/** "ssh-ed25519 AAAA…": a public key as OpenSSH writes it. */
export const sshPublicKeyText = (publicKey: Uint8Array): string =>
  `ssh-ed25519 ${Buffer.from(ed25519Blob(publicKey)).toString('base64')}`;

/** The line of `allowed_signers` that lets the daemon with this key commit. */
export const daemonSignerLine = (publicKeyText: string): string =>
  `${daemonPerson.email} namespaces="${gitNamespace}" ${publicKeyText} headwater`;

/** `allowed_signers` of a new repository. @param lines Who may sign from the start. */
export const newAllowedSigners = (lines: readonly string[]): string =>
  [head, ...lines.map((line) => `${line}\n`)].join('');

const head = `# Who may sign commits, once headwater.json says "signedCommits": "warn" or "require". One line a key, as ssh-keygen knows them:
#   ann@example.org namespaces="git" ssh-ed25519 AAAA...
# The daemon must be among them, or no edit through it counts: \`headwater keys show\` prints its line.
`;
