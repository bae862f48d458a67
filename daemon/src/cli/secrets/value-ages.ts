/** When each secret got the value that it has: the newest commit that changed it in its file. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { classifyPath } from '../../core/layout.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import type { CommitId, ObjectId } from '../../ports.ts';
import type { Identity } from '../../secrets/age/identity.ts';
import { openSopsFile } from '../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { sealedValues } from '../../secrets/sops/sealed-values.ts';
import type { ConfigRepository } from '../config-repository.ts';

export interface ValueAge {
  readonly file: string;
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly pointer: string;
  /** RFC 3339, by the committer's clock. */
  readonly since: string;
  readonly commit: CommitId;
  /** False: it was encrypted anew then, and no key here tells whether the value changed, too. */
  readonly sure: boolean;
}

/** Oldest first. @param identities With keys that open the files, a new data key does not count as a new value. */
export async function valueAges(
  repository: ConfigRepository,
  identities: readonly Identity[],
): Promise<readonly ValueAge[]> {
  const { reader, tip } = repository;
  const open = new Map<string, Map<string, Pending>>();
  const ages: ValueAge[] = [];
  for (const { path, oid } of await repository.files()) {
    if (classifyPath(path).kind !== 'secrets') continue;
    const version = await read(oid);
    const pending = [...version.sealed].map(
      ([pointer, sealed]) => [pointer, { sealed, value: version.values?.get(pointer) }] as const,
    );
    open.set(path, new Map(pending));
  }
  if (tip === null) return ages;
  for await (const { commit, changes } of reader.firstParentLog(tip)) {
    for (const { path, from } of changes) {
      const pending = open.get(path);
      if (pending === undefined) continue;
      const before = from === null ? nothing : await read(from.oid);
      for (const [pointer, { sealed, value }] of pending) {
        if (before.sealed.get(pointer) === sealed) continue;
        const known = before.values?.get(pointer);
        // The same value under another data key: it is older than this commit.
        if (value !== undefined && known === value) {
          pending.set(pointer, { sealed: before.sealed.get(pointer) ?? '', value });
          continue;
        }
        const role = classifyPath(path);
        if (role.kind !== 'secrets') continue;
        ages.push({
          ...{ file: path, service: role.service, layer: role.env ?? 'base', pointer, commit: commit.id },
          since: new Date(commit.committer.time * 1000).toISOString(),
          sure: !before.sealed.has(pointer) || (value !== undefined && known !== undefined),
        });
        pending.delete(pointer);
      }
      if (pending.size === 0) open.delete(path);
    }
    if (open.size === 0) break;
  }
  return ages.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));

  async function read(oid: ObjectId): Promise<Version> {
    try {
      const file = parseSopsFile(await reader.readBlob(oid, maxFileBytes));
      const values = identities.length === 0 ? null : await valuesIn(file, identities);
      return { sealed: sealedValues(file), values };
    } catch (error) {
      if (isHeadwaterError(error)) return nothing; // a broken version of the past
      throw error;
    }
  }
}

interface Version {
  readonly sealed: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, string> | null;
}

/** A value whose beginning is still looked for. */
interface Pending {
  readonly sealed: string;
  readonly value: string | undefined;
}

const nothing: Version = { sealed: new Map(), values: null };

async function valuesIn(
  file: ReturnType<typeof parseSopsFile>,
  identities: readonly Identity[],
): Promise<ReadonlyMap<string, string> | null> {
  try {
    using opened = await openSopsFile(file, { identities });
    return opened.values;
  } catch (error) {
    if (isHeadwaterError(error)) return null;
    throw error;
  }
}
