/** `service rename` and `service remove`: through the daemon, because they touch more than one file of the repository. */
import { parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { addDaemonOptions, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { addChangeOptions, type ChangeCommandOptions, sendChange } from '../send-change.ts';

export function registerServiceChanges(group: Command): void {
  const rename = addCommand(group, 'rename <old> <new>', {
    summary: 'give a service another name',
    description:
      'Renames a service in one commit: folder, schema, secrets (encrypted anew) and presets. The old name stays and keeps serving,\n' +
      'so that clients move over one by one; remove it when nobody uses it any more.',
    examples: ['headwater service rename stt-worker ears', 'headwater service rename stt-worker ears --move'],
  }).option('--move', 'remove the old name in the same commit');
  addDaemonOptions(addChangeOptions(rename));
  act<DaemonOptions & ChangeCommandOptions & { move?: boolean }, [string, string]>(
    rename,
    async (io, options, rawOld, rawNew) => {
      const [old, to] = [parseName(rawOld, 'service'), parseName(rawNew, 'service')];
      const message = options.message === undefined ? {} : { message: options.message };
      const body = { to, keep: options.move !== true, ...message };
      const api = await openDaemon(options, io);
      const path = `/api/v1/services/${old}/rename`;
      return sendChange(io, api, { method: 'POST', path, body, dryRun: options.dryRun });
    },
  );

  const remove = addCommand(group, 'remove <name>', {
    summary: 'remove a service',
    description:
      'Removes everything of a service in one commit. Its clients keep the config that they have; `headwater revert` brings it back.',
    examples: ['headwater service remove door-lock --dry-run'],
  }).option('--dry-run', 'show what would change, and change nothing');
  addDaemonOptions(remove);
  act<DaemonOptions & ChangeCommandOptions, [string]>(remove, async (io, options, raw) => {
    const path = `/api/v1/services/${parseName(raw, 'service')}`;
    const api = await openDaemon(options, io);
    return sendChange(io, api, { method: 'DELETE', path, body: {}, dryRun: options.dryRun });
  });
}
