/** Commits changed secrets files to a repository on this machine, if the daemon would take them. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Finding } from '../../core/finding.ts';
import type { CommitId, FileEdit } from '../../ports.ts';
import type { Identity } from '../../secrets/age/identity.ts';
import { createSecretsOpener } from '../../secrets/secrets-opener.ts';
import type { Io } from '../command.ts';
import { checkCommittable, commitFiles } from '../commit-files.ts';
import type { ConfigRepository } from '../config-repository.ts';
import { newErrors } from '../judge-tree.ts';
import { count } from '../output.ts';

/**
 * @throws HeadwaterError as what the daemon would refuse it for (details.problems), `HW_WORK_TREE`, and as `commitFiles`.
 */
export async function saveSecrets(
  repository: ConfigRepository,
  edits: readonly FileEdit[],
  message: string,
  identities: readonly Identity[],
  io: Io,
): Promise<CommitId> {
  await checkCommittable(
    repository,
    edits.map(({ path }) => path),
    io,
  );
  refuse(await io.out.progress('Judging', secretsErrors(repository, edits, identities)));
  return commitFiles(repository, edits, message, io);
}

/** Errors that the edits would bring. With identities the values are held against the schema, too. */
export function secretsErrors(
  repository: ConfigRepository,
  edits: readonly FileEdit[],
  identities: readonly Identity[],
): Promise<readonly Finding[]> {
  const open = createSecretsOpener({
    identities: { identitiesFor: () => identities, recipientFor: () => identities[0]?.recipient ?? '' },
  });
  return newErrors(repository, edits, identities.length === 0 ? undefined : open);
}

function refuse(errors: readonly Finding[]): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? `, and ${count(errors.length - 1, 'more error')}` : '';
  throw new HeadwaterError(first.code, {
    message: `${first.file}${first.pointer ? ` ${first.pointer}` : ''}: ${first.message}${more}; nothing was changed`,
    hint: first.hint,
    details: { problems: errors },
  });
}
