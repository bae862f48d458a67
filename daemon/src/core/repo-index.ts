/**
 * What a tree of the config repository holds, kept up to date change by change: which services exist, of which files each is made in
 * each environment, who may change them, and what is wrong with names and places. It reads `headwater.json`, `allowed_signers` and the
 * schemas, and of secrets files only which data key they have.
 *
 * The state is a function of the set of (path, file) alone, so walking a commit forward and back again leaves it as it was.
 */
import type { CommitId, FileState, TreeChange } from '../ports.ts';
import { BoundedCache } from './bounded-cache.ts';
import { dataKeyTags } from './data-key-index.ts';
import { type ReadBlob, readWithin } from './files.ts';
import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import { classifyPath } from './layout.ts';
import { isHopeless, noSigners, type Policy, type SignersFile, statedPolicy } from './policy.ts';
import { environmentChain, type RepoSettings } from './repo-settings.ts';
import { type Placement, RepoTree } from './repo-tree.ts';
import { missingSettings, nobodySigns, readSettings, readSigners, type SettingsState } from './root-files.ts';
import { readSchemaFacts, type SchemaFacts, unreadableSchema } from './schema-facts.ts';
import { serviceInputs } from './service-inputs.ts';
import type { AllowedSigners } from './signatures/allowed-signers.ts';
import { badPathFinding, isMeantFor, sharedStructure, structureOf, wrongMode } from './structure.ts';

/** What a change may concern. */
export interface Touched {
  /** True: every service, because the settings of the repository changed. */
  readonly all: boolean;
  /** Services whose inputs or structural findings may have changed; removed ones included. */
  readonly services: ReadonlySet<string>;
}

/** A shared file, and the settings that services below its folder take from shared files. */
export interface SharedFile {
  readonly path: string;
  readonly oid: string;
  readonly taken: ReadonlySet<string>;
}

/** The changes that undo `changes`. */
export function reverseChanges(changes: readonly TreeChange[]): TreeChange[] {
  return changes.map(({ path, from, to }) => ({ path, from: to, to: from })).reverse();
}

/** Schemas whose facts are kept by blob id: some generations of ten thousand services. */
const maxCachedFacts = 30_000;

/** Blobs read side by side: a first pass over ten thousand schemas must not hold all of them in memory. */
const readsAtOnce = 64;

/** Versions of allowed_signers that are kept: a walk through the history meets the same few again and again. */
const maxCachedSigners = 64;

type Step = Placement & {
  readonly settings: SettingsState | null;
  readonly signers: SignersFile | null;
};

export class RepoIndex {
  readonly #readBlob: ReadBlob;
  #facts = new BoundedCache<SchemaFacts>(maxCachedFacts);
  #dataKeys = new BoundedCache<readonly string[]>(maxCachedFacts);
  #tree = new RepoTree();
  /** Structural findings by service; services without one are absent. */
  #structure = new Map<string, readonly Finding[]>();
  /** Services by environment, made when first asked for. */
  readonly #present = new Map<string, Set<string>>();
  #settings: SettingsState = missingSettings;
  #signersByOid = new BoundedCache<AllowedSigners>(maxCachedSigners);
  #signers: SignersFile = noSigners;
  #sopsRules: FileState | null = null;
  /** `undefined`: to be made when asked for. */
  #policy: Policy | null | undefined;
  #chains: ReadonlyMap<string, readonly string[]> = new Map();
  #structural: readonly Finding[] | null = null;
  #at: CommitId | null = null;

  private constructor(readBlob: ReadBlob) {
    this.#readBlob = readBlob;
  }

  /** An index of the empty tree. */
  static async create(readBlob: ReadBlob): Promise<RepoIndex> {
    return new RepoIndex(readBlob);
  }

  /** A copy that goes its own way: to see what changes would do. Costs milliseconds for ten thousand services, and shares what is equal. */
  fork(readBlob: ReadBlob = this.#readBlob): RepoIndex {
    const copy = new RepoIndex(readBlob);
    copy.#facts = this.#facts;
    copy.#dataKeys = this.#dataKeys;
    copy.#tree = this.#tree.fork();
    copy.#structure = new Map(this.#structure);
    copy.#takeSettings(this.#settings);
    copy.#signersByOid = this.#signersByOid;
    copy.#signers = this.#signers;
    copy.#sopsRules = this.#sopsRules;
    copy.#at = this.#at;
    return copy;
  }

  /** The commit whose tree this is, as the last `apply` named it. */
  get at(): CommitId | null {
    return this.#at;
  }

  /**
   * Takes over what changed between two trees. When reading a blob throws, so does this, and nothing has changed.
   * @param at The commit whose tree this is afterwards.
   */
  async apply(changes: readonly TreeChange[], at: CommitId | null = null): Promise<Touched> {
    const steps: Step[] = [];
    for (let start = 0; start < changes.length; start += readsAtOnce) {
      const some = changes.slice(start, start + readsAtOnce);
      steps.push(...(await Promise.all(some.map((change) => this.#prepare(change)))));
    }
    const services = new Set<string>();
    let all = false;
    for (const step of steps) {
      this.#tree.place(step, services);
      if (step.signers !== null) this.#takeSigners(step.signers);
      if (step.role.kind === 'sops-rules') this.#sopsRules = step.file;
      if (step.settings === null) continue;
      all = true;
      this.#takeSettings(step.settings);
    }
    if (all) for (const service of this.#tree.known()) services.add(service);
    for (const service of services) this.#refresh(service);
    this.#structural = null;
    this.#at = at;
    return { all, services };
  }

  /** `null` while headwater.json is missing or wrong. */
  get settings(): RepoSettings | null {
    return this.#settings.settings;
  }

  /** What the tree asks of those who change it; `null` while headwater.json is missing or wrong. The same object until it changes. */
  get policy(): Policy | null {
    const { settings } = this;
    this.#policy ??= settings && statedPolicy(settings, this.#signers);
    return this.#policy;
  }

  /** Environments from the root of `extends` down to `env`; empty when it is not declared. */
  chainOf(env: string): readonly string[] {
    return this.#chains.get(env) ?? [];
  }

  /** `.sops.yaml`; `null` when there is none. */
  get sopsRules(): FileState | null {
    return this.#sopsRules;
  }

  /** Findings about names, places and modes, in the order of their files. Those without `service` concern the repository. */
  get structural(): readonly Finding[] {
    this.#structural ??= this.#listStructural();
    return this.#structural;
  }

  /** Declared environments in the order of headwater.json; none while it is missing or wrong. */
  environments(): readonly string[] {
    return [...this.#chains.keys()];
  }

  /** Services present in an environment. A live view: copy it to keep it beyond the next `apply`. */
  services(env: string): ReadonlySet<string> {
    const cached = this.#present.get(env);
    if (cached) return cached;
    const present = new Set<string>();
    for (const service of this.#tree.serviceNames()) if (this.#isPresent(service, env)) present.add(service);
    if (this.#chains.has(env)) this.#present.set(env, present);
    return present;
  }

  /** `null` when the service is not present in the environment. Of a name that occurs twice, the first folder counts. */
  inputs(service: string, env: string): ServiceInputs | null {
    const chain = this.#chains.get(env);
    const [home] = this.#tree.foldersOf(service);
    if (chain === undefined || home === undefined || !this.#isPresent(service, env)) return null;
    return serviceInputs(this.#tree, home, chain);
  }

  /** For reports: looks at every service below each shared file. */
  sharedFiles(): SharedFile[] {
    return [...this.#tree.sharedFolders()].flatMap((folder) => {
      const taken = new Set<string>();
      for (const service of this.#tree.servicesIn(folder)) {
        for (const pointer of this.#tree.schemaOf(service)?.facts.shared ?? []) taken.add(pointer);
      }
      return [...this.#tree.sharedIn(folder)].map(([path, { oid }]) => ({ path, oid, taken }));
    });
  }

  async #prepare({ path, to }: TreeChange): Promise<Step> {
    const role = classifyPath(path);
    const regular = to !== null && (to.mode === '100644' || to.mode === '100755');
    const file: FileState | null = regular ? { mode: to.mode, oid: to.oid } : null;
    const irregular = to !== null && !regular && role.kind !== 'other';
    const bad = irregular ? wrongMode(path, to.mode, role) : to !== null && role.kind === 'bad' ? role : null;
    return {
      path,
      role,
      file,
      bad,
      facts: role.kind === 'schema' && file !== null ? await this.#readFacts(file.oid) : null,
      dataKeys: role.kind === 'secrets' && file !== null ? await this.#readDataKeys(file.oid) : [],
      settings: role.kind === 'settings' ? await readSettings(this.#readBlob, file) : null,
      signers: role.kind === 'allowed-signers' ? await this.#readSigners(file) : null,
    };
  }

  async #readFacts(oid: string): Promise<SchemaFacts> {
    const cached = this.#facts.get(oid);
    if (cached) return cached;
    const bytes = await readWithin(this.#readBlob, oid);
    const facts = bytes === null ? unreadableSchema : readSchemaFacts(bytes);
    this.#facts.set(oid, facts);
    return facts;
  }

  async #readDataKeys(oid: string): Promise<readonly string[]> {
    const cached = this.#dataKeys.get(oid);
    if (cached) return cached;
    const bytes = await readWithin(this.#readBlob, oid);
    const tags = bytes === null ? [] : dataKeyTags(bytes);
    this.#dataKeys.set(oid, tags);
    return tags;
  }

  async #readSigners(file: FileState | null): Promise<SignersFile> {
    if (file === null) return noSigners;
    const signers = this.#signersByOid.get(file.oid) ?? (await readSigners(this.#readBlob, file));
    this.#signersByOid.set(file.oid, signers);
    return { id: `${file.mode} ${file.oid}`, signers };
  }

  #takeSigners(signers: SignersFile): void {
    this.#signers = signers;
    this.#policy = undefined;
  }

  #takeSettings(state: SettingsState): void {
    const { settings } = state;
    this.#settings = state;
    this.#policy = undefined;
    this.#chains = new Map(
      settings?.environments.map(({ name }) => [name, environmentChain(settings, name)]),
    );
    this.#present.clear();
  }

  #refresh(service: string): void {
    const findings = structureOf(this.#tree, service, this.settings === null ? null : this.#chains);
    if (findings.length === 0) this.#structure.delete(service);
    else this.#structure.set(service, findings);
    for (const [env, present] of this.#present) {
      if (this.#isPresent(service, env)) present.add(service);
      else present.delete(service);
    }
  }

  #isPresent(service: string, env: string): boolean {
    const chain = this.#chains.get(env);
    return (
      chain !== undefined && this.#tree.hasService(service) && isMeantFor(this.#tree.schemaOf(service), chain)
    );
  }

  #listStructural(): Finding[] {
    const findings = [...this.#settings.findings, ...this.#signers.signers.findings];
    if (this.policy && isHopeless(this.policy)) findings.push(nobodySigns);
    for (const [path, bad] of this.#tree.badPaths())
      findings.push(badPathFinding(path, bad, this.#tree.ownerOf(bad)));
    for (const folder of this.settings === null ? [] : this.#tree.sharedFolders()) {
      findings.push(...sharedStructure(folder, this.#tree.sharedIn(folder), this.#chains));
    }
    for (const own of this.#structure.values()) findings.push(...own);
    // By code unit, not by locale: every replica lists them alike.
    return findings.sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.pointer < b.pointer ? -1 : 1,
    );
  }
}
