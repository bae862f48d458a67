/** Trees of a config repository held in memory, for tests: paths, content and ids that follow from the content. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FileState, TreeChange } from '../ports.ts';

/** Content of a file: text, bytes, or a value to be written as JSON. `mode` stands in for links and submodules. */
export type Content =
  | string
  | Uint8Array
  | { readonly json: unknown }
  | { readonly mode: string; readonly content: string };

/** Blobs and the tree that names them; `change` moves it and returns what git would report. */
export class MemoryTree {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #files = new Map<string, FileState>();
  /** Ids in the order in which they were read. */
  readonly reads: string[] = [];

  readonly readBlob = async (oid: string, maxBytes: number): Promise<Uint8Array> => {
    this.reads.push(oid);
    const bytes = this.#blobs.get(oid);
    if (!bytes) throw new HeadwaterError('HW_OBJECT_MISSING', { message: `no object ${oid}` });
    if (bytes.length > maxBytes)
      throw new HeadwaterError('HW_FILE_TOO_LARGE', { message: `${bytes.length} bytes` });
    return bytes;
  };

  /** Sets files; `null` removes one. */
  change(files: Readonly<Record<string, Content | null>>): TreeChange[] {
    return Object.entries(files).map(([path, content]) => this.set(path, content));
  }

  set(path: string, content: Content | null): TreeChange {
    const from = this.#files.get(path) ?? null;
    const to = content === null ? null : this.#store(content);
    if (to === null) this.#files.delete(path);
    else this.#files.set(path, to);
    return { path, from, to };
  }

  get files(): ReadonlyMap<string, FileState> {
    return this.#files;
  }

  #store(content: Content): FileState {
    const mode = typeof content === 'object' && 'mode' in content ? content.mode : '100644';
    const bytes = toBytes(content);
    const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    this.#blobs.set(oid, bytes);
    return { mode, oid };
  }
}

function toBytes(content: Content): Uint8Array {
  if (typeof content === 'string') return Buffer.from(content);
  if (content instanceof Uint8Array) return content;
  return Buffer.from('json' in content ? JSON.stringify(content.json, null, 2) : content.content);
}

/** The starter repository with its schemas in place. */
export function starterFiles(): Record<string, string> {
  const root = new URL('../../../', import.meta.url);
  return {
    ...filesBelow(new URL('config-repo/', root), ''),
    ...schemasBelow(new URL('schemas/services/', root)),
  };
}

function filesBelow(folder: URL, prefix: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder)) {
    const url = new URL(name, folder);
    if (statSync(url).isDirectory())
      Object.assign(files, filesBelow(new URL(`${name}/`, folder), `${prefix}${name}/`));
    else if (!name.endsWith('.ts')) files[prefix + name] = readFileSync(url, 'utf8');
  }
  return files;
}

function schemasBelow(folder: URL): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));
  return Object.fromEntries(
    names.map((name) => [`schemas/${name}`, readFileSync(new URL(name, folder), 'utf8')]),
  );
}
