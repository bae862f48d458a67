import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { digestOfBytes, HeadwaterError, isName, parseName } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { Command } from 'commander';
import { type FileProblem, parseDocument } from '../../core/parse-config.ts';
import { checkExpansion } from '../../core/schema-expansion.ts';
import { generateJavaScript, generateTypeScript, type TypegenInput } from '../../core/typegen.ts';
import { act, addCommand, type Io } from '../command.ts';
import { readUserFile } from '../user-file.ts';

const schemaSuffix = '.schema.json';

export function registerTypegen(program: Command): void {
  const command = addCommand(program, 'typegen <schema>', {
    summary: 'write types from a service schema',
    description:
      'Writes a module with the type, the schema and the defaults of a service, for `connect` of @headwater/client.\n' +
      'The schema is a file, or the name of a service in the repository given by --repo.',
    examples: [
      'headwater typegen schemas/stt-worker.schema.json --out src/stt-worker.config.ts',
      'headwater typegen stt-worker --repo ../config --out stt-worker.config.js   # JavaScript, with a .d.ts beside it',
    ],
  })
    .option('--out <file>', 'file to write: .ts, .mts, .js or .mjs (default: TypeScript on stdout)')
    .option('--repo <dir>', 'a checked-out config repository, for the name of a service', '.');
  act<{ out?: string; repo: string }, [string]>(command, async (io, options, schema) => {
    const input = await readSchema(io, schema, options.repo);
    const files = render(input, options.out);
    if (options.out === undefined) {
      const [text] = files.values();
      io.out.result({ service: input.service, digest: input.digest, text }, text as string);
      return true;
    }
    for (const [file, text] of files) await write(resolve(io.cwd, file), text);
    io.out.result(
      { service: input.service, digest: input.digest, files: [...files.keys()] },
      `Wrote ${[...files.keys()].join(' and ')}`,
    );
    return true;
  });
}

async function readSchema(io: Io, schema: string, repo: string): Promise<TypegenInput> {
  const isFile = schema.includes('/') || schema.endsWith('.json');
  const file = isFile ? schema : join(repo, 'schemas', `${parseName(schema, 'service')}${schemaSuffix}`);
  const bytes = await readUserFile(io, file);
  const parsed = parseDocument(bytes);
  if ('problem' in parsed) throw unusable(file, parsed.problem);
  const problem = checkExpansion(parsed.value);
  if (problem !== null) throw unusable(file, problem);
  const name = basename(file).replace(/\.schema\.json$|\.json$/, '');
  if (!isName(name)) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${basename(file)} does not name a service`,
      hint: `Name the file <service>${schemaSuffix}.`,
    });
  }
  return { service: name, digest: digestOfBytes(bytes, nodeCrypto), document: parsed.value };
}

function unusable(file: string, { code, message, hint, line }: FileProblem): HeadwaterError {
  return new HeadwaterError(code, { message: `${file}${line ? `:${line}` : ''}: ${message}`, hint });
}

function render(input: TypegenInput, out: string | undefined): ReadonlyMap<string, string> {
  const [, stem, kind] = /^(.*)\.(m?[jt]s)$/.exec(out ?? 'stdout.ts') ?? [];
  if (stem === undefined || kind === undefined || /\.d$/.test(stem)) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${out} names neither TypeScript nor JavaScript`,
      hint: 'End the name in .ts, .mts, .js or .mjs.',
    });
  }
  if (kind.endsWith('ts')) return new Map([[`${stem}.${kind}`, generateTypeScript(input)]]);
  const { js, dts } = generateJavaScript(input, `${basename(stem)}.${kind}`);
  return new Map([
    [`${stem}.${kind}`, js],
    [`${stem}.d.${kind === 'mjs' ? 'mts' : 'ts'}`, dts],
  ]);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${file} cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      hint: 'Give --out a file in a folder that exists.',
      cause,
    });
  }
}
