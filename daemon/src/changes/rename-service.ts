import type { RenameService } from '@headwater/schemas/http';
import type { JsonObject } from '@headwater/schemas/protocol';
import { maxFileBytes } from '../core/parse-config.ts';
import type { FileChange } from '../editing/edit.ts';
import { checkFree } from './add-service.ts';
import type { ChangePlan, PlanDeps } from './change-plan.ts';
import { newest } from './newest.ts';
import { type PresetShelf, presetPath } from './preset-shelf.ts';
import { presentFiles } from './remove-service.ts';
import { folderIn, type ServiceFile } from './service-files.ts';

export interface RenameDeps extends PlanDeps {
  readonly shelf: PresetShelf;
  /**
   * The same secrets under a data key of their own: a file that only looked copied is refused wherever it lies.
   * @param env Whose secrets; `null` = of every environment. @throws HeadwaterError `HW_SECRET_UNREADABLE`.
   */
  readonly encryptAnew: (
    bytes: Uint8Array,
    file: { readonly path: string; readonly env: string | null },
  ) => Promise<Uint8Array>;
}

/**
 * Gives a service another name. With `keep`, the old one stays until somebody removes it: clients move over one by one.
 * @throws HeadwaterError `HW_NOT_FOUND`, `HW_SERVICE_DUPLICATE`, `HW_NAME_INVALID`, `HW_SECRET_UNREADABLE`.
 */
export async function renameService(
  service: string,
  { to, keep = true }: RenameService,
  deps: RenameDeps,
): Promise<ChangePlan> {
  const at = newest(deps);
  const present = await presentFiles(service, at.commit, deps);
  await checkFree(to, at.commit, deps);
  const files: FileChange[] = [];
  for (const { path, role, file } of present) {
    const content = await deps.readBlob(file.oid, maxFileBytes);
    const isCopiedSecret = keep && role.kind === 'secrets';
    const bytes = isCopiedSecret ? await deps.encryptAnew(content, { path, env: role.env }) : content;
    files.push({ kind: 'bytes', path: movedPath(path, service, to, present), content: bytes });
    if (!keep) files.push({ kind: 'bytes', path, content: null });
  }
  const presets = await renamedInPresets(service, to, at.commit, deps);
  return {
    base: at.commit,
    files: [...files, ...presets],
    message: `Rename service ${service} to ${to}`,
    isOpen: (path) =>
      path.startsWith('presets/') || present.some((one) => one.role.kind === 'other' && isMoved(one, path)),
  };

  function isMoved({ path }: ServiceFile, other: string): boolean {
    return other === path || other === movedPath(path, service, to, present);
  }
}

function movedPath(path: string, service: string, to: string, files: readonly ServiceFile[]): string {
  if (path.startsWith('schemas/')) return `schemas/${to}.schema.json`;
  const folder = folderIn(files) ?? '';
  return `${folder.slice(0, folder.length - service.length)}${to}${path.slice(folder.length)}`;
}

async function renamedInPresets(
  service: string,
  to: string,
  commit: string,
  { shelf }: RenameDeps,
): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const name of await shelf.names(commit)) {
    const preset = await shelf.readIfSound(name, commit);
    if (!preset || !Object.hasOwn(preset.services, service)) continue;
    const services = Object.fromEntries(
      Object.entries(preset.services).map(([one, values]) => [one === service ? to : one, values]),
    );
    const title: JsonObject = preset.title === undefined ? {} : { title: preset.title };
    changes.push({ kind: 'json', path: presetPath(name), desired: { headwater: 1, ...title, services } });
  }
  return changes;
}
