/** Which files of a tree belong to one service. */
import { classifyPath, type PathRole } from '../core/layout.ts';
import type { CommitId, FileState, TreeEntry } from '../ports.ts';
import type { PlanDeps } from './change-plan.ts';

export interface ServiceFile {
  readonly path: string;
  readonly role: PathRole;
  readonly file: FileState;
}

/** Everything of one service: its schema and what lies in its folder. Reads the whole list of files. */
export async function serviceFiles(
  service: string,
  commit: CommitId,
  { reader }: Pick<PlanDeps, 'reader'>,
): Promise<ServiceFile[]> {
  return filesOf(service, await reader.listFiles(commit));
}

export function filesOf(service: string, entries: readonly TreeEntry[]): ServiceFile[] {
  const own: ServiceFile[] = [];
  for (const { path, mode, oid } of entries) {
    if (!path.includes(service)) continue;
    const role = classifyPath(path);
    const isNote =
      role.kind === 'other' && path.startsWith('services/') && path.split('/').at(-2) === service;
    if (isNote || ('service' in role && role.service === service))
      own.push({ path, role, file: { mode, oid } });
  }
  return own;
}

/** Folder of a service as its own files have it; `null` without any. */
export function folderIn(files: readonly ServiceFile[]): string | null {
  for (const { role } of files) if ('folder' in role && role.kind !== 'bad') return role.folder;
  return null;
}

/** Secrets, and who may read them. */
export const isAboutSecrets = ({ kind }: PathRole): boolean => kind === 'secrets' || kind === 'recipients';
