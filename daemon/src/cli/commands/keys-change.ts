/** `keys rotate`, `keys revoke`, `keys export-root`: each changes files beside the daemon, then tells it. */
import { resolve } from 'node:path';
import { HeadwaterError, keyIdOf, parsePublicKey } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { Command } from 'commander';
import {
  endSigningGrace,
  exportRootKey,
  type KeyChange,
  revokeSigningKey,
  rotateHmacKey,
  rotateSigningKey,
} from '../../adapters/data/key-changes.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import type { AuditAction } from '../../ports.ts';
import { act, addCommand, type Io } from '../command.ts';
import { addDataOption, openDataOf } from '../data-folder.ts';
import { parseDuration } from '../duration.ts';
import { localActor, openLocalAudit } from '../local-audit.ts';
import { refuseTrackedPlace } from '../safe-output.ts';
import { tellDaemonOfKeys } from '../tell-daemon.ts';

interface ChangeOptions {
  readonly data?: string;
  readonly rootKey?: string;
}

export function registerKeyRotate(group: Command): void {
  const rotate = addRootOption(
    addCommand(group, 'rotate', {
      summary: 'make a new signing key',
      description:
        'Makes a new signing key, signs a new key list with the root key, and lets the running daemon publish it and sign everything anew.\n' +
        'The old key signs along until the grace period is over and every connected service holds the new list. With --hmac it is the key\n' +
        "of the daemon's own last-known-good copies that is made anew; nobody else has it, so there is no grace period.",
      examples: [
        'headwater keys rotate --data /var/lib/headwater',
        'headwater keys rotate --data /var/lib/headwater --root-key /media/stick/root.key --grace 30d',
        'headwater keys rotate --data /var/lib/headwater --finish   # end the grace period now',
      ],
    }),
  )
    .option('--grace <duration>', 'how long the old key signs along, at least; 0 ends it at once', '7d')
    .option('--finish', 'end a running grace period, whoever does not hold the new list')
    .option('--hmac', "make a new key for the seals of the daemon's own copies instead");
  act<ChangeOptions & { grace: string; finish?: true; hmac?: true }>(rotate, async (io, options) => {
    const folder = await openDataOf(io, options);
    if (options.finish) {
      const wasRunning = await endSigningGrace(folder);
      if (!wasRunning)
        throw new HeadwaterError('HW_NOT_FOUND', {
          message: 'no grace period of a signing key is running',
          hint: 'It begins with headwater keys rotate.',
        });
      await record(io, options, 'key-rotate', { ended: 'by hand' });
      return tellDone(io, options, { finished: true }, 'The old signing key signs no more.');
    }
    if (options.hmac) {
      await record(io, options, 'key-rotate', { key: 'hmac' });
      await rotateHmacKey(folder);
      return tellDone(io, options, { key: 'hmac' }, 'The seals of last-known-good copies have a new key.');
    }
    const graceMs = options.grace === '0' ? 0 : parseDuration(options.grace, '--grace');
    await record(io, options, 'key-rotate', { graceMs });
    const change = await rotateSigningKey(await depsOf(io, options), graceMs);
    const along =
      change.cosigning === null
        ? ''
        : `; ${idOf(change.cosigning)} signs along for ${options.grace}, at least`;
    return tellDone(
      io,
      options,
      documentOf(change),
      `${idOf(change.signing)} signs from now on (key list version ${change.version})${along}.`,
    );
  });
}

export function registerKeyRevoke(group: Command): void {
  const revoke = addRootOption(
    addCommand(group, 'revoke <keyId>', {
      summary: 'make a stolen signing key count no more',
      description:
        'Signs a key list in which that key is revoked, for good. When it is the one that signs, a new one takes its place. The running daemon\n' +
        'publishes the list first, then everything that is live, signed anew: services come back from whatever the stolen key claimed,\n' +
        'however far it ran ahead. A list of keys is taken from the broker by every service that trusts the root.',
      examples: [
        'headwater keys show --data /var/lib/headwater',
        'headwater keys revoke 3f0c9a7be1d24c55 --data /var/lib/headwater --root-key /media/stick/root.key',
      ],
    }),
  );
  act<ChangeOptions, [string]>(revoke, async (io, options, keyId) => {
    await record(io, options, 'key-revoke', { key: /^[0-9a-f]{16,64}$/.test(keyId) ? keyId : 'no key id' });
    const change = await revokeSigningKey(await depsOf(io, options), keyId);
    return tellDone(
      io,
      options,
      documentOf(change),
      `${change.revoked.map(idOf).join(', ')} is revoked; ${idOf(change.signing)} signs (key list version ${change.version}).`,
    );
  });
}

export function registerExportRoot(group: Command): void {
  const command = addDataOption(
    addCommand(group, 'export-root', {
      summary: 'take the root key offline',
      description:
        'Writes the root key to a file of your own, reads it back, and removes it from the data folder. The daemon goes on without it; only\n' +
        'keys rotate and keys revoke need it, with --root-key FILE. Keep two copies: without it keys can never be replaced.',
      examples: ['headwater keys export-root --out /media/stick/root.key --data /var/lib/headwater'],
    }),
  ).requiredOption('--out <file>', 'new file, outside any repository');
  act<{ data?: string; out: string }>(command, async (io, options) => {
    const folder = await openDataOf(io, options);
    const out = resolve(io.cwd, options.out);
    if (out.startsWith(`${folder.path}/`)) {
      throw new HeadwaterError('HW_UNSAFE_OUTPUT', {
        message: 'the data folder is where the root key is to be taken from',
        hint: 'Name a place that is taken off this machine.',
      });
    }
    await refuseTrackedPlace(resolve(out, '..'), [out.slice(out.lastIndexOf('/') + 1)], io);
    await openLocalAudit(folder).record({
      action: 'key-export',
      actor: localActor(),
      details: { key: 'root' },
    });
    const root = await exportRootKey({ folder, crypto: nodeCrypto }, out);
    io.out.result(
      { root, file: out },
      `The root key ${idOf(root)} is in ${out}, and no more in the data folder.\nKeep two copies in safe places: without it keys can never be replaced.`,
    );
    return true;
  });
}

function addRootOption(command: Command): Command {
  return addDataOption(command).option('--root-key <file>', 'the root key, when it was taken offline');
}

async function depsOf(io: Io, options: ChangeOptions) {
  const folder = await openDataOf(io, options);
  const { rootKey } = options;
  return {
    folder,
    crypto: nodeCrypto,
    now: systemClock.now(),
    ...(rootKey === undefined ? {} : { rootKeyFile: resolve(io.cwd, rootKey) }),
  };
}

/** On record before it is done: what cannot be recorded is not done. */
async function record(
  io: Io,
  options: ChangeOptions,
  action: AuditAction,
  details: Readonly<Record<string, string | number>>,
): Promise<void> {
  await openLocalAudit(await openDataOf(io, options)).record({ action, actor: localActor(), details });
}

async function tellDone(io: Io, options: ChangeOptions, document: object, text: string): Promise<boolean> {
  const folder = await openDataOf(io, options);
  const isTold = await io.out.progress('Signing everything anew', tellDaemonOfKeys(folder, io));
  io.out.result(
    { ...document, published: isTold },
    isTold
      ? text
      : `${text}\nNo daemon is running with this data folder: it takes the change over when it starts.`,
  );
  return true;
}

const idOf = (key: string): string => keyIdOf(parsePublicKey(key), nodeCrypto);

const documentOf = ({ version, signing, cosigning, revoked }: KeyChange) => ({
  version,
  signing: { key: signing, keyId: idOf(signing) },
  cosigning: cosigning === null ? null : { key: cosigning, keyId: idOf(cosigning) },
  revoked: revoked.map((key) => ({ key, keyId: idOf(key) })),
});
