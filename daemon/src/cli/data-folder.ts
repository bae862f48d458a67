import { resolve } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { type DataFolder, openDataFolder } from '../adapters/data/data-folder.ts';
import type { CliContext } from './context.ts';

/** For commands that work beside the daemon, on its own machine. */
export function addDataOption(command: Command): Command {
  return command.option('--data <dir>', "the daemon's data folder, on its own machine (or HEADWATER_DATA)");
}

/** @throws HeadwaterError `HW_USAGE` when nothing says which, `HW_DATA_*`. */
export async function openDataOf(
  { env, cwd }: CliContext,
  { data = env.HEADWATER_DATA }: { readonly data?: string | undefined },
): Promise<DataFolder> {
  if (data === undefined || data === '') {
    throw new HeadwaterError('HW_USAGE', {
      message: 'which daemon?',
      hint: 'Give --data DIR, the data folder of the daemon, on its own machine.',
    });
  }
  return openDataFolder(resolve(cwd, data), { exclusive: false });
}
