import type { ObjectId } from '../../ports.ts';
import { hashObject, isObjectId, type ObjectKind, type RawObject } from './git-objects.ts';
import { type GitChild, spawnGit } from './git-process.ts';
import { corruptObject, missingObject, type ObjectSource, tooLarge } from './object-source.ts';
import type { GitRepository } from './open-repository.ts';

/**
 * Reads objects through two long-lived children: `git cat-file --batch-check` tells the size first, so that `--batch` is never
 * asked to unpack more than is allowed. Both start at the first read and again after they died. Requests are pipelined.
 */
export function createCatFile(repo: GitRepository): ObjectSource {
  const sizes = new BatchChild(repo, '--batch-check');
  const contents = new BatchChild(repo, '--batch');
  return {
    async read(oid, maxBytes) {
      if (!isObjectId(oid, repo.objectFormat))
        throw missingObject(JSON.stringify(oid.slice(0, 80)), 'is no object id');
      const { size } = await sizes.ask(oid);
      if (size > maxBytes) throw tooLarge(oid, maxBytes, size);
      const { kind, content } = await contents.ask(oid);
      if (content.length !== size || hashObject(kind, content, repo.objectFormat) !== oid) {
        throw corruptObject(oid, 'its content does not match its id');
      }
      return { kind, content };
    },
    async close() {
      await Promise.all([sizes.close(), contents.close()]);
    },
  };
}

type Answer = RawObject & { readonly size: number };

interface Request {
  readonly oid: ObjectId;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  attempts: number;
}

/** A child that answers one line per request, in order; with `--batch` followed by the object's content. */
class BatchChild {
  readonly #repo: GitRepository;
  readonly #mode: '--batch' | '--batch-check';
  #child: GitChild | null = null;
  #exited: Promise<void> = Promise.resolve();
  #waiting: Request[] = [];
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Bytes that must have come before it is worth looking again. */
  #needed = 1;
  #closed = false;

  constructor(repo: GitRepository, mode: '--batch' | '--batch-check') {
    this.#repo = repo;
    this.#mode = mode;
  }

  ask(oid: ObjectId): Promise<Answer> {
    if (this.#closed)
      return Promise.reject(missingObject(oid, 'was asked for after the repository was closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ oid, resolve, reject, attempts: 0 });
      const child = this.#child ?? this.#start();
      child.stdin.write(`${oid}\n`);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#child?.stdin.end();
    this.#child?.kill();
    await this.#exited;
  }

  #start(): GitChild {
    const child = spawnGit(this.#repo, ['cat-file', this.#mode]);
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 2000) complaint += chunk.toString('utf8');
    });
    child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#exited = new Promise((resolve) => {
      let ended = false;
      const end = (reason: string) => {
        if (ended) return;
        ended = true;
        this.#ended(reason);
        resolve();
      };
      child.on('error', (error) => end(error.message));
      child.on('close', (code, signal) => end(complaint.trim() || `git ended with ${signal ?? code}`));
    });
    this.#child = child;
    return child;
  }

  /**
   * git gives up at an object it cannot read, and anyone may kill it. The request it was at gets one more try on a new child;
   * the ones behind it were not to blame.
   */
  #ended(reason: string): void {
    this.#child = null;
    this.#chunks = [];
    this.#buffered = 0;
    this.#needed = 1;
    if (this.#closed) {
      for (const { oid, reject } of this.#waiting.splice(0))
        reject(missingObject(oid, 'was not read before closing'));
      return;
    }
    const first = this.#waiting[0];
    if (first !== undefined && ++first.attempts > 1) {
      this.#waiting.shift();
      first.reject(corruptObject(first.oid, reason));
    }
    if (this.#waiting.length === 0) return;
    const child = this.#start();
    for (const request of this.#waiting) child.stdin.write(`${request.oid}\n`);
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#needed) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      const used = this.#answer(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#buffered = bytes.length;
  }

  /** Answers the first request from `bytes`; returns how many it took, 0 when they do not suffice yet. */
  #answer(bytes: Buffer): number {
    this.#needed = bytes.length + 1;
    const lineEnd = bytes.indexOf(0x0a);
    const request = this.#waiting[0];
    if (lineEnd < 0 || request === undefined) return 0;
    const line = bytes.toString('latin1', 0, lineEnd);
    const found = /^[0-9a-f]+ (commit|tree|blob|tag) (\d+)$/.exec(line);
    const size = Number(found?.[2] ?? 0);
    const start = lineEnd + 1;
    if (found !== null && this.#mode === '--batch') {
      this.#needed = start + size + 1;
      if (bytes.length < this.#needed) return 0;
    }
    this.#waiting.shift();
    if (found === null) {
      request.reject(
        line.endsWith(' missing') ? missingObject(request.oid) : corruptObject(request.oid, line),
      );
      return start;
    }
    const kind = found[1] as ObjectKind;
    if (this.#mode === '--batch-check') {
      request.resolve({ kind, size, content: Buffer.alloc(0) });
      return start;
    }
    // Copied: a kept slice would hold the whole chunk it came in.
    request.resolve({ kind, size, content: Buffer.from(bytes.subarray(start, start + size)) });
    return start + size + 1;
  }
}
