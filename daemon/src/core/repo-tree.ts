/** The files of a config repository by what they are for. Names come from the repository: Maps and Sets only. */
import type { FileState } from '../ports.ts';
import { DataKeyIndex } from './data-key-index.ts';
import { type BadPath, folderOf, type PathRole } from './layout.ts';
import type { SchemaFacts } from './schema-facts.ts';

/** One folder that holds a service, with its files by name. */
export interface ServiceFolder {
  readonly service: string;
  readonly folder: string;
  readonly files: ReadonlyMap<string, FileState>;
}

export interface SchemaFile extends FileState {
  readonly path: string;
  readonly facts: SchemaFacts;
}

/** A change to one path, judged and with what had to be read. `file: null`: not there, or not a regular file. */
export interface Placement {
  readonly path: string;
  readonly role: PathRole;
  readonly file: FileState | null;
  readonly bad: BadPath | null;
  readonly facts: SchemaFacts | null;
  /** Of a secrets file: names of its data key. */
  readonly dataKeys: readonly string[];
}

type Files = ReadonlyMap<string, FileState>;

export class RepoTree {
  #folders = new Map<string, ServiceFolder>();
  #services = new Map<string, Set<string>>();
  #below = new Map<string, Set<string>>();
  #shared = new Map<string, Files>();
  #schemas = new Map<string, SchemaFile>();
  #bad = new Map<string, BadPath>();
  #dataKeys = new DataKeyIndex();
  #creationRules: FileState | null = null;

  /** A copy that goes its own way. */
  fork(): RepoTree {
    const copy = new RepoTree();
    copy.#folders = new Map(this.#folders);
    copy.#services = copyOfSets(this.#services);
    copy.#below = copyOfSets(this.#below);
    copy.#shared = new Map(this.#shared);
    copy.#schemas = new Map(this.#schemas);
    copy.#bad = new Map(this.#bad);
    copy.#dataKeys = this.#dataKeys.fork();
    copy.#creationRules = this.#creationRules;
    return copy;
  }

  /** Takes over one change; names the services it may concern. */
  place({ path, role, file, bad, facts, dataKeys }: Placement, touched: Set<string>): void {
    if (bad === null) this.#bad.delete(path);
    else this.#bad.set(path, bad);
    switch (role.kind) {
      case 'schema':
        if (file === null || facts === null) this.#schemas.delete(role.service);
        else this.#schemas.set(role.service, { mode: file.mode, oid: file.oid, path, facts });
        touched.add(role.service);
        break;
      case 'shared':
        setIn(this.#shared, role.folder, path, file);
        for (const service of this.servicesIn(role.folder)) touched.add(service);
        break;
      case 'sops-rules':
        this.#creationRules = file;
        for (const service of this.#servicesWithSecrets()) touched.add(service);
        break;
      case 'secrets':
        for (const copy of this.#dataKeys.place(path, dataKeys)) touched.add(serviceOf(folderOf(copy)));
        this.#placeInService(role.service, role.folder, path, file);
        touched.add(role.service);
        this.#touchAbove(role.folder, touched);
        break;
      case 'base':
      case 'overlay':
      case 'recipients':
        this.#placeInService(role.service, role.folder, path, file);
        touched.add(role.service);
        this.#touchAbove(role.folder, touched);
        break;
      case 'bad': {
        const owner = this.ownerOf(role);
        if (owner !== null) touched.add(owner);
        break;
      }
      default:
    }
  }

  /** `.sops.yaml`, `null` when there is none. */
  get creationRules(): FileState | null {
    return this.#creationRules;
  }

  /** Another secrets file with the data key of this one, or `null`. */
  copyOf(path: string): string | null {
    return this.#dataKeys.copyOf(path);
  }

  /** Names with a folder, a schema, or both. */
  *known(): Generator<string> {
    yield* this.#services.keys();
    for (const service of this.#schemas.keys()) if (!this.#services.has(service)) yield service;
  }

  serviceNames(): Iterable<string> {
    return this.#services.keys();
  }

  /** Folders of a service, first by name first: more than one is a finding. */
  foldersOf(service: string): readonly ServiceFolder[] {
    const folders = [...(this.#services.get(service) ?? [])].sort();
    return folders.map((folder) => this.#folders.get(folder)).filter((entry) => entry !== undefined);
  }

  hasService(service: string): boolean {
    return this.#services.has(service);
  }

  schemaOf(service: string): SchemaFile | null {
    return this.#schemas.get(service) ?? null;
  }

  /** Service folders strictly below a folder. */
  foldersBelow(folder: string): ReadonlySet<string> {
    return this.#below.get(folder) ?? none;
  }

  /** Services in a folder or anywhere below it. */
  servicesIn(folder: string): readonly string[] {
    const own = this.#folders.get(folder)?.service;
    const below = [...this.foldersBelow(folder)].map(serviceOf);
    return own === undefined ? below : [own, ...below];
  }

  sharedIn(folder: string): ReadonlyMap<string, FileState> {
    return this.#shared.get(folder) ?? noFiles;
  }

  sharedFolders(): Iterable<string> {
    return this.#shared.keys();
  }

  badPaths(): Iterable<readonly [string, BadPath]> {
    return this.#bad;
  }

  /** The service that a misplaced file belongs to, or `null` when it concerns the repository. */
  ownerOf(bad: BadPath): string | null {
    if (bad.service !== undefined) return bad.service;
    for (let folder = bad.folder; folder !== ''; folder = folderOf(folder)) {
      const owner = this.#folders.get(folder);
      if (owner) return owner.service;
    }
    return null;
  }

  *#servicesWithSecrets(): Generator<string> {
    for (const { service, files } of this.#folders.values()) {
      const names = [...files.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1));
      if (names.some((name) => name.startsWith('secrets.'))) yield service;
    }
  }

  #placeInService(service: string, folder: string, path: string, file: FileState | null): void {
    const entry = this.#folders.get(folder);
    if (!entry && file === null) return;
    const files = changed(entry?.files, path, file);
    if (files.size === 0) this.#removeFolder(service, folder);
    else if (entry) this.#folders.set(folder, { service, folder, files });
    else this.#addFolder(service, folder, files);
  }

  #addFolder(service: string, folder: string, files: Files): void {
    this.#folders.set(folder, { service, folder, files });
    addTo(this.#services, service, folder);
    for (const above of foldersAbove(folder)) addTo(this.#below, above, folder);
  }

  #removeFolder(service: string, folder: string): void {
    this.#folders.delete(folder);
    removeFrom(this.#services, service, folder);
    for (const above of foldersAbove(folder)) removeFrom(this.#below, above, folder);
  }

  /** A service that holds another one is told so. */
  #touchAbove(folder: string, touched: Set<string>): void {
    for (const above of foldersAbove(folder)) {
      const outer = this.#folders.get(above);
      if (outer) touched.add(outer.service);
    }
  }
}

/** Folders around a folder, outermost first: "services", "services/<group>", … */
export function foldersAbove(folder: string): string[] {
  const above: string[] = [];
  for (let at = folder.indexOf('/'); at >= 0; at = folder.indexOf('/', at + 1))
    above.push(folder.slice(0, at));
  return above;
}

const serviceOf = (folder: string): string => folder.slice(folder.lastIndexOf('/') + 1);

const none: ReadonlySet<string> = new Set();
const noFiles: ReadonlyMap<string, FileState> = new Map();

function setIn(map: Map<string, Files>, key: string, path: string, file: FileState | null): void {
  const files = changed(map.get(key), path, file);
  if (files.size === 0) map.delete(key);
  else map.set(key, files);
}

/** The files of a folder after a change. Always another map: trees that were copied from each other share the one before. */
function changed(files: Files | undefined, path: string, file: FileState | null): Files {
  const after = new Map(files);
  if (file === null) after.delete(path);
  else after.set(path, file);
  return after;
}

function copyOfSets(map: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  return new Map([...map].map(([key, values]) => [key, new Set(values)]));
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}

function removeFrom(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values?.delete(value) && values.size === 0) map.delete(key);
}
