import type { Finding } from '../core/finding.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { Structure } from './environment-track.ts';
import { allowedRemovals } from './removal-guard.ts';

/** What must hold of a repository beyond its files: its deployment never changes after the first epoch. */
export interface RepositoryRules {
  /** `null` while it is not yet known. */
  readonly deployment: string | null;
}

/** Sorts the structural errors of a commit by whom they hold. */
export function structureOf(index: RepoIndex, message: string, rules: RepositoryRules): Structure {
  const blocking: Finding[] = [];
  const byService = new Map<string, Finding[]>();
  for (const finding of index.structural) {
    if (finding.severity !== 'error') continue;
    if (finding.service === undefined) blocking.push(finding);
    else byService.set(finding.service, [...(byService.get(finding.service) ?? []), finding]);
  }
  const { settings } = index;
  if (settings && rules.deployment !== null && settings.deployment !== rules.deployment) {
    blocking.push(deploymentFinding(rules.deployment, settings.deployment));
  }
  return {
    blocking,
    byService,
    atomicity: settings?.atomicity ?? null,
    allowedRemovals: allowedRemovals(message),
  };
}

function deploymentFinding(expected: string, actual: string): Finding {
  return {
    severity: 'error',
    code: 'HW_DEPLOYMENT_CHANGED',
    file: 'headwater.json',
    pointer: '/deployment',
    message: `the deployment is "${actual}", expected "${expected}"`,
    hint: 'A deployment keeps its name for ever: keys, topics and caches carry it. Put the old name back.',
  };
}
