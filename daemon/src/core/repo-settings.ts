/** `headwater.json`: the settings of a config repository. */
import {
  type ErrorCode,
  isName,
  isObject,
  type JsonObject,
  type JsonValue,
} from '@headwater/schemas/protocol';
import type { Finding } from './finding.ts';
import { createLocator, parseConfig } from './parse-config.ts';
import { closest, didYouMean } from './suggest.ts';

export interface EnvironmentSettings {
  readonly name: string;
  /** Environment whose overlays apply before this one's; `null` = none. */
  readonly extends: string | null;
}

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

/** More would make one commit cost minutes: every service is judged in every environment. */
export const maxEnvironments = 1000;
/** Environments from a root of `extends` to a leaf. */
export const maxChain = 16;

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

type Report = (pointer: string, message: string, hint: string, code?: ErrorCode) => void;

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

function readEnvironments(value: JsonValue | undefined, report: Report): EnvironmentSettings[] {
  if (!Array.isArray(value) || value.length === 0) {
    report(
      '/environments',
      'expected a list of environments',
      'Write for example "environments": ["dev", "prod"].',
    );
    return [];
  }
  if (value.length > maxEnvironments) {
    report(
      '/environments',
      `expected at most ${maxEnvironments} environments, got ${value.length}`,
      'Use fewer.',
    );
    return [];
  }
  const entries = value.map((item: JsonValue, index) =>
    readEnvironment(item, `/environments/${index}`, report),
  );
  const names = new Set<string>();
  entries.forEach((entry, index) => {
    if (entry === null) return;
    if (names.has(entry.name)) {
      report(
        `/environments/${index}`,
        `the environment "${entry.name}" is declared twice`,
        'Remove one of the two.',
      );
    }
    names.add(entry.name);
  });
  checkParents(entries, names, report);
  return entries.filter((entry) => entry !== null);
}

function readEnvironment(item: JsonValue, pointer: string, report: Report): EnvironmentSettings | null {
  if (isObject(item)) refuseUnknown(item, ['name', 'extends'], pointer, report);
  const name = isObject(item) ? item.name : item;
  if (typeof name !== 'string' || !isName(name)) {
    report(pointer, `${show(name)} is not an environment name`, nameHint);
    return null;
  }
  const parent = isObject(item) ? item.extends : undefined;
  if (parent === undefined) return { name, extends: null };
  if (typeof parent === 'string') return { name, extends: parent };
  report(`${pointer}/extends`, `expected the name of an environment, got ${show(parent)}`, nameHint);
  return null;
}

function checkParents(
  entries: readonly (EnvironmentSettings | null)[],
  names: ReadonlySet<string>,
  report: Report,
): void {
  const parents = new Map(
    entries.flatMap((entry) => (entry === null ? [] : [[entry.name, entry.extends] as const])),
  );
  entries.forEach((entry, index) => {
    if (entry === null || entry.extends === null) return;
    const pointer = `/environments/${index}/extends`;
    if (!names.has(entry.extends)) {
      const hint = didYouMean(entry.extends, names, 'Declare it in the list, or extend another one.');
      report(
        pointer,
        `"${entry.name}" extends ${show(entry.extends)}, which is not declared`,
        hint,
        'HW_ENVIRONMENT_UNDECLARED',
      );
      return;
    }
    let steps = 1;
    for (
      let at: string | null = entry.name;
      at !== null && steps <= maxChain + 1;
      at = parents.get(at) ?? null
    )
      steps++;
    if (steps <= maxChain + 1) return;
    const hint = `Let one of them extend nothing. Chains have at most ${maxChain} environments.`;
    report(pointer, `"${entry.name}" extends itself, or too many others`, hint, 'HW_ENVIRONMENT_CYCLE');
  });
}

function readProtected(
  value: JsonValue | undefined,
  environments: readonly EnvironmentSettings[],
  report: Report,
): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    report(
      '/protected',
      `expected a list of environments, got ${show(value)}`,
      'Write for example "protected": ["prod"].',
    );
    return [];
  }
  const names = new Set(environments.map((entry) => entry.name));
  value.forEach((item: JsonValue, index) => {
    if (typeof item === 'string' && names.has(item)) return;
    const hint = didYouMean(String(item), names, 'List environments declared in "environments".');
    report(
      `/protected/${index}`,
      `${show(item)} is not a declared environment`,
      hint,
      'HW_ENVIRONMENT_UNDECLARED',
    );
  });
  return value.filter((item) => typeof item === 'string');
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

function refuseUnknown(value: JsonObject, known: readonly string[], pointer: string, report: Report): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = closest(key, known);
    const hint = near === null ? `Known here: ${known.join(', ')}.` : `Did you mean "${near}"?`;
    report(
      `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      `${show(key)} is not a setting of a repository`,
      hint,
    );
  }
}

function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const nameHint =
  'Use a lower-case letter, then lower-case letters, digits and "-", 63 characters at most; some names are reserved.';
