import { HeadwaterError } from '@headwater/schemas/protocol';
import type { FastifyRequest } from 'fastify';
import { coversEnvironment, type TokenRecord } from '../access.ts';
import type { DaemonView } from '../view.ts';
import { callerOf } from './auth.ts';
import { environmentNotFound, listed } from './not-found.ts';

/** Environments that the caller may know of. */
export function visibleEnvironments(
  view: Pick<DaemonView, 'environments'>,
  caller: TokenRecord,
): readonly string[] {
  return view.environments().filter((env) => coversEnvironment(caller, env));
}

/**
 * The environment that `?env=` names; there is no default, because a wrong guess would show or change the wrong one.
 * @throws HeadwaterError `HW_REQUEST_INVALID` when it is missing or repeated, `HW_NOT_FOUND`.
 */
export function environmentOf(request: FastifyRequest, view: DaemonView): string {
  const { env } = request.query as Readonly<Record<string, unknown>>;
  const environments = visibleEnvironments(view, callerOf(request));
  if (typeof env !== 'string' || env === '') {
    throw new HeadwaterError('HW_REQUEST_INVALID', {
      message: 'say which environment, once: ?env=…',
      hint: `This token sees: ${listed(environments)}.`,
      details: { environments },
    });
  }
  if (!environments.includes(env)) throw environmentNotFound(environments);
  return env;
}
