/** The time in which old and new credentials of a service both count. Commands begin and cut it short; the daemon ends it. */
import type { DataFolder } from '../adapters/data/data-folder.ts';
import { type IdentityRotation, openRotationStore } from '../adapters/data/rotation-store.ts';
import type { CredentialFiles, EnrollRequest } from './enroll-checks.ts';

/** How long the old credentials go on counting after `--rotate`, at least: time to carry the new ones everywhere. */
export const defaultGraceMs = 7 * 24 * 60 * 60 * 1000;

type Place = Pick<EnrollRequest, 'service' | 'env'>;

export async function beginGrace(
  folder: DataFolder,
  { service, env }: Place,
  { oldRecipient, oldTokenId }: Pick<CredentialFiles, 'oldRecipient' | 'oldTokenId'>,
  next: Pick<IdentityRotation, 'newRecipient' | 'until'>,
): Promise<void> {
  const since = new Date().toISOString();
  const rotation: IdentityRotation = { service, env, since, ...next, oldRecipient, oldToken: oldTokenId };
  await openRotationStore(folder).change((all) => [...all, rotation]);
}

/** Says that the grace periods of a service shall end now; the daemon does it within seconds. @returns How many are running. */
export async function finishGrace(folder: DataFolder, { service, env }: Place): Promise<number> {
  let found = 0;
  await openRotationStore(folder).change((all) =>
    all.map((one) => {
      if (one.service !== service || one.env !== env) return one;
      found += 1;
      return { ...one, forced: true };
    }),
  );
  return found;
}
