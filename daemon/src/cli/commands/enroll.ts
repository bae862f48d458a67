import { HeadwaterError, INSTANCE_PATTERN, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand } from '../command.ts';
import { enroll } from '../enroll.ts';

export function registerEnroll(program: Command): void {
  const command = addCommand(program, 'enroll <service>', {
    summary: 'give a service its credentials',
    description:
      'Writes what a service needs to connect, readable by you alone: SERVICE.ENV.connection.json with its token and the keys it\n' +
      'trusts, and SERVICE.ENV.identity, which opens its secrets. The public half of the identity is committed as a recipient.\n' +
      'Run it on the machine of the daemon; carry the two files to the service by a way you trust.',
    examples: [
      'headwater enroll stt-worker --env dev --data .headwater/data',
      'headwater enroll stt-worker --env prod --data /var/lib/headwater --repo ~/config --out /etc/stt-worker',
      'headwater enroll stt-worker --env dev --rotate    # new token and identity; the old ones stop counting',
    ],
  })
    .requiredOption('--env <env>', 'environment')
    .option('--data <dir>', "the daemon's data folder (or HEADWATER_DATA)")
    .option(
      '--repo <dir>',
      'the repository that the daemon follows (default: what the daemon says it follows)',
    )
    .option('--branch <branch>', 'the branch that the daemon follows (default: the one that HEAD names)')
    .option('--out <dir>', 'folder for the two files (default: ~/.config/headwater/<deployment>)')
    .option('--instance <name>', 'name of this instance (default: chosen at each start)')
    .option('--rotate', 'replace the credentials that are there')
    .option('--url <url>', 'not in this version: enroll on the machine of the daemon')
    .option('--token <token>', 'not in this version');
  act<EnrollOptions, [string]>(command, async (io, options, rawName) => {
    const service = parseName(rawName, 'service');
    const env = parseName(options.env, 'environment');
    refuseRemote(options);
    const data = options.data ?? io.env.HEADWATER_DATA;
    if (data === undefined) {
      throw new HeadwaterError('HW_USAGE', {
        message: 'which daemon?',
        hint: 'Give --data DIR, the data folder of the daemon on this machine.',
      });
    }
    if (options.instance !== undefined && !INSTANCE_PATTERN.test(options.instance)) {
      throw new HeadwaterError('HW_USAGE', {
        message: `${JSON.stringify(options.instance)} cannot name an instance`,
        hint: 'Use letters, digits, "_" and "-", 64 characters at most, beginning with a letter or digit.',
      });
    }
    const done = await io.out.progress('Enrolling', enroll({ ...options, service, env, data }, io));
    io.out.result(
      done,
      [
        `Enrolled ${service} in ${env}${options.rotate ? ' anew' : ''}:`,
        `  ${done.connectionFile}`,
        `  ${done.identityFile}`,
        `  recipient committed as ${done.commit.slice(0, 7)} in ${done.recipientsFile}`,
        '',
        'Try it:',
        "  import { connect } from '@headwater/client';",
        `  const service = await connect({ connection: ${JSON.stringify(done.connectionFile)} });`,
        "  service.on('change', ({ changes, epoch }) => console.log(epoch.seq, changes));",
      ].join('\n'),
    );
    return true;
  });
}

interface EnrollOptions {
  readonly env: string;
  readonly data?: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly out?: string;
  readonly instance?: string;
  readonly rotate?: true;
  readonly url?: string;
  readonly token?: string;
}

function refuseRemote({ url, token }: EnrollOptions): void {
  if (url === undefined && token === undefined) return;
  throw new HeadwaterError('HW_USAGE', {
    message: `this version enrolls on the machine of the daemon only, not by ${url === undefined ? '--token' : '--url'}`,
    hint: 'Run it there with --data DIR, and carry the two files to the service.',
  });
}
