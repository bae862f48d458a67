/** What a judged edit comes to, in the words of the API. */
import type { ServiceChange, SettingProblem } from '@headwater/schemas/http';
import { createBreather } from '../breather.ts';
import type { Finding } from '../core/finding.ts';
import { serviceChange } from '../core/service-change.ts';
import type { CandidateVerdict } from '../gate/candidate-judge.ts';

/** Services that resolve to something else than before, by environment and name. */
export async function changesOf(verdict: CandidateVerdict): Promise<ServiceChange[]> {
  const changes: ServiceChange[] = [];
  const breathe = createBreather();
  for (const [env, services] of verdict.affected) {
    for (const { service, before, after } of services) {
      await breathe();
      const change = serviceChange(env, service, before?.judgement ?? null, after?.judgement ?? null);
      if (change) changes.push(change);
    }
  }
  return changes;
}

/** What is found in several environments is told once, without naming one. */
export function problemsOf(findings: readonly Finding[]): SettingProblem[] {
  const told = new Map<string, SettingProblem>();
  for (const { severity: _, ...problem } of findings) {
    const key = [problem.code, problem.file, problem.pointer, problem.service ?? '', problem.message].join(
      '\n',
    );
    const known = told.get(key);
    if (known === undefined) told.set(key, problem);
    else if (known.env !== problem.env) told.set(key, withoutEnv(known));
  }
  return [...told.values()];
}

function withoutEnv({ env: _, ...problem }: SettingProblem): SettingProblem {
  return problem;
}
