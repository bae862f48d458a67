import type { FileState } from '../ports.ts';
import type { LayerFile, ServiceInputs } from './inputs.ts';
import { foldersAbove, type RepoTree, type ServiceFolder } from './repo-tree.ts';

/** The files that (service, environment) is made of. @param chain Environments from the root of `extends` down to the environment. */
export function serviceInputs(tree: RepoTree, home: ServiceFolder, chain: readonly string[]): ServiceInputs {
  const { service, folder, files } = home;
  const env = chain[chain.length - 1] ?? '';
  const schemaFile = tree.schemaOf(service);
  const schema = schemaFile && { path: schemaFile.path, mode: schemaFile.mode, oid: schemaFile.oid };
  const layers = [
    ...(schemaFile && schemaFile.facts.shared.length > 0 ? sharedLayers(tree, folder, chain) : []),
    ...layersOf(files, folder, 'config', chain),
  ];
  const secrets = layersOf(files, folder, 'secrets', chain);
  const recipients = nearestRecipients(files, folder, chain);
  const key = [
    // The number in "headwater": other rules would make other config of the same files.
    `1 ${service} ${folder} ${chain.join('>')}`,
    schema === null ? '-' : describe('schema', schema),
    ...layers.map((file) => describe('config', file)),
    ...secrets.map((file) => describe('secrets', file)),
    ...(recipients === null ? [] : [describe('recipients', recipients)]),
  ].join('\n');
  const creationRules = secrets.length > 0 ? tree.creationRules : null;
  const copies = copiesOf(tree, secrets);
  const beside = [
    ...(creationRules === null ? [] : [describe('rules', { path: '.sops.yaml', ...creationRules })]),
    ...[...copies].map(([path, other]) => `copy ${path} ${other}`),
  ];
  // The very same text where nothing is beside it: there are ten thousands of them.
  const verdictKey = beside.length === 0 ? key : [key, ...beside].join('\n');
  return {
    ...{ service, env, chain, folder, schema, layers, secrets, recipients, key },
    ...{ creationRules, copies, verdictKey },
  };
}

function copiesOf(tree: RepoTree, secrets: readonly LayerFile[]): ReadonlyMap<string, string> {
  if (secrets.length === 0) return noCopies;
  return new Map(
    secrets.flatMap(({ path }) => {
      const other = tree.copyOf(path);
      return other === null ? [] : [[path, other] as const];
    }),
  );
}

const noCopies: ReadonlyMap<string, string> = new Map();

function sharedLayers(tree: RepoTree, folder: string, chain: readonly string[]): LayerFile[] {
  return foldersAbove(folder).flatMap((above) => {
    const files = tree.sharedIn(above);
    if (files.size === 0) return [];
    const own = layer(files, `${above}/shared.json`, 'shared');
    return [...own, ...chain.flatMap((env) => layer(files, `${above}/shared.${env}.json`, `shared.${env}`))];
  });
}

function layersOf(
  files: ReadonlyMap<string, FileState>,
  folder: string,
  stem: 'config' | 'secrets',
  chain: readonly string[],
): LayerFile[] {
  const base = layer(files, `${folder}/${stem}.json`, 'base');
  return [...base, ...chain.flatMap((env) => layer(files, `${folder}/${stem}.${env}.json`, env))];
}

function nearestRecipients(
  files: ReadonlyMap<string, FileState>,
  folder: string,
  chain: readonly string[],
): LayerFile | null {
  for (const env of [...chain].reverse()) {
    const [own] = layer(files, `${folder}/recipients.${env}.txt`, env);
    if (own) return own;
  }
  return layer(files, `${folder}/recipients.txt`, 'base')[0] ?? null;
}

function layer(files: ReadonlyMap<string, FileState>, path: string, name: string): LayerFile[] {
  const file = files.get(path);
  return file === undefined ? [] : [{ path, layer: name, mode: file.mode, oid: file.oid }];
}

function describe(kind: string, file: FileState & { readonly path: string }): string {
  return `${kind} ${file.mode} ${file.oid} ${file.path}`;
}
