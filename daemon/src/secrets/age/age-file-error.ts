import { HeadwaterError } from '@headwater/schemas/protocol';

/** @param what Half a sentence: "its armor is cut off". */
export function ageFileError(what: string): HeadwaterError {
  return new HeadwaterError('HW_AGE_FILE', {
    message: `the age file cannot be read: ${what}`,
    hint: 'Take it from the last good commit, or encrypt it again.',
  });
}
