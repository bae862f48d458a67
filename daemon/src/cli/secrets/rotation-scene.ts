import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { readDaemonFile } from '../../adapters/data/daemon-file.ts';
import { type DataFolder, openDataFolder } from '../../adapters/data/data-folder.ts';
import { readIdentityFile } from '../../adapters/data/identity-file.ts';
import type { Identity } from '../../secrets/age/identity.ts';
import type { Io } from '../command.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import { type IdentityOptions, identitiesOf } from './identities.ts';
import { closing } from './secrets-repository.ts';

export interface RotationOptions extends IdentityOptions {
  readonly repo?: string;
  readonly data?: string;
}

/** A repository, and keys that open its secrets. */
export interface RotationScene {
  readonly repository: ConfigRepository;
  readonly identities: readonly Identity[];
  /** Where it happens on the machine of the daemon: it is recorded there. */
  readonly folder: DataFolder | null;
}

/** A clone with the keys of the person; or, with `--data`, what the daemon follows, with its keys, too. */
export async function withRotationScene<T>(
  io: Io,
  options: RotationOptions,
  work: (scene: RotationScene) => Promise<T>,
): Promise<T> {
  const { data, repo } = options;
  const folder =
    data === undefined ? null : await openDataFolder(resolve(io.cwd, data), { exclusive: false });
  const path =
    repo !== undefined || folder === null ? resolve(io.cwd, repo ?? '.') : await followedBy(folder);
  await using repository = closing(await openConfigRepository(path));
  const own = folder === null ? [] : await daemonIdentities(folder);
  return work({ repository, identities: [...own, ...(await identitiesOf(options, io))], folder });
}

async function followedBy(folder: DataFolder): Promise<string> {
  const followed = (await readDaemonFile(folder.path))?.git ?? folder.repoDir;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(followed)) return followed;
  throw new HeadwaterError('HW_USAGE', {
    message: 'the daemon follows a repository on another machine',
    hint: 'Clone it, and give the clone with --repo.',
  });
}

/** Every identity of the daemon, those for single environments included. */
export async function daemonIdentities({
  keysDir,
}: Pick<DataFolder, 'keysDir'>): Promise<readonly Identity[]> {
  const names = (await readdir(keysDir)).filter((name) => /^secrets(\..+)?\.identity$/.test(name));
  const found = await Promise.all(names.map((name) => readIdentityFile(join(keysDir, name))));
  return found.flatMap((identities) => identities ?? []);
}
