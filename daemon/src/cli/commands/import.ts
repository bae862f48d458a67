import { resolve } from 'node:path';
import { HeadwaterError, type JsonObject, parseName, readSettings, utf8 } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { parseDotenv } from '../../core/dotenv.ts';
import { type ImportPlan, planEnvImport, planJsonImport } from '../../core/import-values.ts';
import type { ServiceInputs } from '../../core/inputs.ts';
import { parseConfig, parseDocument } from '../../core/parse-config.ts';
import { checkExpansion } from '../../core/schema-expansion.ts';
import { didYouMean } from '../../core/suggest.ts';
import { act, addCommand, addGroup, type Io } from '../command.ts';
import { checkCommittable, commitFiles } from '../commit-files.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import { newErrors } from '../judge-tree.ts';
import { clean, columns, count, showValue } from '../output.ts';
import { readUserFile } from '../user-file.ts';

export function registerImport(program: Command): void {
  const group = addGroup(program, 'import', 'take values from a .env or JSON file');
  for (const kind of ['env', 'json'] as const) {
    const command = addCommand(group, `${kind} <file>`, {
      summary: kind === 'env' ? 'take values from a .env file' : 'take values from a JSON file',
      description:
        (kind === 'env'
          ? 'Maps each variable to the setting whose schema names it (x-hw.env), else to the setting of the same name, and reads\nits text as the type of that setting.'
          : 'Merges a document in the shape of the config into one layer: objects merge, everything else replaces.') +
        '\nOne commit, after the result was judged as the daemon will. Secrets are refused.',
      examples: [
        `headwater import ${kind} ${kind === 'env' ? '.env' : 'values.json'} --service stt-worker --env dev --dry-run`,
      ],
    })
      .requiredOption('--service <name>', 'service that takes the values')
      .option('--env <env>', 'environment whose overlay takes them (default: the base config)')
      .option('--repo <dir>', 'the config repository', '.')
      .option('--dry-run', 'show what would change, and change nothing');
    act<ImportOptions, [string]>(command, (io, options, file) => importFile(io, kind, file, options));
  }
}

interface ImportOptions {
  readonly service: string;
  readonly env?: string;
  readonly repo: string;
  readonly dryRun?: true;
}

async function importFile(
  io: Io,
  kind: 'env' | 'json',
  file: string,
  options: ImportOptions,
): Promise<boolean> {
  const service = parseName(options.service, 'service');
  const env = options.env === undefined ? null : parseName(options.env, 'environment');
  const bytes = await readUserFile(io, file);
  const repository = await openConfigRepository(resolve(io.cwd, options.repo));
  try {
    const inputs = await findInputs(repository, service, env);
    const path = `${inputs.folder}/config${env === null ? '' : `.${env}`}.json`;
    const settings = readSettings(await readSchema(repository, inputs));
    const layer = await readLayer(repository, path);
    const plan =
      kind === 'env'
        ? planEnvImport(parseDotenv(Buffer.from(bytes).toString('utf8')), settings, layer)
        : planJsonImport(valuesOf(file, bytes), settings, layer);
    refuseUnusable(plan, file, kind);
    const edit = { path, content: utf8(`${JSON.stringify(plan.document, null, 2)}\n`) };
    if (plan.changes.length > 0) {
      if (!options.dryRun) await checkCommittable(repository, [path], io);
      refuseInvalid(await io.out.progress('Judging', newErrors(repository, [edit])));
    }
    const isWritten = plan.changes.length > 0 && !options.dryRun;
    const message = `Import ${count(plan.changes.length, 'setting')} of ${service}${env === null ? '' : ` for ${env}`}`;
    const commit = isWritten ? await commitFiles(repository, [edit], message, io) : null;
    io.out.result(
      { service, env, file: path, commit, changes: plan.changes, skipped: plan.unknown },
      textOf(plan, path, commit),
    );
    return true;
  } finally {
    await repository.close();
  }
}

async function findInputs(
  repository: ConfigRepository,
  service: string,
  env: string | null,
): Promise<ServiceInputs> {
  const index = await repository.index();
  const environments = index.environments();
  if (env !== null && !environments.includes(env)) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no environment "${env}"`,
      hint: didYouMean(env, environments, `Declared: ${environments.join(', ') || 'none'}.`),
    });
  }
  const places = env === null ? environments : [env];
  for (const place of places) {
    const inputs = index.inputs(service, place);
    if (inputs !== null) return inputs;
  }
  const known = new Set(places.flatMap((place) => [...index.services(place)]));
  throw new HeadwaterError('HW_NOT_FOUND', {
    message: `there is no service "${service}"${env === null ? '' : ` in ${env}`}`,
    hint: didYouMean(service, known, 'Add it first: headwater service add.'),
  });
}

async function readSchema(
  repository: ConfigRepository,
  { service, schema }: ServiceInputs,
): Promise<JsonObject> {
  const bytes = schema === null ? null : await repository.read(schema.path);
  const parsed = bytes === null ? null : parseDocument(bytes);
  if (parsed !== null && 'value' in parsed && checkExpansion(parsed.value) === null) return parsed.value;
  throw new HeadwaterError('HW_SCHEMA_INVALID', {
    message: `the schema of ${service} is missing or cannot be read`,
    hint: 'See headwater validate.',
  });
}

async function readLayer(repository: ConfigRepository, path: string): Promise<JsonObject> {
  const bytes = await repository.read(path);
  // As it stands: comments stay where they are.
  const parsed = bytes === null ? null : parseDocument(bytes);
  if (parsed === null) return {};
  if ('value' in parsed) return parsed.value;
  throw new HeadwaterError(parsed.problem.code, {
    message: `${path}: ${parsed.problem.message}`,
    hint: parsed.problem.hint,
  });
}

function valuesOf(file: string, bytes: Uint8Array): JsonObject {
  const parsed = parseConfig(bytes);
  if ('value' in parsed) return parsed.value;
  throw new HeadwaterError(parsed.problem.code, {
    message: `${file}: ${parsed.problem.message}`,
    hint: parsed.problem.hint,
  });
}

function refuseUnusable({ secrets, unfit, unknown }: ImportPlan, file: string, kind: 'env' | 'json'): void {
  if (secrets.length > 0) {
    throw new HeadwaterError('HW_SECRET_IN_CONFIG', {
      message: `${file}: ${secrets.join(', ')} would put a secret into plain config`,
      hint: 'Take it out of the file. Secrets belong in the encrypted secrets file of the service.',
      details: { secrets },
    });
  }
  if (unfit.length > 0) {
    const list = unfit.map(({ source, pointer }) => `${source} (${pointer})`).join(', ');
    throw new HeadwaterError('HW_CONFIG_INVALID', {
      message: `${file}: ${list} does not fit the type of its setting`,
      hint: 'Correct the value; `headwater typegen` shows the types.',
      details: { unfit },
    });
  }
  // A .env file usually holds more than one program's variables; a document of this service should not.
  if (kind === 'json' && unknown.length > 0) {
    throw new HeadwaterError('HW_CONFIG_UNKNOWN_SETTING', {
      message: `${file}: the schema does not describe ${unknown.join(', ')}`,
      hint: 'Correct the names, or describe the settings in the schema first.',
      details: { unknown },
    });
  }
}

function refuseInvalid(errors: Awaited<ReturnType<typeof newErrors>>): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? `, and ${count(errors.length - 1, 'more error')}` : '';
  throw new HeadwaterError(first.code, {
    message: `${first.file}${first.pointer ? ` ${first.pointer}` : ''}: ${first.message}${more}; nothing was changed`,
    hint: first.hint,
    details: { problems: errors },
  });
}

function textOf({ changes, unknown }: ImportPlan, path: string, commit: string | null): string {
  const rows = columns(
    changes.map(({ pointer, from, to }) => [
      `  ${clean(pointer)}`,
      `${showValue(from, 40)} → ${showValue(to, 40)}`,
    ]),
  );
  const skipped = unknown.length === 0 ? [] : [`No setting takes ${unknown.map(clean).join(', ')}.`];
  if (changes.length === 0) return ['Nothing to change.', ...skipped].join('\n');
  const done = commit === null ? `Would change ${path}:` : `Changed ${path}, commit ${commit.slice(0, 7)}:`;
  return [done, ...rows, ...skipped].join('\n');
}
