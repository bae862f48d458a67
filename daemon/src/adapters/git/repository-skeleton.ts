import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeFileDurably } from './durable-fs.ts';

/** Writes the files of a repository without any object, durably. @param ref What HEAD points to. @param config Text of its settings. */
export async function writeSkeleton(gitDir: string, ref: string, config: string): Promise<void> {
  for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info', 'hooks']) {
    await mkdir(join(gitDir, folder), { recursive: true });
  }
  await writeFileDurably(join(gitDir, 'config'), Buffer.from(config));
  await writeFileDurably(join(gitDir, 'HEAD'), Buffer.from(`ref: ${ref}\n`));
  for (const folder of ['objects', 'refs', '.']) await syncFolder(join(gitDir, folder));
}
