import { basename, resolve } from 'node:path';
import {
  HeadwaterError,
  isHeadwaterError,
  type JsonObject,
  parseName,
  utf8,
} from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { parseDotenv } from '../../core/dotenv.ts';
import { type EnvSettings, settingsFromEnv } from '../../core/env-values.ts';
import { inferSchema } from '../../core/infer-schema.ts';
import { parseConfig } from '../../core/parse-config.ts';
import type { RepoIndex } from '../../core/repo-index.ts';
import { findSecrets } from '../../core/secret-names.ts';
import { act, addCommand, addGroup, type Io } from '../command.ts';
import { checkCommittable, commitFiles } from '../commit-files.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import { count } from '../output.ts';
import { readUserFile } from '../user-file.ts';
import { registerServiceChanges } from './service-changes.ts';

export function registerService(program: Command): void {
  const group = addGroup(program, 'service', 'add, rename and remove services');
  registerServiceChanges(group);
  const add = addCommand(group, 'add <name>', {
    summary: 'add a service, with a first schema made from its values',
    description:
      'Adds a service in one commit: schemas/NAME.schema.json and services/NAME/config.json. With --from the schema is made\n' +
      'from the values: types, and units that names give away. Look it over, then add bounds, defaults and descriptions.\n' +
      'Values that look like secrets are refused: plain config is readable by everyone who can read the repository.',
    examples: [
      'headwater service add door-lock                              # empty, to be written by hand',
      'headwater service add door-lock --from door-lock/config.json --owner access-team',
      'headwater service add door-lock --from door-lock/.env --skip-secrets',
    ],
  })
    .option('--from <file>', 'a JSON file (*.json) or a .env file with the values of today')
    .option('--owner <team>', 'team that answers for the service')
    .option(
      '--skip-secrets',
      'describe values that look like secrets in the schema, and leave the values out',
    )
    .option('--repo <dir>', 'the config repository', '.');
  act<AddOptions, [string]>(add, async (io, options, rawName) => {
    const name = parseName(rawName, 'service');
    const values = options.from === undefined ? noValues : await readValues(io, options.from);
    const { schema, config } = describeService(name, values, options);
    const repository = await openConfigRepository(resolve(io.cwd, options.repo));
    try {
      const paths = [`schemas/${name}.schema.json`, `services/${name}/config.json`] as const;
      await checkNew(repository, name, paths, io);
      const edits = [
        { path: paths[0], content: jsonFile(schema) },
        { path: paths[1], content: jsonFile(config) },
      ];
      const commit = await commitFiles(repository, edits, `Add service ${name}`, io);
      const settings = Object.keys(schema.properties as JsonObject);
      io.out.result(
        { service: name, commit, files: paths, settings: settings.length },
        [
          `Added ${name} with ${count(settings.length, 'setting')} in one commit, ${commit.slice(0, 7)}:`,
          ...paths.map((path) => `  ${path}`),
          '',
          'Next: look the schema over, then give the service its credentials:',
          `  headwater enroll ${name} --env ${(await environmentsOf(repository))[0] ?? 'dev'} --data <folder of the daemon>`,
        ].join('\n'),
      );
    } finally {
      await repository.close();
    }
    return true;
  });
}

interface AddOptions {
  readonly from?: string;
  readonly owner?: string;
  readonly skipSecrets?: true;
  readonly repo: string;
}

const noValues: EnvSettings = { values: {}, envNames: new Map(), fractional: new Set() };

async function readValues(io: Io, path: string): Promise<EnvSettings> {
  const bytes = await readUserFile(io, path);
  if (!basename(path).endsWith('.json'))
    return settingsFromEnv(parseDotenv(Buffer.from(bytes).toString('utf8')));
  const parsed = parseConfig(bytes);
  if ('value' in parsed) return { ...noValues, values: parsed.value };
  const { code, message, hint, line } = parsed.problem;
  throw new HeadwaterError(code, { message: `${path}${line ? `:${line}` : ''}: ${message}`, hint });
}

function describeService(
  service: string,
  values: EnvSettings,
  options: AddOptions,
): { schema: JsonObject; config: JsonObject } {
  const secrets = options.skipSecrets
    ? findSecrets(values.values).flatMap((path) => (path.length === 1 ? [path[0] as string] : []))
    : [];
  const config = Object.fromEntries(
    Object.entries(values.values).filter(([name]) => !secrets.includes(name)),
  );
  const owner = options.owner === undefined ? {} : { owner: options.owner };
  try {
    return { schema: inferSchema(config, { ...values, service, secrets, ...owner }), config };
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_SECRET_IN_CONFIG') || options.skipSecrets) throw error;
    const hint =
      'Take them out of the file, or run it again with --skip-secrets to describe them in the schema without their values.';
    throw new HeadwaterError(error.code, { message: error.message, hint, details: error.details });
  }
}

/** Everything that can be refused is refused before a file is written. */
async function checkNew(
  repository: ConfigRepository,
  name: string,
  paths: readonly string[],
  io: Io,
): Promise<void> {
  const index = await repository.index();
  const missing = index.structural.find((finding) => finding.code === 'HW_REPO_SETTINGS_MISSING');
  if (missing) {
    throw new HeadwaterError('HW_REPO_SETTINGS_MISSING', {
      message: `${repository.path} is no config repository: it has no headwater.json`,
      hint: 'Make one with `headwater init`, or give another folder with --repo.',
    });
  }
  const present = (await repository.files()).find(
    ({ path }) => paths.includes(path) || (path.startsWith('services/') && path.split('/').at(-2) === name),
  );
  if (present) {
    throw new HeadwaterError('HW_SERVICE_DUPLICATE', {
      message: `there is a service "${name}" already: ${present.path}`,
      hint: 'Choose another name, or change the files of that service.',
    });
  }
  await checkCommittable(repository, paths, io);
}

async function environmentsOf(repository: ConfigRepository): Promise<readonly string[]> {
  const index: RepoIndex = await repository.index();
  return index.environments();
}

function jsonFile(value: JsonObject): Uint8Array {
  return utf8(`${JSON.stringify(value, null, 2)}\n`);
}
