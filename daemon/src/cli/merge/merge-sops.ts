import { mergeSopsFiles } from '../../secrets/sops/merge-sops-files.ts';
import { parseSopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { findAgeIdentities } from '../age-identities.ts';
import type { SopsMerger } from './merge-secrets.ts';

/** Merges with the identities of whoever runs `git merge`. */
export const mergeSops: SopsMerger = async ({ base, ours, theirs }, context) => {
  const identities = await findAgeIdentities(context);
  const merged = await mergeSopsFiles(
    base && parseSopsFile(base),
    parseSopsFile(ours),
    parseSopsFile(theirs),
    { identities },
    { now: new Date() },
  );
  return merged.kind === 'merged'
    ? { content: merged.bytes }
    : { conflicts: merged.conflicts.map(({ pointer }) => pointer) };
};
