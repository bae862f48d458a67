/** One reason why a push is refused, as the pusher reads it. */
import type { ErrorCode } from '@headwater/schemas/protocol';
import type { Finding } from '../core/finding.ts';

export interface PushProblem {
  readonly code: ErrorCode;
  /** File, ref or object that it is about. */
  readonly place: string;
  readonly line?: number;
  /** JSON Pointer inside the file; "" for the whole file. */
  readonly pointer?: string;
  /** Environments in which it shows; empty when it does not depend on one. */
  readonly envs: readonly string[];
  readonly message: string;
  readonly hint: string;
}

/** Findings, each told once however many environments it shows in, in the order of their places. */
export function problemsOf(findings: readonly Finding[]): PushProblem[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { file, pointer, code, service, message } = finding;
    const key = [file, pointer, code, service ?? '', message].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].map(merge).sort(byPlace);
}

function merge(group: readonly Finding[]): PushProblem {
  const { code, file, line, pointer, message, hint } = group[0] as Finding;
  const envs = group.flatMap(({ env }) => (env === undefined ? [] : [env]));
  return { code, place: file, ...(line === undefined ? {} : { line }), pointer, envs, message, hint };
}

// By code unit, not by locale: everybody reads them in the same order.
function byPlace(a: PushProblem, b: PushProblem): number {
  if (a.place !== b.place) return a.place < b.place ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}
