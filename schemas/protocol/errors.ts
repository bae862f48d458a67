/**
 * One error class and one catalogue for the whole system. A code is permanent: callers branch on it, `docs/errors.md` has
 * one row per code, and a test holds the two lists against each other.
 */

/** What a code means for HTTP callers and for retry loops. */
export interface ErrorKind {
  /** HTTP status used when the daemon answers with this error. */
  readonly status: number;
  /** True when the same call may succeed later with nothing changed by the caller. */
  readonly retryable: boolean;
}

const kind = (status: number, retryable = false): ErrorKind => ({ status, retryable });

export const ERRORS = {
  // Input documents: JSON text, names, repository layout
  HW_JSON_SYNTAX: kind(422),
  HW_JSON_BOM: kind(422),
  HW_JSON_NOT_UTF8: kind(422),
  HW_JSON_DUPLICATE_KEY: kind(422),
  HW_JSON_UNSAFE_INTEGER: kind(422),
  HW_JSON_NUMBER: kind(422),
  HW_JSON_DEPTH: kind(422),
  HW_JSON_FORBIDDEN_KEY: kind(422),
  HW_JSON_NOT_OBJECT: kind(422),
  HW_FILE_TOO_LARGE: kind(422),
  HW_FILE_MODE: kind(422),
  HW_NAME_INVALID: kind(422),
  HW_NAME_RESERVED: kind(422),
  HW_SERVICE_DUPLICATE: kind(422),
  HW_SERVICE_NESTED: kind(422),
  HW_FILE_UNEXPECTED: kind(422),
  HW_ENVIRONMENT_UNDECLARED: kind(422),
  HW_ENVIRONMENT_EXCLUDED: kind(422),
  HW_ENVIRONMENT_CYCLE: kind(422),
  HW_REPO_SETTINGS: kind(422),
  HW_REPO_SETTINGS_MISSING: kind(422),
  HW_SCHEMA_MISSING: kind(422),
  HW_SCHEMA_ORPHAN: kind(422),
  HW_SCHEMA_INVALID: kind(422),
  HW_SCHEMA_UNSAFE_PATTERN: kind(422),
  HW_SCHEMA_REMOTE_REF: kind(422),
  HW_SCHEMA_LIMIT: kind(422),
  HW_SCHEMA_SECRET_DEFAULT: kind(422),
  HW_CONFIG_INVALID: kind(422),
  HW_CONFIG_UNKNOWN_SETTING: kind(422),
  HW_CONFIG_TOO_LARGE: kind(422),
  HW_SECRET_IN_CONFIG: kind(422),
  HW_SECRET_MISSING: kind(422),
  HW_SECRET_UNDELIVERED: kind(422),
  HW_SECRET_UNKNOWN: kind(422),
  HW_SECRET_INVALID: kind(422),
  HW_SECRET_COPIED: kind(422),
  HW_SECRET_TOO_LARGE: kind(422),
  HW_SECRET_SUSPECTED: kind(422),
  HW_SECRET_UNREADABLE: kind(503),
  HW_SHARED_UNUSED: kind(422),
  HW_VALIDATION_TIMEOUT: kind(422, true),

  // Secrets files: SOPS JSON, age
  HW_SECRETS_NOT_SOPS: kind(422),
  HW_SECRETS_METADATA: kind(422),
  HW_SECRETS_UNSUPPORTED: kind(422),
  HW_SECRETS_PLAINTEXT: kind(422),
  HW_SECRETS_VALUE: kind(422),
  HW_SECRETS_NOT_STRING: kind(422),
  HW_SECRETS_NUMBER: kind(422),
  HW_SECRETS_KEY_NAME: kind(422),
  HW_SECRETS_RULE: kind(422),
  HW_SECRETS_RECIPIENTS: kind(422),
  HW_SECRETS_TAMPERED: kind(422),
  HW_SECRETS_NO_IDENTITY: kind(422),
  HW_SECRETS_FOREIGN_KEYS: kind(422),
  HW_AGE_FILE: kind(422),
  HW_AGE_PASSPHRASE: kind(422),
  HW_SOPS_RULES: kind(422),

  // Repository and epochs
  HW_REPO_NOT_FOUND: kind(503),
  HW_REPO_NOT_A_REPOSITORY: kind(503),
  HW_REPO_EMPTY: kind(503, true),
  HW_REPO_NOT_CONFIG: kind(503),
  HW_REPO_UNSUPPORTED: kind(503),
  HW_REPO_SHALLOW: kind(503),
  HW_BRANCH_MISSING: kind(503, true),
  HW_OBJECT_MISSING: kind(503, true),
  HW_OBJECT_CORRUPT: kind(503),
  HW_REF_MOVED: kind(409, true),
  HW_EDIT_CONFLICT: kind(409),
  HW_EDIT_INVALID: kind(422),
  HW_EDIT_BASE: kind(412),
  HW_EDIT_UNTAGGED: kind(428),
  HW_EDIT_PENDING: kind(504, true),
  HW_EPOCH_PENDING: kind(504, true),
  HW_PATCH_TEST: kind(409),
  HW_PROTECTED: kind(403),
  HW_UPSTREAM_UNREACHABLE: kind(503, true),
  HW_UPSTREAM_REFUSED: kind(502),
  HW_UPSTREAM_CHANGED: kind(503),
  HW_REPO_MIRROR: kind(409),
  HW_SECRET_FILE: kind(500),
  HW_WEBHOOK_REFUSED: kind(403),
  HW_REF_LOCKED: kind(503, true),
  HW_REF_FORBIDDEN: kind(403),
  HW_NOT_FAST_FORWARD: kind(409),
  HW_SECRET_EXPOSED: kind(422),
  HW_GATE_CLOSED: kind(503, true),
  HW_GATE_FOREIGN_HOOK: kind(503),
  HW_GIT_BUSY: kind(503, true),
  HW_STORAGE_FAILED: kind(507),
  HW_AUDIT_FAILED: kind(503, true),
  HW_NEVER_VALID: kind(503),
  HW_MASS_REMOVAL: kind(422),
  HW_HISTORY_REWRITTEN: kind(503),
  HW_NO_REWRITE: kind(409),
  HW_LEDGER_INVALID: kind(503),
  HW_LEDGER_FOREIGN: kind(503),
  HW_DEPLOYMENT_CHANGED: kind(422),
  HW_COMMIT_UNSIGNED: kind(422),
  HW_COMMIT_SIGNATURE: kind(422),
  HW_SIGNERS_LINE: kind(422),
  HW_SIGNERS_NONE: kind(422),
  HW_UNAPPROVED: kind(422),

  // Messages on the wire and files that hold them
  HW_MESSAGE_EMPTY: kind(400),
  HW_MESSAGE_TOO_LARGE: kind(413),
  HW_MESSAGE_MALFORMED: kind(400),
  HW_MESSAGE_KIND: kind(400),
  HW_MESSAGE_VERSION: kind(400),
  HW_MESSAGE_WRONG_TARGET: kind(400),
  HW_SIGNATURE_MISSING: kind(400),
  HW_SIGNATURE_INVALID: kind(400),
  HW_SIGNER_UNKNOWN: kind(400),
  HW_SIGNER_REVOKED: kind(400),
  HW_SIGNER_EXPIRED: kind(400),
  HW_KEY_INVALID: kind(400),
  HW_ROLLBACK: kind(409),
  HW_EQUIVOCATION: kind(409),
  HW_PATCH_INVALID: kind(400),
  HW_PATCH_BASE: kind(409, true),
  HW_DIGEST_MISMATCH: kind(400),
  HW_SECRETS_FOREIGN: kind(409),
  HW_LKG_CORRUPT: kind(500),
  HW_LKG_ROLLBACK: kind(500),
  HW_LKG_WRONG_TARGET: kind(500),

  // Client
  HW_OPTIONS_INVALID: kind(400),
  HW_CONNECTION_FILE: kind(400),
  HW_NO_CONFIG: kind(503, true),
  HW_NO_TRUST: kind(400),
  HW_CONFIG_REJECTED: kind(422),
  HW_CACHE_UNAVAILABLE: kind(500),
  HW_CACHE_UNSEALED: kind(500),
  HW_ENV_OVERRIDE_INVALID: kind(400),
  HW_SECRET_UNAVAILABLE: kind(503),
  HW_BROKER_UNREACHABLE: kind(503, true),
  HW_BROKER_REFUSED: kind(401),
  HW_CLOSED: kind(400),

  // Daemon and command line
  HW_DATA_NOT_WRITABLE: kind(500),
  HW_DATA_EXPOSED: kind(500),
  HW_DATA_IN_USE: kind(500),
  HW_DATA_VERSION: kind(500),
  HW_KEY_FILE: kind(500),
  HW_FOREIGN_KEYS: kind(503),
  HW_PORT_TAKEN: kind(500),
  HW_LISTEN_FAILED: kind(500),
  HW_SUBSCRIBER_STALLED: kind(503, true),
  HW_INSECURE_LISTEN: kind(500),
  HW_PLAINTEXT_BROKER: kind(500),
  HW_PLAINTEXT_REPO: kind(500),
  HW_DAEMON_NOT_RUNNING: kind(503, true),
  HW_USAGE: kind(400),
  HW_UNSAFE_OUTPUT: kind(400),
  HW_WORK_TREE: kind(409),
  HW_REQUEST_INVALID: kind(400),
  HW_REQUEST_TOO_LARGE: kind(413),
  HW_MEDIA_TYPE: kind(415),
  HW_HOST_UNKNOWN: kind(421),
  HW_RATE_LIMITED: kind(429, true),
  HW_ROTATION_OPEN: kind(409),
  HW_TOKEN_FILE: kind(500),
  HW_TOKEN_INVALID: kind(401),
  HW_FORBIDDEN: kind(403),
  HW_FOREIGN_PAGE: kind(403),
  HW_SESSION_INSECURE: kind(403),
  HW_NOT_FOUND: kind(404),
  HW_INTERNAL: kind(500),
} as const satisfies Record<string, ErrorKind>;

/** Every error code of Headwater. */
export type ErrorCode = keyof typeof ERRORS;

/** What a `HeadwaterError` says beyond its code. */
export interface ErrorInfo {
  /** What happened, with names and numbers: "expected X, got Y". Never a secret value. */
  readonly message: string;
  /** The next step for the reader. */
  readonly hint?: string;
  /** Machine-readable facts. Never a secret value. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class of Headwater. Branch on `code`, never on `message`. */
export class HeadwaterError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, info: ErrorInfo) {
    super(info.message, info.cause === undefined ? undefined : { cause: info.cause });
    this.name = 'HeadwaterError';
    this.code = code;
    this.hint = info.hint;
    this.details = info.details ?? {};
  }

  /** HTTP status of this error's code. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** True when the same call may succeed later with nothing changed by the caller. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** Narrows an unknown thrown value to a `HeadwaterError`, optionally of one code. */
export function isHeadwaterError(error: unknown, code?: ErrorCode): error is HeadwaterError {
  return error instanceof HeadwaterError && (code === undefined || error.code === code);
}
