import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode, HeadwaterError } from '@headwater/schemas/protocol';

/** RFC 9457, with the code and the next step. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly requestId: string;
  readonly [extra: string]: unknown;
}

/** Details that are part of the API; others are for the log only. */
const publicDetails = ['problems', 'conflicts', 'head', 'held', 'environments'];

/**
 * What a caller is told about an error. Only `HeadwaterError`s are written for readers; of anything else nothing is shown but the
 * request id, under which the log has the rest.
 */
export function problemOf(error: unknown, requestId: string): Problem {
  const known = error instanceof HeadwaterError ? error : translate(error);
  const { status } = ERRORS[known.code];
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: known.message,
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    requestId,
    ...Object.fromEntries(Object.entries(known.details).filter(([name]) => publicDetails.includes(name))),
  };
}

/** The framework's own refusals. Their messages quote the request, so they are worded anew. */
function translate(error: unknown): HeadwaterError {
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly code?: unknown;
    readonly statusCode?: unknown;
  };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new HeadwaterError('HW_REQUEST_TOO_LARGE', {
      message: 'the request body is larger than this route takes',
      hint: 'Split the change into smaller ones.',
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new HeadwaterError('HW_MEDIA_TYPE', {
      message: 'the request body has a media type that this route does not take',
      hint: 'Send JSON with the header Content-Type: application/json.',
    });
  }
  const isOwnRefusal = typeof code === 'string' && code.startsWith('FST_ERR_');
  if (isOwnRefusal && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new HeadwaterError('HW_REQUEST_INVALID', {
      message: 'the request cannot be read',
      hint: 'Check its URL, headers and body.',
    });
  }
  return new HeadwaterError('HW_INTERNAL', {
    message: 'something went wrong inside Headwater',
    hint: 'Look for this requestId in the log of the daemon.',
  });
}
