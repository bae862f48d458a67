import type { Finding } from './finding.ts';
import type { ServiceInputs } from './inputs.ts';
import type { Judge } from './judge.ts';
import type { RepoIndex } from './repo-index.ts';

/**
 * Every finding of a tree: structure, shared files, and every service in every environment; sorted by file and line. What is found in
 * several environments is told once, without naming one.
 */
export async function validateTree(index: RepoIndex, judge: Judge): Promise<Finding[]> {
  const groups = new Map<string, Finding[]>();
  const add = (finding: Finding): void => {
    const key = [finding.file, finding.pointer, finding.code, finding.service ?? '', finding.message].join(
      '\n',
    );
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  };
  for (const finding of index.structural) add(finding);
  for (const finding of await judge.judgeShared(index.sharedFiles())) add(finding);
  const all = [...eachInputs(index)];
  for (let start = 0; start < all.length; start += judgedAtOnce) {
    const judgements = await Promise.all(
      all.slice(start, start + judgedAtOnce).map((inputs) => judge.judge(inputs)),
    );
    for (const { findings } of judgements) findings.forEach(add);
  }
  return [...groups.values()].map(merge).sort(byPlace);
}

/** Enough that this thread and the validation worker are both busy. */
const judgedAtOnce = 32;

function* eachInputs(index: RepoIndex): Generator<ServiceInputs> {
  for (const env of index.environments()) {
    for (const service of index.services(env)) {
      const inputs = index.inputs(service, env);
      if (inputs !== null) yield inputs;
    }
  }
}

/** Found in one environment: that one is named. Found in several: it does not depend on the environment. */
function merge(group: readonly Finding[]): Finding {
  const [first] = group as [Finding, ...Finding[]];
  if (group.length === 1) return first;
  const { env: _, ...rest } = first;
  return rest;
}

function byPlace(a: Finding, b: Finding): number {
  return (
    compare(a.file, b.file) ||
    (a.line ?? 0) - (b.line ?? 0) ||
    compare(a.pointer, b.pointer) ||
    compare(a.code, b.code)
  );
}

// By code unit, not by locale: every machine lists them alike.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
