import { resolve } from 'node:path';
import { HeadwaterError, type Keyring, parseName } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { openDataFolder } from '../../adapters/data/data-folder.ts';
import { act, addCommand, type Io } from '../command.ts';
import { readConnectionFile } from '../connection-file.ts';
import { addDaemonOptions, type DaemonOptions } from '../daemon-api.ts';
import { readDataKeys } from '../data-keys.ts';
import type { Check } from '../doctor/check.ts';
import { checkService } from '../doctor/connection-checks.ts';
import { checkDaemon } from '../doctor/daemon-checks.ts';
import { checkRecipient, checkSecrets, withSecretsScene } from '../doctor/secrets-checks.ts';
import { checkSigning } from '../doctor/signing-check.ts';
import { findConnections } from '../find-connection.ts';
import { clean, columns, count } from '../output.ts';

export function registerDoctor(program: Command): void {
  const command = addCommand(program, 'doctor [service]', {
    summary: 'say why a service is not live',
    description:
      'Looks at everything between a commit and a running service, in that order, and says what is wrong and what to do:\n' +
      'the daemon with --data or --url, a service with its name or --connection. Exits with 1 when something is wrong.',
    examples: [
      'headwater doctor --data .headwater/data',
      'headwater doctor stt-worker --env dev --data .headwater/data',
      'headwater doctor --connection stt-worker.dev.connection.json',
    ],
  })
    .option('--env <env>', 'environment of the service')
    .option(
      '--connection <file>',
      'connection file of the service (default: those that enroll wrote on this machine)',
    );
  addDaemonOptions(command);
  act<DoctorOptions, [string | undefined]>(command, async (io, options, rawService) => {
    const files = await connectionFiles(io, options, rawService);
    const checks = await io.out.progress('Looking', runChecks(io, options, files, rawService));
    const problems = checks.filter((check) => check.status === 'problem');
    io.out.result({ ok: problems.length === 0, checks }, textOf(io, checks, problems.length));
    return problems.length === 0;
  });
}

interface DoctorOptions extends DaemonOptions {
  readonly env?: string;
  readonly connection?: string;
}

async function connectionFiles(
  io: Io,
  options: DoctorOptions,
  rawService: string | undefined,
): Promise<readonly string[]> {
  if (options.connection !== undefined) return [resolve(io.cwd, options.connection)];
  if (rawService !== undefined) {
    const env = options.env === undefined ? null : parseName(options.env, 'environment');
    return findConnections(io, parseName(rawService, 'service'), env);
  }
  const hasDaemon = options.data ?? options.url ?? io.env.HEADWATER_DATA ?? io.env.HEADWATER_URL;
  if (hasDaemon !== undefined) return [];
  throw new HeadwaterError('HW_USAGE', {
    message: 'what should be looked at?',
    hint: 'Give --data DIR or --url for the daemon, the name of a service, or --connection FILE.',
  });
}

async function runChecks(
  io: Io,
  options: DoctorOptions,
  files: readonly string[],
  service: string | undefined,
): Promise<readonly Check[]> {
  const { checks, api } = await checkDaemon(options, io);
  const daemonKeys = await readKeys(io, options);
  const found: Check[] = [];
  await withSecretsScene(dataOf(io, options), async (secrets) => {
    found.push(await checkSecrets(secrets), await checkSigning(secrets));
    for (const file of files) {
      const connection = await readConnectionFile(io, file);
      const ofService = [
        ...(await checkService({ file, connection, daemonKeys, api }, io)),
        await checkRecipient(secrets, { file, connection }, io),
      ];
      const prefix = files.length > 1 ? `${connection.env}: ` : '';
      found.push(...ofService.map((check) => ({ ...check, name: `${prefix}${check.name}` })));
    }
  });
  if (service !== undefined && files.length === 0) {
    const hint = `Enroll it with \`headwater enroll ${service} --env ENV\`, or give --connection FILE.`;
    found.push({
      name: 'files',
      status: 'problem',
      message: `${service} is not enrolled on this machine`,
      hint,
    });
  }
  return [...checks, ...found];
}

function dataOf(io: Io, options: DoctorOptions): string | null {
  const data = options.data ?? (options.url === undefined ? io.env.HEADWATER_DATA : undefined);
  return data === undefined ? null : resolve(io.cwd, data);
}

/** Without them the trust of a service is judged by its own file alone; what is wrong with the folder stands in its own line. */
async function readKeys(io: Io, options: DoctorOptions): Promise<Keyring | null> {
  const data = dataOf(io, options);
  if (data === null) return null;
  try {
    return await readDataKeys(await openDataFolder(data, { exclusive: false }));
  } catch {
    return null;
  }
}

function textOf(io: Io, checks: readonly Check[], problems: number): string {
  const { style } = io.out;
  const marks = { ok: style.green, problem: style.red, skip: style.dim };
  const rows = columns(checks.map((check) => [check.status, clean(check.name), clean(check.message)]));
  const lines = checks.flatMap((check, i) => {
    // Colour goes on last: it has no width.
    const row = (rows[i] as string).replace(check.status, marks[check.status]);
    return [row, ...(check.hint === undefined ? [] : [`         ${clean(check.hint)}`])];
  });
  const summary = problems === 0 ? 'Nothing is wrong.' : `${count(problems, 'problem')}.`;
  return [...lines, '', summary].join('\n');
}
