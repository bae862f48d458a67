import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { renewIdentity } from '../../../adapters/data/identity-store.ts';
import { act, addCommand, type Io } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { localActor, openLocalAudit } from '../../local-audit.ts';
import { clean, columns, count } from '../../output.ts';
import { addIdentityOption } from '../../secrets/identities.ts';
import { type ReadableValue, readableBy } from '../../secrets/readable-by.ts';
import { type RotateRequest, rotateFiles } from '../../secrets/rotate-files.ts';
import { type RotationOptions, type RotationScene, withRotationScene } from '../../secrets/rotation-scene.ts';
import { saveSecrets } from '../../secrets/save-secrets.ts';
import { valueAges } from '../../secrets/value-ages.ts';
import { advice } from './recipients.ts';

interface RotateOptions extends RotationOptions {
  readonly recipient?: string;
  readonly name?: string;
  readonly remove?: string;
  readonly for?: string;
  readonly dataKeys?: true;
  readonly daemonKey?: true;
  readonly olderThan?: string;
  readonly message?: string;
}

export function registerRotate(group: Command): void {
  const command = addCommand(group, 'rotate', {
    summary: 'change who can read secrets, and tell which values are old',
    description:
      'Alone it lists every secret with the age of its value, oldest first: values are rotated where they come from, then set.\n' +
      'With --recipient somebody new can open the files; with --remove somebody cannot any more: their key goes, every file that they\n' +
      'could open gets a new data key, and the values are listed that they could read, because those have to change. To replace a key,\n' +
      'add the new one, wait until everybody uses it, then remove the old one. Each is one commit of .sops.yaml and the files, to be\n' +
      'reviewed like any other. With --data it works on the machine of the daemon, with the keys of the daemon.',
    examples: [
      'headwater secrets rotate --older-than 90d',
      'headwater secrets rotate --recipient age1qx…0hd --name alice',
      'headwater secrets rotate --remove alice',
      'headwater secrets rotate --data-keys --data /var/lib/headwater',
    ],
  })
    .option('--recipient <key>', 'public key that shall open the files, too')
    .option('--name <name>', 'who that is, for the comment in .sops.yaml')
    .option('--remove <who>', 'name or public key that shall not open them any more')
    .option('--for <path>', 'only the rule for this secrets file (default: every rule)')
    .option('--data-keys', 'a new data key for every file')
    .option('--daemon-key', 'with --data: a new key for the daemon itself, beside the one that it has')
    .option('--older-than <duration>', 'list only values that did not change for so long: 90d')
    .option('-m, --message <text>', 'message of the commit (default: written for you)')
    .option('--repo <dir>', 'a clone of the config repository (default: the current folder)')
    .option('--data <dir>', "the daemon's data folder, on its own machine");
  addIdentityOption(command);
  act<RotateOptions>(command, async (io, options) =>
    withRotationScene(io, options, async (scene) => {
      const { recipient, remove, dataKeys } = options;
      if (options.daemonKey) return renewDaemonKey(io, scene, options);
      if (recipient === undefined && remove === undefined && dataKeys === undefined)
        return listAges(io, scene, options);
      if (options.name !== undefined && recipient === undefined)
        throw usage('--name says whose key --recipient is', 'Give --recipient age1…, too.');
      return rotate(io, scene, options);
    }),
  );
}

async function rotate(io: Io, scene: RotationScene, options: RotateOptions): Promise<boolean> {
  const { repository, identities, folder } = scene;
  const { recipient, name, remove, dataKeys } = options;
  const readable = remove === undefined ? null : await readableBy(repository, remove, identities);
  if (readable !== null && readable.keys.length === 0) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `no comment in .sops.yaml or a recipients file ever named ${JSON.stringify(remove?.slice(0, 80))}`,
      hint: 'Give the public key itself: age1…',
    });
  }
  const request: RotateRequest = {
    ...(recipient === undefined && readable === null
      ? {}
      : {
          rules: {
            ...(recipient === undefined
              ? {}
              : { add: { recipient, ...(name === undefined ? {} : { name }) } }),
            ...(readable === null ? {} : { remove: new Set(readable.keys) }),
            ...(options.for === undefined ? {} : { path: options.for }),
          },
        }),
    ...(dataKeys === undefined ? {} : { dataKeys }),
  };
  const rotating = rotateFiles(repository, request, identities, new Date());
  const { edits, files } = await io.out.progress('Encrypting', rotating);
  const values = readable?.values ?? [];
  const message = options.message ?? messageOf(options);
  const commit = edits.length === 0 ? null : await saveSecrets(repository, edits, message, identities, io);
  if (commit !== null && folder !== null)
    await openLocalAudit(folder).record({
      action: 'recipients',
      actor: localActor(),
      commit,
      details: {
        ...(recipient === undefined ? {} : { added: recipient }),
        ...(readable === null ? {} : { removed: readable.keys }),
        files: files.length,
        newDataKeys: files.filter(({ newDataKey }) => newDataKey).length,
      },
    });
  io.out.result({ changed: commit !== null, commit, files, values }, textOf(commit, files, values, remove));
  return true;
}

/** The new key opens every file beside the old one; the running daemon finds it when it is needed. */
async function renewDaemonKey(io: Io, scene: RotationScene, options: RotateOptions): Promise<boolean> {
  const { folder } = scene;
  if (folder === null || options.recipient !== undefined || options.remove !== undefined) {
    throw usage('--daemon-key stands alone, with --data', 'Give --data DIR, the data folder of the daemon.');
  }
  const { recipient, before, undo } = await renewIdentity(folder);
  try {
    await rotate(io, scene, { ...options, recipient, name: options.name ?? 'daemon' });
  } catch (error) {
    await undo();
    throw error;
  }
  io.out.note(
    `Give ${folder.keysDir}/secrets.identity to every replica. Then close the files for the old key: headwater secrets rotate --remove ${before} --data ${options.data}`,
  );
  return true;
}

function textOf(
  commit: string | null,
  files: readonly { readonly newDataKey: boolean }[],
  values: readonly ReadableValue[],
  removed: string | undefined,
): string {
  const fresh = files.filter(({ newDataKey }) => newDataKey).length;
  const done =
    commit === null
      ? 'Nothing to change: the rules and the files are like that already.'
      : `Changed .sops.yaml and ${count(files.length, 'secrets file')} (${count(fresh, 'new data key')}), commit ${commit.slice(0, 7)}`;
  if (removed === undefined) return done;
  if (values.length === 0) return `${done}\nNo value that is in use was ever readable for ${clean(removed)}.`;
  const rows = values.map(({ service, layer, pointer, status }) => [
    `  ${service}`,
    layer,
    clean(pointer),
    status === 'unknown' ? 'perhaps changed since' : '',
  ]);
  return [done, '', advice(values), ...columns(rows)].join('\n');
}

function messageOf({ recipient, name, remove }: RotateOptions): string {
  const parts = [
    ...(recipient === undefined ? [] : [`let ${name ?? `${recipient.slice(0, 12)}…`} open secrets`]),
    ...(remove === undefined
      ? []
      : [`close secrets for ${remove.startsWith('age1') ? `${remove.slice(0, 12)}…` : remove}`]),
  ];
  const text = parts.length === 0 ? 'give secrets files new data keys' : parts.join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

async function listAges(
  io: Io,
  { repository, identities }: RotationScene,
  options: RotateOptions,
): Promise<boolean> {
  const least = options.olderThan === undefined ? 0 : parseDuration(options.olderThan, '--older-than');
  const now = Date.now();
  const ages = await io.out.progress('Looking through the history', valueAges(repository, identities));
  const values = ages.filter(({ since }) => now - Date.parse(since) >= least);
  const rows = values.map(({ service, layer, pointer, since, sure }) => [
    since.slice(0, 10),
    service,
    layer,
    clean(pointer),
    sure ? '' : 'or earlier: encrypted anew then',
  ]);
  io.out.result(
    { values },
    values.length === 0
      ? 'No secret is that old.'
      : [
          ...columns([['since', 'service', 'layer', 'secret', ''], ...rows]),
          '',
          'Change a value where it comes from, then: headwater secrets set',
        ].join('\n'),
  );
  return true;
}

const usage = (message: string, hint: string) => new HeadwaterError('HW_USAGE', { message, hint });
