import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { readDaemonFile } from '../../adapters/data/daemon-file.ts';
import { openTokenStore } from '../../adapters/data/token-store.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { createLoginLink } from '../../login-link.ts';
import { act, addCommand } from '../command.ts';
import { addDataOption, openDataOf } from '../data-folder.ts';

export function registerLoginLink(program: Command): void {
  const command = addDataOption(
    addCommand(program, 'login-link', {
      summary: 'make a link that logs a browser in once',
      description:
        'Prints a link that opens the web editor as an admin. It works once, within 15 minutes. Whoever can read the data folder may make one.',
      examples: ['headwater login-link --data .headwater'],
    }),
  );
  act<{ data?: string }>(command, async (io, options) => {
    const folder = await openDataOf(io, options);
    const daemon = await readDaemonFile(folder.path);
    if (daemon?.state !== 'running') {
      throw new HeadwaterError('HW_DAEMON_NOT_RUNNING', {
        message: `no daemon runs on ${folder.path}`,
        hint: `Start it: headwater serve --data ${folder.path}`,
      });
    }
    const { url, record } = await createLoginLink(await openTokenStore(folder, systemClock), daemon.http);
    io.out.result({ url, expiresAt: record.expiresAt }, url);
    return true;
  });
}
