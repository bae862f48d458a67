import { HeadwaterError } from '@headwater/schemas/protocol';
import { hostOf } from './remote-failure.ts';

/** Epochs are counted from the root of the history, so a host that cuts it off cannot be followed. */
export function shallowHost(url: string): HeadwaterError {
  return new HeadwaterError('HW_REPO_SHALLOW', {
    message: `the repository at ${hostOf(url)} is a shallow clone: its history is cut off`,
    hint: 'Follow the repository that it was cloned from, or complete it there: git fetch --unshallow.',
    details: { url },
  });
}
