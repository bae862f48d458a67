import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { CliContext } from './context.ts';
import { configHome } from './safe-output.ts';

/** Connection files of a service in the place where `enroll` puts them; `env: null` looks in every environment. */
export async function findConnections(
  context: CliContext,
  service: string,
  env: string | null,
): Promise<readonly string[]> {
  const root = join(configHome(context.env, context.home), 'headwater');
  const deployments = await readdir(root).catch(() => []); // nothing was enrolled here yet
  const found: string[] = [];
  for (const deployment of deployments) {
    const names = await readdir(join(root, deployment)).catch(() => []); // a file, not a deployment
    for (const name of names) {
      const [ofService, ofEnv, ...rest] = name.split('.');
      const isOne =
        ofService === service && (env === null || ofEnv === env) && rest.join('.') === 'connection.json';
      if (isOne && (await stat(join(root, deployment, name))).isFile())
        found.push(join(root, deployment, name));
    }
  }
  return found;
}

/** The one connection file meant. @throws HeadwaterError `HW_USAGE` when there is none, or more than one. */
export async function requireConnection(
  context: CliContext,
  service: string,
  env: string,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given;
  const found = await findConnections(context, service, env);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new HeadwaterError('HW_USAGE', {
    message:
      only === undefined
        ? `${service} is not enrolled in ${env} on this machine`
        : `${service} is enrolled in ${env} more than once: ${found.join(', ')}`,
    hint:
      only === undefined
        ? `Enroll it: headwater enroll ${service} --env ${env}; or give --connection FILE.`
        : 'Choose one with --connection FILE.',
  });
}
