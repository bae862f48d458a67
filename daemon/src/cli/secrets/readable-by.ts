/**
 * What somebody could read: every value that stood in a secrets file while one of their keys opened it, and that is still in use. Taking
 * a key away does not take back what was read, so these are the values to change.
 */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { dataKeyTags } from '../../core/data-key-index.ts';
import { classifyPath } from '../../core/layout.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import { recipientNames } from '../../core/recipient-names.ts';
import { parseRecipients } from '../../core/recipients.ts';
import type { RepoIndex } from '../../core/repo-index.ts';
import type { CommitId, ObjectId } from '../../ports.ts';
import type { Identity } from '../../secrets/age/identity.ts';
import { openSopsFile } from '../../secrets/sops/open-sops-file.ts';
import { parseSopsFile, type SopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { sealedValues } from '../../secrets/sops/sealed-values.ts';
import type { ConfigRepository } from '../config-repository.ts';

export interface ReadableValue {
  readonly file: string;
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly pointer: string;
  /** `known`: the value in use is one that they could read. `unknown`: it was encrypted anew since, and no key here tells whether it changed. */
  readonly status: 'known' | 'unknown';
  /** Newest commit in which they could read it. */
  readonly commit: CommitId;
}

export interface Readable {
  /** Public keys that the name stands for. */
  readonly keys: readonly string[];
  /** Files that they can open as the repository is now. */
  readonly opensNow: readonly string[];
  readonly values: readonly ReadableValue[];
}

/** One version of a file on the first-parent line. Positions count from 0, the newest commit. */
interface Version {
  readonly oid: ObjectId;
  readonly commit: CommitId;
  /** Position of the commit that brought it. */
  readonly from: number;
  /** Position of the commit that replaced it; -1: it stands there now. */
  readonly until: number;
}

type Histories = ReadonlyMap<string, readonly Version[]>;

/**
 * @param who A public key, or a name as comments of `.sops.yaml` and recipients files give it, at any time of the history.
 * @param identities With keys that open the files it is told which values changed since.
 */
export async function readableBy(
  repository: ConfigRepository,
  who: string,
  identities: readonly Identity[],
): Promise<Readable> {
  const histories = await historiesOf(repository);
  const blobs = new Map<ObjectId, Uint8Array>();
  const read = async (oid: ObjectId): Promise<Uint8Array> => {
    const known = blobs.get(oid) ?? (await repository.reader.readBlob(oid, maxFileBytes));
    blobs.set(oid, known);
    return known;
  };
  const keys = await keysOf(who, histories, read);
  const index = await repository.index();
  const delivered = await deliveredTo(keys, histories, read);
  const opensNow: string[] = [];
  const values: ReadableValue[] = [];
  for (const [path, versions] of histories) {
    const role = classifyPath(path);
    const [now] = versions;
    if (role.kind !== 'secrets' || now === undefined || now.until >= 0) continue;
    const readable = await readableVersions(keys, versions, read);
    if (readable.has(now)) opensNow.push(path);
    for (const version of versions)
      if (delivered.some((one) => concerns(one, role, index) && overlap(one, version))) readable.add(version);
    const current = tryParse(await read(now.oid));
    if (readable.size === 0 || current === null) continue;
    const place = { file: path, service: role.service, layer: role.env ?? 'base' };
    for (const found of await stillInUse(now, current, [...readable], read, identities))
      values.push({ ...place, ...found });
  }
  return { keys: [...keys], opensNow, values };
}

/** Every version of the files that matter, newest first. */
async function historiesOf({ reader, tip }: ConfigRepository): Promise<Histories> {
  const histories = new Map<string, Version[]>();
  if (tip === null) return histories;
  const replacedAt = new Map<string, number>();
  let position = 0;
  for await (const { commit, changes } of reader.firstParentLog(tip)) {
    for (const { path, to } of changes) {
      if (!['secrets', 'recipients', 'sops-rules'].includes(classifyPath(path).kind)) continue;
      const versions = histories.get(path) ?? [];
      const until = replacedAt.get(path) ?? -1;
      if (to !== null) versions.push({ oid: to.oid, commit: commit.id, from: position, until });
      histories.set(path, versions);
      replacedAt.set(path, position);
    }
    position += 1;
  }
  return histories;
}

async function keysOf(
  who: string,
  histories: Histories,
  read: (oid: ObjectId) => Promise<Uint8Array>,
): Promise<ReadonlySet<string>> {
  if (/^age1[02-9a-z]+$/.test(who)) return new Set([who]);
  const keys = new Set<string>();
  for (const [path, versions] of histories) {
    if (classifyPath(path).kind === 'secrets') continue;
    for (const { oid } of versions) {
      for (const [key, name] of recipientNames(Buffer.from(await read(oid)).toString('utf8')))
        if (name.toLowerCase() === who.toLowerCase()) keys.add(key);
    }
  }
  return keys;
}

/** Versions that a key opened, and those that have the same data key: whoever wrote it down opens these as well. */
async function readableVersions(
  keys: ReadonlySet<string>,
  versions: readonly Version[],
  read: (oid: ObjectId) => Promise<Uint8Array>,
): Promise<Set<Version>> {
  const facts = await Promise.all(
    versions.map(async (version) => {
      const bytes = await read(version.oid);
      const file = tryParse(bytes);
      const isFor = file?.metadata.age.some(({ recipient }) => keys.has(recipient)) ?? false;
      return { version, isFor, tags: dataKeyTags(bytes) };
    }),
  );
  const readable = new Set(facts.filter(({ isFor }) => isFor).map(({ version }) => version));
  const tags = new Set(facts.filter(({ isFor }) => isFor).flatMap((one) => one.tags));
  // A chain: a version that shares one wrapping with a readable one may share another one with the next.
  for (let grows = true; grows; ) {
    grows = false;
    for (const { version, tags: own } of facts) {
      if (readable.has(version) || !own.some((tag) => tags.has(tag))) continue;
      readable.add(version);
      for (const tag of own) tags.add(tag);
      grows = true;
    }
  }
  return readable;
}

/** When a key was a recipient of a running service, which got the secrets sealed. */
interface Delivered extends Pick<Version, 'from' | 'until'> {
  readonly service: string;
  readonly env: string | null;
}

async function deliveredTo(
  keys: ReadonlySet<string>,
  histories: Histories,
  read: (oid: ObjectId) => Promise<Uint8Array>,
): Promise<readonly Delivered[]> {
  const delivered: Delivered[] = [];
  for (const [path, versions] of histories) {
    const role = classifyPath(path);
    if (role.kind !== 'recipients') continue;
    for (const { oid, from, until } of versions) {
      const { recipients } = parseRecipients(Buffer.from(await read(oid)).toString('utf8'));
      if (recipients.some((key) => keys.has(key)))
        delivered.push({ service: role.service, env: role.env, from, until });
    }
  }
  return delivered;
}

/** A recipients file serves its environment and those that extend it; they get the values of every layer below. */
function concerns(
  { service, env }: Delivered,
  file: { readonly service: string; readonly env: string | null },
  index: RepoIndex,
): boolean {
  if (file.service !== service) return false;
  if (env === null || file.env === null) return true;
  const served = index.environments().filter((one) => index.chainOf(one).includes(env));
  return [env, ...served].some((one) => index.chainOf(one).includes(file.env as string));
}

/** A smaller number is newer. */
const overlap = (a: Pick<Version, 'from' | 'until'>, b: Pick<Version, 'from' | 'until'>): boolean =>
  a.from > b.until && b.from > a.until;

async function stillInUse(
  now: Version,
  current: SopsFile,
  readable: readonly Version[],
  read: (oid: ObjectId) => Promise<Uint8Array>,
  identities: readonly Identity[],
): Promise<Pick<ReadableValue, 'pointer' | 'status' | 'commit'>[]> {
  const sealed = sealedValues(current);
  const values = await valuesIn(current, identities);
  const found = new Map<string, Pick<ReadableValue, 'pointer' | 'status' | 'commit'>>();
  for (const version of [...readable].sort((a, b) => a.from - b.from)) {
    const file = version === now ? current : tryParse(await read(version.oid));
    if (file === null) continue;
    const before = sealedValues(file);
    const known = await valuesIn(file, identities);
    for (const [pointer, text] of sealed) {
      if (!before.has(pointer) || found.get(pointer)?.status === 'known') continue;
      const isSame = before.get(pointer) === text || version === now;
      const comparable = values !== null && known !== null;
      if (!isSame && comparable && values.get(pointer) !== known.get(pointer)) continue;
      const status = isSame || comparable ? 'known' : 'unknown';
      if (status === 'known' || !found.has(pointer))
        found.set(pointer, { pointer, status, commit: version.commit });
    }
  }
  return [...found.values()];
}

/** `null` when no key here opens it. */
async function valuesIn(
  file: SopsFile,
  identities: readonly Identity[],
): Promise<ReadonlyMap<string, string> | null> {
  if (identities.length === 0) return null;
  try {
    using opened = await openSopsFile(file, { identities });
    return opened.values;
  } catch (error) {
    if (isHeadwaterError(error)) return null;
    throw error;
  }
}

function tryParse(bytes: Uint8Array): SopsFile | null {
  try {
    return parseSopsFile(bytes);
  } catch (error) {
    if (isHeadwaterError(error)) return null; // a broken version of the past opened for nobody
    throw error;
  }
}
