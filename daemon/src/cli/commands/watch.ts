import { parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { connectAsService } from '../connect-as-service.ts';
import { followConfig } from '../follow-config.ts';

export function registerWatch(program: Command): void {
  const command = addCommand(program, 'watch <service>', {
    summary: "follow a service's live config",
    description:
      'Follows the config of a service as the service itself gets it: from the broker, every message verified. Ends with Ctrl-C.\n' +
      'With --json one line per state: {"epoch", "state", "config", "changes": [{"path", "from", "to"}]}.\n' +
      'Of a secret it shows only that it is there and when it changes.',
    examples: [
      'headwater watch stt-worker --env dev',
      'headwater watch stt-worker --env dev --json | jq -c .changes',
    ],
  })
    .requiredOption('--env <env>', 'environment')
    .option('--connection <file>', 'connection file (default: the one that enroll wrote on this machine)');
  act<{ env: string; connection?: string }, [string]>(command, async (io, options, rawName) => {
    const service = parseName(rawName, 'service');
    const env = parseName(options.env, 'environment');
    const client = await connectAsService(io, service, env, options.connection);
    try {
      await followConfig(io, service, env, client);
    } finally {
      await client.close();
    }
    return true;
  });
}
