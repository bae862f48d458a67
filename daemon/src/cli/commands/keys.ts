import { resolve } from 'node:path';
import { HeadwaterError, keyIdOf, parsePublicKey } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { Command } from 'commander';
import { readCommitPublicKey } from '../../adapters/data/commit-key.ts';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { readRecipient } from '../../adapters/data/identity-store.ts';
import { daemonSignerLine } from '../../core/signatures/commit-signer.ts';
import { act, addCommand, addGroup } from '../command.ts';
import { readDataKeys } from '../data-keys.ts';
import { columns } from '../output.ts';
import { registerExportRoot, registerKeyRevoke, registerKeyRotate } from './keys-change.ts';

export function registerKeys(program: Command): void {
  const group = addGroup(program, 'keys', 'show and replace the keys that sign');
  registerShow(group);
  registerKeyRotate(group);
  registerKeyRevoke(group);
  registerExportRoot(group);
}

function registerShow(group: Command): void {
  const show = addCommand(group, 'show', {
    summary: 'print the public keys of a deployment',
    description:
      'Prints the root keys, which services trust, the signing keys that they signed, the recipient that secrets files must\n' +
      'name so that the daemon can open them, and the line of allowed_signers that lets the daemon commit where signed commits\n' +
      'are asked for. All of them are public.',
    examples: ['headwater keys show --data .headwater/data'],
  }).option('--data <dir>', "the daemon's data folder, on its own machine (or HEADWATER_DATA)");
  act<{ data?: string }>(show, async (io, options) => {
    const data = options.data ?? io.env.HEADWATER_DATA;
    if (data === undefined) {
      throw new HeadwaterError('HW_USAGE', {
        message: 'which daemon?',
        hint: 'Give --data DIR: this version shows keys on the machine of the daemon.',
      });
    }
    const folder = await openDataFolder(resolve(io.cwd, data), { exclusive: false });
    const keyring = await readDataKeys(folder);
    const recipient = await readRecipient(folder);
    const publicKey = await readCommitPublicKey(folder);
    const allowedSigner = publicKey === null ? null : daemonSignerLine(publicKey);
    const roots = keyring.roots.map((key) => ({ key, keyId: keyIdOf(parsePublicKey(key), nodeCrypto) }));
    const signers = keyring.payload.signers.map((signer) => ({
      ...signer,
      keyId: keyIdOf(parsePublicKey(signer.key), nodeCrypto),
    }));
    const { deployment, version } = keyring;
    const rows = [
      ...roots.map(({ key, keyId }) => ['root', keyId, key, '']),
      ...signers.map(({ key, keyId, notBefore, notAfter, revoked }) => [
        'signing',
        keyId,
        key,
        revoked ? `revoked ${revoked}` : `from ${notBefore}${notAfter ? ` to ${notAfter}` : ''}`,
      ]),
      ...(recipient === null ? [] : [['recipient', '', recipient, 'opens secrets files']]),
    ];
    io.out.result(
      { deployment, version, roots, signers, recipient, allowedSigner },
      [
        `${deployment}, key list version ${version}`,
        ...columns(rows),
        ...(allowedSigner === null ? [] : ['', 'Line of allowed_signers:', allowedSigner]),
      ].join('\n'),
    );
    return true;
  });
}
