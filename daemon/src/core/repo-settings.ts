/** `headwater.json`: the settings of a config repository. */
import { isName, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import type { Finding } from './finding.ts';
import { createLocator, parseConfig } from './parse-config.ts';
import {
  type EnvironmentSettings,
  nameHint,
  type Report,
  readEnvironments,
  readProtected,
  refuseUnknown,
  show,
} from './repo-environments.ts';
import { didYouMean } from './suggest.ts';

export interface RepoSettings {
  /** Names the resolution rules, which never change under one number. */
  readonly headwater: 1;
  readonly deployment: string;
  /** In the order of the file. */
  readonly environments: readonly EnvironmentSettings[];
  /** Default none. */
  readonly protected: readonly string[];
  /** Default "headwater". */
  readonly review: 'headwater' | 'forge';
  /** Default "off". */
  readonly signedCommits: 'off' | 'warn' | 'require';
  /** Default "environment". */
  readonly atomicity: 'environment' | 'service';
}

export const settingsPath = 'headwater.json';

/** Parses `headwater.json`. Every finding is an error about that file. */
export function parseRepoSettings(
  bytes: Uint8Array,
): { readonly settings: RepoSettings } | { readonly findings: readonly Finding[] } {
  const parsed = parseConfig(bytes);
  if ('problem' in parsed)
    return { findings: [{ severity: 'error', file: settingsPath, ...parsed.problem }] };
  const locate = createLocator(bytes);
  const findings: Finding[] = [];
  const report: Report = (pointer, message, hint, code = 'HW_REPO_SETTINGS') => {
    const line = locate(pointer);
    findings.push({
      severity: 'error',
      code,
      file: settingsPath,
      pointer,
      ...(line ? { line } : {}),
      message,
      hint,
    });
  };
  const settings = readFields(parsed.value, report);
  return findings.length > 0 || settings === null ? { findings } : { settings };
}

/** Environments from the root of `extends` down to `env`; empty when the environment is not declared. */
export function environmentChain(settings: RepoSettings, env: string): readonly string[] {
  const byName = new Map(settings.environments.map((entry) => [entry.name, entry]));
  const chain: string[] = [];
  for (
    let at = byName.get(env);
    at !== undefined;
    at = at.extends === null ? undefined : byName.get(at.extends)
  ) {
    chain.unshift(at.name);
  }
  return chain;
}

const fields = [
  'headwater',
  'deployment',
  'environments',
  'protected',
  'review',
  'signedCommits',
  'atomicity',
] as const;

function readFields(value: JsonObject, report: Report): RepoSettings | null {
  if (value.headwater !== 1) {
    const hint = 'Write "headwater": 1. A higher number needs a newer Headwater.';
    report('/headwater', `expected the number 1, got ${show(value.headwater)}`, hint);
    return null; // under another number the other fields may mean something else
  }
  refuseUnknown(value, fields, '', report);
  if (!isName(String(value.deployment)) || typeof value.deployment !== 'string') {
    report('/deployment', `${show(value.deployment)} is not a deployment name`, nameHint);
  }
  const environments = readEnvironments(value.environments, report);
  return {
    headwater: 1,
    deployment: String(value.deployment),
    environments,
    protected: readProtected(value.protected, environments, report),
    review: choose(value.review, 'review', ['headwater', 'forge'], report),
    signedCommits: choose(value.signedCommits, 'signedCommits', ['off', 'warn', 'require'], report),
    atomicity: choose(value.atomicity, 'atomicity', ['environment', 'service'], report),
  };
}

function choose<Choice extends string>(
  value: JsonValue | undefined,
  field: string,
  choices: readonly [Choice, ...Choice[]],
  report: Report,
): Choice {
  if (value === undefined) return choices[0];
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  const list = choices.map((choice) => `"${choice}"`).join(', ');
  report(
    `/${field}`,
    `expected one of ${list}, got ${show(value)}`,
    didYouMean(String(value), choices, 'Use one of them.'),
  );
  return choices[0];
}
