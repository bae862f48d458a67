import { HeadwaterError } from '@headwater/schemas/protocol';

export function routeNotFound(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is nothing at this address',
    hint: 'The API lives under /api/v1; GET /api/v1/me says what a token may see.',
  });
}

/** The same for what does not exist and for what the caller may not see, so that asking tells nothing. */
export function environmentNotFound(environments: readonly string[]): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'there is no such environment, or this token may not see it',
    hint: `This token sees: ${listed(environments)}.`,
    details: { environments },
  });
}

export function serviceNotFound(): HeadwaterError {
  return new HeadwaterError('HW_NOT_FOUND', {
    message: 'no such service is live in this environment, or this token may not see it',
    hint: 'GET /api/v1/services?env=… lists those that a viewer sees.',
  });
}

export function requestInvalid(message: string): HeadwaterError {
  return new HeadwaterError('HW_REQUEST_INVALID', { message, hint: 'Check the URL, headers and body.' });
}

export const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
