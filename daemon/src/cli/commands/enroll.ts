import { resolve } from 'node:path';
import { HeadwaterError, INSTANCE_PATTERN, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { act, addCommand, type Io } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { enroll } from '../enroll.ts';
import { finishGrace } from '../enroll-grace.ts';

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
      'headwater enroll stt-worker --env dev --rotate            # new token and identity; the old ones count for a week more',
      'headwater enroll stt-worker --env dev --rotate --grace 0  # they were stolen: the old ones stop counting at once',
      'headwater enroll stt-worker --env dev --finish            # end a running grace period now',
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
    .option(
      '--grace <duration>',
      'how long the replaced ones go on counting, at least (default: 7d; 0 ends them at once)',
    )
    .option('--finish', 'end the grace period of an earlier --rotate, whoever still uses the old ones')
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
    if (options.finish) return finish(io, { service, env, data });
    if (options.grace !== undefined && !options.rotate) {
      throw new HeadwaterError('HW_USAGE', {
        message: '--grace says how long replaced credentials count',
        hint: 'Give --rotate, too.',
      });
    }
    const graceMs =
      options.grace === undefined
        ? undefined
        : options.grace === '0'
          ? 0
          : parseDuration(options.grace, '--grace');
    const request = { ...options, service, env, data, ...(graceMs === undefined ? {} : { graceMs }) };
    const done = await io.out.progress('Enrolling', enroll(request, io));
    io.out.result(
      done,
      [
        `Enrolled ${service} in ${env}${options.rotate ? ' anew' : ''}:`,
        `  ${done.connectionFile}`,
        `  ${done.identityFile}`,
        `  recipient committed as ${done.commit.slice(0, 7)} in ${done.recipientsFile}`,
        ...(done.until === undefined
          ? []
          : [
              `  the old credentials count until ${done.until.slice(0, 16).replace('T', ' ')} UTC, and as long as an instance uses them`,
            ]),
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
  readonly grace?: string;
  readonly finish?: true;
  readonly url?: string;
  readonly token?: string;
}

/** Says that a grace period shall end; the daemon does it within seconds. */
async function finish(
  io: Io,
  { service, env, data }: { readonly service: string; readonly env: string; readonly data: string },
): Promise<boolean> {
  const found = await finishGrace(await openDataFolder(resolve(io.cwd, data), { exclusive: false }), {
    service,
    env,
  });
  if (found === 0) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `no grace period is running for ${service} in ${env}`,
      hint: 'It begins with headwater enroll --rotate.',
    });
  }
  io.out.result(
    { service, env, ended: found },
    `The old credentials of ${service} in ${env} end within seconds.`,
  );
  return true;
}

function refuseRemote({ url, token }: EnrollOptions): void {
  if (url === undefined && token === undefined) return;
  throw new HeadwaterError('HW_USAGE', {
    message: `this version enrolls on the machine of the daemon only, not by ${url === undefined ? '--token' : '--url'}`,
    hint: 'Run it there with --data DIR, and carry the two files to the service.',
  });
}
