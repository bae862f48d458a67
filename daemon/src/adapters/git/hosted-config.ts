/**
 * Settings of a repository that Headwater keeps itself. They stand in a file of their own beside git's, which includes it, so that a
 * newer version can renew them and a person's own settings stay as they are.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hooksDirOf } from '../gate/gate-hook.ts';
import { writeFileDurably } from './durable-fs.ts';
import type { GitRepository } from './open-repository.ts';

/** What one push may bring, packed. A first push of ten thousand commits has about 50 MiB. */
export const maxPushBytes = 128 * 1024 * 1024;

/** How pushes are received, each setting with its reason. */
export const receiveSettings: readonly (readonly [string, string])[] = [
  // git does not wait for the disk unless told so; what is pushed here is published, so it must survive a power cut.
  ['core.fsync', 'committed,reference'],
  // Larger files stream through git; a small push that unpacks to gigabytes fills no memory.
  ['core.bigFileThreshold', '8m'],
  ['receive.maxInputSize', String(maxPushBytes)],
  // Trees with ".." or ".git" in them, names twice, wrong order: git itself knows them all.
  ['receive.fsckObjects', 'true'],
  // The daemon tidies up when it is quiet.
  ['receive.autogc', 'false'],
  ['gc.auto', '0'],
  // The gate knows which branch must not go back or away; a proposal may.
  ['receive.denyDeletes', 'false'],
  ['receive.denyNonFastForwards', 'false'],
];

const fileName = 'headwater.config';
const include = `[include]\n\tpath = ${fileName}\n`;

/** Puts the settings in force. @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function configureHosted(repo: GitRepository): Promise<void> {
  const own = join(repo.commonDir, fileName);
  const text = configText(repo);
  if ((await readText(own)) !== text) await writeFileDurably(own, Buffer.from(text), { mode: 0o644 });
  const config = join(repo.commonDir, 'config');
  const existing = (await readText(config)) ?? '';
  if (existing.includes(include)) return;
  const gap = existing === '' || existing.endsWith('\n') ? '' : '\n';
  await writeFileDurably(config, Buffer.from(`${existing}${gap}${include}`), { mode: 0o644 });
}

function configText(repo: GitRepository): string {
  // Whoever pushes through the file system has git settings too; one that keeps hooks elsewhere would lead around the gate.
  const settings = [...receiveSettings, ['core.hooksPath', hooksDirOf(repo)] as const];
  const lines = settings.map(([key, value]) => {
    const dot = key.indexOf('.');
    return `[${key.slice(0, dot)}]\n\t${key.slice(dot + 1)} = ${quote(value)}\n`;
  });
  return `# Written by the Headwater daemon whenever it starts. Settings of your own belong into "config", below the include.\n${lines.join('')}`;
}

function quote(value: string): string {
  return /^[\w.,-]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
