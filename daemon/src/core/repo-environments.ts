/** The environments that `headwater.json` declares. */
import {
  type ErrorCode,
  formatPointer,
  isName,
  isObject,
  type JsonObject,
  type JsonValue,
} from '@headwater/schemas/protocol';
import { closest, didYouMean } from './suggest.ts';

export interface EnvironmentSettings {
  readonly name: string;
  /** Environment whose overlays apply before this one's; `null` = none. */
  readonly extends: string | null;
}

/** More would make one commit cost minutes: every service is judged in every environment. */
export const maxEnvironments = 1000;
/** Environments from a root of `extends` to a leaf. */
export const maxChain = 16;

/** Takes one thing that is wrong. Default code `HW_REPO_SETTINGS`. */
export type Report = (pointer: string, message: string, hint: string, code?: ErrorCode) => void;

/** The declared environments; what is wrong with them goes to `report`. */
export function readEnvironments(value: JsonValue | undefined, report: Report): EnvironmentSettings[] {
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

/** Names of protected environments. */
export function readProtected(
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

/** Reports members that nobody knows. */
export function refuseUnknown(
  value: JsonObject,
  known: readonly string[],
  pointer: string,
  report: Report,
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = closest(key, known);
    const hint = near === null ? `Known here: ${known.join(', ')}.` : `Did you mean "${near}"?`;
    report(pointer + formatPointer([key]), `${show(key)} is not a setting of a repository`, hint);
  }
}

/** A value as people wrote it, shortened. */
export function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export const nameHint =
  'Use a lower-case letter, then lower-case letters, digits and "-", 63 characters at most; some names are reserved.';
