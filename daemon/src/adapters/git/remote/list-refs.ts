/**
 * Asks a host over HTTP for some refs and for nothing else. `git ls-remote` always lists every ref that the host has, and large hosts
 * have two for each pull request there ever was; the second version of git's protocol can name what is wanted, and git's own helper
 * for HTTP carries it.
 */
import type { CommitId } from '../../../ports.ts';
import { isObjectId, type ObjectFormat } from '../git-objects.ts';
import { matchesRef } from './ref-patterns.ts';
import type { RemoteDialogue } from './remote-process.ts';

export interface RefList {
  /** What the helper is told, step by step. */
  readonly dialogue: RemoteDialogue;
  /** Tips by name; `null` when the host does not speak this version, or said something else. */
  read(output: Buffer): ReadonlyMap<string, CommitId> | null;
}

/** @param refs Full names; one that ends in "/*" stands for all below it. */
export function listRefs(refs: readonly string[], format: ObjectFormat): RefList {
  return {
    dialogue: {
      opening: 'stateless-connect git-upload-pack\n',
      // Not sooner: the helper would take the request for its next command.
      next: (output) => (capabilitiesEnd(output) === null ? null : request(refs, format)),
    },
    read(output) {
      const start = capabilitiesEnd(output);
      const lines = start === null ? null : packets(output, start)?.lines;
      if (!lines) return null;
      const tips = new Map<string, CommitId>();
      for (const line of lines) {
        const [id = '', ref = ''] = line.replace(/\n$/, '').split(' ');
        if (isObjectId(id) && matchesRef(ref, refs)) tips.set(ref, id);
      }
      return tips;
    },
  };
}

/** Where the answer begins, once the helper connected ("\n") and the host told what it can. */
function capabilitiesEnd(output: Buffer): number | null {
  if (output[0] !== 0x0a) return null;
  const told = packets(output, 1);
  return told?.lines[0] === 'version 2\n' ? told.end : null;
}

function request(refs: readonly string[], format: ObjectFormat): Buffer {
  const capabilities = format === 'sha1' ? [] : [`object-format=${format}`];
  const prefixes = refs.map((ref) => `ref-prefix ${ref.replace(/\*$/, '')}\n`);
  return Buffer.concat([
    ...['command=ls-refs\n', ...capabilities].map(packet),
    Buffer.from('0001'),
    ...prefixes.map(packet),
    Buffer.from('0000'),
  ]);
}

function packet(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

/** The packets from `start` up to the one that ends them; `null` when that has not come. */
function packets(output: Buffer, start: number): { readonly lines: string[]; readonly end: number } | null {
  const lines: string[] = [];
  for (let at = start; at + 4 <= output.length; ) {
    const digits = output.toString('latin1', at, at + 4);
    if (digits === '0000') return { lines, end: at + 4 };
    const length = /^[0-9a-f]{4}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
    if (length < 4 || at + length > output.length) return null;
    lines.push(output.toString('utf8', at + 4, at + length));
    at += length;
  }
  return null;
}
