/** A secrets file of a config repository on this machine: where it lies, what it holds, who may open it. */
import { resolve } from 'node:path';
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import { openRepository } from '../../adapters/git/open-repository.ts';
import { createPolicyReader } from '../../core/creation-policy.ts';
import { maxFileBytes } from '../../core/parse-config.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { SopsPolicy } from '../../secrets/sops/check-structure.ts';
import { type ConfigRepository, openConfigRepository } from '../config-repository.ts';
import type { CliContext } from '../context.ts';
import type { DaemonOptions } from '../daemon-api.ts';

export interface SecretsPlace {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly path: string;
  /** `null` when there is no such file yet. */
  readonly before: Uint8Array | null;
  readonly policy: SopsPolicy;
}

/** Finds the file of a layer. @throws HeadwaterError `HW_NOT_FOUND`, `HW_SOPS_RULES`. */
export async function findSecretsPlace(
  repository: ConfigRepository,
  service: string,
  layer: string,
): Promise<SecretsPlace> {
  const index = await repository.index();
  const environments = index.environments();
  if (layer !== 'base' && !environments.includes(layer)) {
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no environment "${layer}"`,
      hint: didYouMean(
        layer,
        environments,
        `Declared: ${environments.join(', ') || 'none'}; or "base" for all of them.`,
      ),
    });
  }
  const inputs = environments.flatMap((env) => index.inputs(service, env) ?? [])[0];
  if (inputs === undefined) {
    const known = new Set(environments.flatMap((env) => [...index.services(env)]));
    throw new HeadwaterError('HW_NOT_FOUND', {
      message: `there is no service "${service}"`,
      hint: didYouMean(service, known, 'Add it first: headwater service add.'),
    });
  }
  const path = `${inputs.folder}/secrets${layer === 'base' ? '' : `.${layer}`}.json`;
  return {
    service,
    layer,
    path,
    before: await repository.read(path),
    policy: await policyOf(repository, path),
  };
}

/** What `.sops.yaml` asks of a path. @throws HeadwaterError `HW_SOPS_RULES`. */
export async function policyOf(repository: ConfigRepository, path: string): Promise<SopsPolicy> {
  const rules = (await repository.files()).find((file) => file.path === '.sops.yaml') ?? null;
  const policyFor = createPolicyReader((oid, maxBytes) =>
    repository.reader.readBlob(oid, Math.max(maxBytes, maxFileBytes)),
  );
  const asked = await policyFor(rules, path);
  if ('policy' in asked) return asked.policy;
  const { code, message, hint } = asked.problem;
  throw new HeadwaterError(code, { message: `${path}: ${message}`, hint });
}

/** Where a change of secrets goes: a clone on this machine, or the daemon. */
export interface WhereOptions extends DaemonOptions {
  readonly repo?: string;
}

/**
 * What was named wins; else the config repository of the current folder; else the daemon of the environment.
 * @returns Folder of the repository, or `null`: the daemon.
 * @throws HeadwaterError `HW_USAGE` when both are named, or neither is there.
 */
export async function repositoryOf(options: WhereOptions, context: CliContext): Promise<string | null> {
  const { repo, url, data, token } = options;
  const isDaemonNamed = url !== undefined || data !== undefined || token !== undefined;
  if (repo !== undefined) {
    if (isDaemonNamed) throw usage('--repo and a daemon are two places', 'Give one of them.');
    return resolve(context.cwd, repo);
  }
  if (isDaemonNamed) return null;
  if (await isConfigRepository(context.cwd)) return context.cwd;
  if (context.env.HEADWATER_URL !== undefined || context.env.HEADWATER_DATA !== undefined) return null;
  throw usage(
    'this folder is no config repository, and no daemon is named',
    'Run it in a clone or give --repo DIR; or name the daemon: --data DIR, or --url and --token.',
  );
}

async function isConfigRepository(folder: string): Promise<boolean> {
  try {
    const git = await openRepository(folder);
    if (git.workTree === null) return false;
    await using repository = closing(await openConfigRepository(folder, { anyHead: true }));
    return (await repository.files()).some(({ path }) => path === 'headwater.json');
  } catch (error) {
    if (isHeadwaterError(error)) return false;
    throw error;
  }
}

/** `await using` closes it. */
export function closing(repository: ConfigRepository): ConfigRepository & AsyncDisposable {
  return Object.assign(repository, { [Symbol.asyncDispose]: () => repository.close() });
}

const usage = (message: string, hint: string) => new HeadwaterError('HW_USAGE', { message, hint });
