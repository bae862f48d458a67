import type { SettingProblem } from '@headwater/schemas/http';
import { describeEpoch, HeadwaterError } from '@headwater/schemas/protocol';
import type { CommitPlace } from '../epochs/place.ts';
import type { CommitId } from '../ports.ts';
import type { FileConflict } from './edit.ts';

/** @param head Where the branch stands now. */
export function conflictError(
  conflicts: readonly FileConflict[],
  head: CommitPlace,
  era: number,
): HeadwaterError {
  const [first] = conflicts;
  const place = first === undefined ? '' : `${first.file} ${first.pointer}`.trimEnd();
  const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : '';
  const epoch = { era, ...head };
  return new HeadwaterError('HW_EDIT_CONFLICT', {
    message: `${place}${more}: changed differently at ${describeEpoch(epoch)} or before, after this edit began`,
    hint: 'Decide each of them, and save again with the newest epoch as the base.',
    details: { conflicts, head: epoch },
  });
}

export function invalidError(problems: readonly SettingProblem[]): HeadwaterError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const place = [first?.file, first?.pointer].filter(Boolean).join(' ');
  return new HeadwaterError('HW_EDIT_INVALID', {
    message: `${place}: ${first?.message}${more}`,
    hint: first?.hint ?? 'Correct the settings that are named, and save again.',
    details: { problems },
  });
}

export function protectedError(environments: readonly string[]): HeadwaterError {
  return new HeadwaterError('HW_PROTECTED', {
    message: `the change reaches ${environments.join(', ')}, where only approved changes count`,
    hint: 'Open a proposal with the same change.',
    details: { environments },
  });
}

export function unknownBase(base: CommitId): HeadwaterError {
  return new HeadwaterError('HW_EDIT_BASE', {
    message: `commit ${base.slice(0, 12)} is not part of the followed branch`,
    hint: 'Read the document again, and repeat the change on that.',
    details: { base },
  });
}
