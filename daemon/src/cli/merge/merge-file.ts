/** One file of a `git merge`, merged by what it says. No daemon and no network: three files in, one file out. */
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  fromUtf8,
  HeadwaterError,
  isHeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '@headwater/schemas/protocol';
import { classifyPath } from '../../core/layout.ts';
import { mergeKeysOf, servicesIn } from '../../core/merge/merge-keys.ts';
import { mergeTexts } from '../../core/merge/merge-texts.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import type { CliContext } from '../context.ts';
import { mergeLines } from './merge-lines.ts';
import type { MergeFiles, MergeReport, Versions } from './merge-report.ts';
import { mergeSecrets } from './merge-secrets.ts';

/** Merges and writes the result over `files.ours`. Whatever is in the way of a merge by settings, lines are merged instead. */
export async function mergeFile(files: MergeFiles, context: CliContext): Promise<MergeReport> {
  const target = resolve(context.cwd, files.ours);
  const versions = await readVersions(files, context);
  if (classifyPath(files.path).kind === 'secrets') {
    // Loaded only now: most files hold no secrets, and git starts one process per file.
    const { mergeSops } = await import('./merge-sops.ts');
    const { content, ...report } = await mergeSecrets(versions, context, mergeSops);
    await writeFile(target, content);
    return { ...report, how: 'secrets' };
  }
  try {
    const { text, conflicts } = await mergeSettings(files.path, versions, context);
    await writeFile(target, text);
    return {
      merged: conflicts.length === 0,
      how: 'settings',
      conflicts: conflicts.map(({ pointer }) => pointer),
    };
  } catch (error) {
    // Never less than git does on its own: a driver that fails would leave our version and drop theirs in silence.
    const reason = isHeadwaterError(error) ? error.message : `unexpected: ${String(error)}`;
    return { merged: await mergeLines(files, context), how: 'lines', conflicts: [], reason };
  }
}

async function mergeSettings(path: string, versions: Versions, context: CliContext) {
  const largest = Math.max(versions.base?.length ?? 0, versions.ours.length, versions.theirs.length);
  if (largest > maxFileBytes) throw tooLarge(largest);
  const texts = {
    base: versions.base && fromUtf8(versions.base),
    ours: fromUtf8(versions.ours),
    theirs: fromUtf8(versions.theirs),
  };
  const documents = [texts.ours, texts.theirs].map((text) => parseJson(text));
  return mergeTexts(texts, mergeKeysOf(path, await readSchemas(servicesIn(path, documents), context)));
}

function tooLarge(bytes: number): HeadwaterError {
  return new HeadwaterError('HW_FILE_TOO_LARGE', {
    message: `a version of the file has ${bytes} bytes, more than any file of a config repository may have`,
  });
}

async function readVersions(files: MergeFiles, { cwd }: CliContext): Promise<Versions> {
  const [base, ours, theirs] = await Promise.all(
    [files.base, files.ours, files.theirs].map((file) => readFile(resolve(cwd, file))),
  );
  return {
    base: base === undefined || base.length === 0 ? null : base,
    ours: ours ?? Buffer.alloc(0),
    theirs: theirs ?? Buffer.alloc(0),
  };
}

/** Schemas as they lie in the work tree; git runs a driver at its top. One that is not there says nothing. */
async function readSchemas(
  services: ReadonlySet<string>,
  { cwd }: CliContext,
): Promise<ReadonlyMap<string, JsonObject>> {
  const found = new Map<string, JsonObject>();
  for (const service of services) {
    const schema = await readJson(join(cwd, 'schemas', `${service}.schema.json`));
    if (isObject(schema)) found.set(service, schema);
  }
  return found;
}

async function readJson(file: string): Promise<JsonValue | undefined> {
  try {
    // A pipe or device would block or never end.
    const { size, isFile } = await lstat(file).then((stat) => ({ size: stat.size, isFile: stat.isFile() }));
    return isFile && size <= maxFileBytes ? parseJson(fromUtf8(await readFile(file))) : undefined;
  } catch {
    return undefined; // absent, or broken in the middle of this very merge
  }
}
