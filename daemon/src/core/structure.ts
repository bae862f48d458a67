/** Findings about names, places and modes: what can be said of a repository without opening its config files. */
import type { FileState } from '../ports.ts';
import type { Finding } from './finding.ts';
import { type BadPath, classifyPath, folderOf, type PathRole } from './layout.ts';
import type { RepoTree, SchemaFile, ServiceFolder } from './repo-tree.ts';
import { didYouMean } from './suggest.ts';

/** Environment → environments from the root of `extends` down to it. */
export type Chains = ReadonlyMap<string, readonly string[]>;

/** True when the schema lets the service run in the environment that `chain` ends in. */
export function isMeantFor(schema: SchemaFile | null, chain: readonly string[]): boolean {
  const listed = schema?.facts.environments ?? null;
  return listed === null || chain.some((env) => listed.includes(env));
}

/** What is wrong with a service's places. @param chains `null` while the environments are unknown. */
export function structureOf(tree: RepoTree, service: string, chains: Chains | null): Finding[] {
  const folders = tree.foldersOf(service);
  const schema = tree.schemaOf(service);
  const findings = [
    ...duplicates(folders),
    ...folders.flatMap((home) => nested(tree, home)),
    ...folders.flatMap((home) => sharedInside(tree, home)),
    ...(schema !== null && folders.length === 0 ? [orphan(schema)] : []),
    ...(chains === null ? [] : folders.flatMap((home) => wrongEnvironments(home, schema, chains))),
    ...(chains === null || schema === null ? [] : unknownEnvironments(schema, chains)),
  ];
  return findings.map((finding) => ({ ...finding, service }));
}

/** Shared files of environments that do not exist. */
export function sharedStructure(
  folder: string,
  files: ReadonlyMap<string, FileState>,
  chains: Chains,
): Finding[] {
  return [...files.keys()].flatMap((path) => {
    const role = classifyPath(path);
    if (role.kind !== 'shared' || role.env === null || chains.has(role.env)) return [];
    return [undeclared(path, role.env, chains, `below ${folder}/`)];
  });
}

/** The finding of a file that is a link, a submodule or something else that is not content. */
export function wrongMode(path: string, mode: string, role: PathRole): BadPath {
  const what = mode === '120000' ? 'a symbolic link' : mode === '160000' ? 'a submodule' : `of mode ${mode}`;
  const service = 'service' in role && role.service !== undefined ? { service: role.service } : {};
  return {
    kind: 'bad',
    severity: 'error',
    code: 'HW_FILE_MODE',
    folder: folderOf(path),
    ...service,
    message: `expected a regular file (mode 100644 or 100755), but it is ${what}`,
    hint: 'Commit the content itself.',
  };
}

export function badPathFinding(path: string, bad: BadPath, service: string | null): Finding {
  const { severity, code, message, hint } = bad;
  return { severity, code, file: path, pointer: '', message, hint, ...(service === null ? {} : { service }) };
}

function duplicates(folders: readonly ServiceFolder[]): Finding[] {
  const [first, ...others] = folders;
  if (first === undefined) return [];
  return others.map(({ service, folder }) => ({
    severity: 'error',
    code: 'HW_SERVICE_DUPLICATE',
    file: folder,
    pointer: '',
    message: `the service "${service}" is also in ${first.folder}`,
    hint: 'A service name occurs once in a repository: rename or remove one of the two.',
  }));
}

function nested(tree: RepoTree, { folder, service }: ServiceFolder): Finding[] {
  const inside = tree.foldersBelow(folder);
  if (inside.size === 0) return [];
  const example = [...inside].sort()[0];
  return [
    {
      severity: 'error',
      code: 'HW_SERVICE_NESTED',
      file: folder,
      pointer: '',
      message: `the folder of the service "${service}" holds another service, ${example}`,
      hint: 'Move one of them, so that neither lies inside the other.',
    },
  ];
}

function sharedInside(tree: RepoTree, { folder }: ServiceFolder): Finding[] {
  return [...tree.sharedIn(folder).keys()].map((path) => ({
    severity: 'error',
    code: 'HW_FILE_UNEXPECTED',
    file: path,
    pointer: '',
    message: 'shared values lie in the folder of a group, not of a service',
    hint: `Put the values into ${folder}/config.json, or move the file up.`,
  }));
}

function orphan(schema: SchemaFile): Finding {
  return {
    severity: 'warning',
    code: 'HW_SCHEMA_ORPHAN',
    file: schema.path,
    pointer: '',
    message: 'no service has this name',
    hint: 'Create services/<service>/config.json, or remove the schema.',
  };
}

/** Files of environments that do not exist, or in which the service never runs. */
function wrongEnvironments(home: ServiceFolder, schema: SchemaFile | null, chains: Chains): Finding[] {
  const used = new Set<string>();
  for (const chain of chains.values()) if (isMeantFor(schema, chain)) for (const env of chain) used.add(env);
  return [...home.files.keys()].flatMap((path): Finding[] => {
    const role = classifyPath(path);
    const env = 'env' in role ? role.env : null;
    if (env === null || used.has(env)) return [];
    return chains.has(env) ? [excluded(path, env)] : [undeclared(path, env, chains, 'of this file')];
  });
}

function excluded(file: string, env: string): Finding {
  return {
    severity: 'error',
    code: 'HW_ENVIRONMENT_EXCLUDED',
    file,
    pointer: '',
    message: `the service's schema excludes the environment "${env}"`,
    hint: 'Remove the file, or add the environment to "environments" in the schema\'s x-hw.',
    env,
  };
}

function undeclared(file: string, env: string, chains: Chains, what: string): Finding {
  return {
    severity: 'error',
    code: 'HW_ENVIRONMENT_UNDECLARED',
    file,
    pointer: '',
    message: `the environment "${env}" ${what} is not declared in headwater.json`,
    hint: didYouMean(env, chains.keys(), 'Declare it, rename the file, or remove it.'),
  };
}

function unknownEnvironments(schema: SchemaFile, chains: Chains): Finding[] {
  return (schema.facts.environments ?? []).flatMap((env, index): Finding[] => {
    if (chains.has(env)) return [];
    return [
      { ...undeclared(schema.path, env, chains, 'of this schema'), pointer: `/x-hw/environments/${index}` },
    ];
  });
}
