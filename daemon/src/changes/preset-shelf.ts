/** The presets of the repository: which there are, what is in them, and who saved them. */
import type { DoneBy } from '@headwater/schemas/http';
import { HeadwaterError, isHeadwaterError, isObject, type JsonObject } from '@headwater/schemas/protocol';
import { classifyPath } from '../core/layout.ts';
import { readVersion } from '../editing/read-version.ts';
import type { CommitId, FileState } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { TimelineEntry } from '../timeline/timeline.ts';
import type { PlanDeps } from './change-plan.ts';
import type { ServiceValues } from './plan-values.ts';

export interface Preset {
  readonly title?: string;
  readonly services: ServiceValues;
}

export const presetPath = (name: string): string => `presets/${name}.json`;

export class PresetShelf {
  readonly #deps: Pick<PlanDeps, 'reader' | 'readBlob' | 'history'>;
  readonly #queue = new SerialQueue();
  /** Presets of the newest commit that was asked for: the list of all files is read once, then only what changes. */
  #known: { readonly commit: CommitId; readonly files: Map<string, FileState> } | null = null;

  constructor(deps: Pick<PlanDeps, 'reader' | 'readBlob' | 'history'>) {
    this.#deps = deps;
  }

  /** Names at a commit, sorted. */
  async names(commit: CommitId): Promise<string[]> {
    return [...(await this.#filesAt(commit)).keys()].sort();
  }

  /** `null`: there is none of that name. @throws HeadwaterError `HW_CONFIG_INVALID` for a file that is no preset. */
  async read(name: string, commit: CommitId): Promise<Preset | null> {
    const file = (await this.#deps.reader.findFiles(commit, [presetPath(name)])).get(presetPath(name));
    if (!file) return null;
    const version = await readVersion(file, this.#deps.readBlob);
    const preset = version.kind === 'document' ? parsePreset(version.value) : null;
    if (preset) return preset;
    throw new HeadwaterError('HW_CONFIG_INVALID', {
      message: `${presetPath(name)} is not a preset`,
      hint: 'It reads { "headwater": 1, "services": { "<service>": { … } } }.',
    });
  }

  /** As `read`; a file that is no preset is none. */
  async readIfSound(name: string, commit: CommitId): Promise<Preset | null> {
    try {
      return await this.read(name, commit);
    } catch (error) {
      if (isHeadwaterError(error, 'HW_CONFIG_INVALID')) return null;
      throw error;
    }
  }

  /** Who saved a preset last; `null` when that was before the history begins. */
  async saved(name: string): Promise<TimelineEntry | null> {
    const line = await this.#deps.history.line();
    for (const entry of line?.newestFirst() ?? [])
      if (entry.changes.some(({ path, to }) => to !== null && path === presetPath(name))) return entry;
    return null;
  }

  #filesAt(commit: CommitId): Promise<ReadonlyMap<string, FileState>> {
    return this.#queue.run(async () => {
      if (this.#known?.commit === commit) return this.#known.files;
      const files = new Map(this.#known?.files);
      if (this.#known) {
        for (const { path, to } of await this.#deps.reader.diff(this.#known.commit, commit)) {
          const role = classifyPath(path);
          if (role.kind !== 'preset') continue;
          if (to) files.set(role.preset, to);
          else files.delete(role.preset);
        }
      } else {
        for (const { path, mode, oid } of await this.#deps.reader.listFiles(commit)) {
          const role = path.startsWith('presets/') ? classifyPath(path) : null;
          if (role?.kind === 'preset') files.set(role.preset, { mode, oid });
        }
      }
      this.#known = { commit, files };
      return files;
    });
  }
}

export function doneBy({ commit: { id, author, committer } }: TimelineEntry): DoneBy {
  return {
    commit: id,
    time: new Date(committer.time * 1000).toISOString(),
    author: { name: author.name, email: author.email },
  };
}

function parsePreset({ headwater, title, services }: JsonObject): Preset | null {
  if (headwater !== 1 || !isObject(services) || !Object.values(services).every(isObject)) return null;
  return { ...(typeof title === 'string' ? { title } : {}), services: services as unknown as ServiceValues };
}
