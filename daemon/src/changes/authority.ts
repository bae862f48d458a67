/** Whether somebody may make a change: by the files it names before anything of them is answered, and by all that it reaches. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { coversEverything, coversService, type TokenRecord } from '../access.ts';
import { classifyPath } from '../core/layout.ts';
import type { EditReach } from '../editing/edit.ts';
import { authorityProblems } from '../gate/push-authority.ts';
import type { ChangePlan } from './change-plan.ts';

/**
 * A conflict shows values, so files of services that the caller may not see end the request before it can have one.
 * @param environments Declared ones.
 * @throws HeadwaterError `HW_FORBIDDEN`.
 */
export function checkFiles(
  caller: TokenRecord,
  { files, isOpen }: Pick<ChangePlan, 'files' | 'isOpen'>,
  environments: readonly string[],
): void {
  for (const { path } of files) if (!isOpen?.(path) && !maySee(caller, path, environments)) throw tooFar();
}

/** @throws HeadwaterError `HW_FORBIDDEN`: some service, in some environment, is beyond the caller. */
export function checkReach(caller: TokenRecord, reach: EditReach): void {
  const problems = authorityProblems(caller, reach, reach.changes);
  if (problems.length === 0) return;
  const recipients = problems.find(({ place }) => classifyPath(place).kind === 'recipients');
  if (recipients === undefined || problems.length > 1) throw tooFar();
  throw new HeadwaterError('HW_FORBIDDEN', {
    message: `it would let somebody read secrets: ${recipients.place}`,
    hint: 'That needs the role admin. Ask an admin to do it.',
  });
}

function maySee(caller: TokenRecord, path: string, environments: readonly string[]): boolean {
  const role = classifyPath(path);
  if (coversEverything(caller)) return true;
  if (role.kind === 'shared') {
    const all = role.env === null ? environments : [role.env];
    return all.every((env) => coversService(caller, env, '*'));
  }
  if (!('service' in role) || role.service === undefined) return false;
  const { service } = role;
  const own = 'env' in role && role.env !== null ? [role.env] : environments;
  return own.some((env) => coversService(caller, env, service));
}

function tooFar(): HeadwaterError {
  return new HeadwaterError('HW_FORBIDDEN', {
    message: 'this change reaches services or environments beyond this token',
    hint: 'Change what the token reaches, or ask somebody who may change all of it.',
  });
}
