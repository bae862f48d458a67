/**
 * The approval of one commit in a protected environment: the value of its trailer `Headwater-Approval`, signed by a daemon. It names the
 * first parent and the tree, so it fits exactly one change on exactly one base. Spec: docs/protocol.md §10.3.
 *
 *     Headwater-Approval: <keyid> <sig> <payload>        sig and payload in base64url
 */
import { fromBase64Url, toBase64Url, utf8 } from './bytes.ts';
import type { CryptoBackend } from './crypto.ts';
import { encodePae } from './envelope.ts';
import { COMMIT_PATTERN } from './epoch.ts';
import { HeadwaterError } from './errors.ts';
import { isObject, type JsonValue, parseJsonBytes } from './json.ts';
import { isValidAt, type Keyring } from './keyring.ts';
import { isName } from './names.ts';
import { keyIdOf, type SigningKey } from './signature.ts';
import { isTime } from './time.ts';

/** Key of the trailer. */
export const approvalTrailer = 'Headwater-Approval';

export const APPROVER_ROLES = ['approver', 'operator', 'admin'] as const;
export type ApproverRole = (typeof APPROVER_ROLES)[number];

/** Somebody who approved, as the daemon authenticated them. */
export interface Approver {
  /** Stable id: of an account or a token. 1 to 200 characters. */
  readonly id: string;
  /** Role in the protected environments that the change touches. A change of policy needs an `admin`. */
  readonly role: ApproverRole;
}

/** What is approved. */
export interface ApprovedChange {
  readonly deployment: string;
  /** First parent of the commit, full id. */
  readonly parent: string;
  /** Tree of the commit, full id. */
  readonly tree: string;
}

/** `id` names the proposal, or the act of breaking the glass, in the audit log. 1 to 200 characters. */
export type Approval = ApprovedChange & { readonly v: 1; readonly id: string; readonly issuedAt: string } & (
    | { readonly kind: 'proposal'; readonly approvers: readonly Approver[] }
    | { readonly kind: 'break-glass'; readonly actor: Approver; readonly reason: string }
  );

/** An approval whose signature verified. */
export interface OpenedApproval {
  readonly approval: Approval;
  readonly keyId: string;
  /** The key was revoked since: the approval counts only for what is known to have been published. */
  readonly isRevoked: boolean;
}

/** Characters of a trailer's value. */
export const maxApprovalLength = 16 * 1024;
export const maxApprovers = 50;

/**
 * Signs an approval: the value of the trailer.
 * @throws HeadwaterError `HW_MESSAGE_MALFORMED` when a field is missing or wrong, `HW_MESSAGE_TOO_LARGE`.
 */
export function signApproval(approval: Approval, key: SigningKey, crypto: CryptoBackend): string {
  const payload = utf8(JSON.stringify(approval));
  parseApproval(payload);
  const signature = crypto.sign(encodePae('approval', payload), key.seed);
  const text = [keyIdOf(key.publicKey, crypto), toBase64Url(signature), toBase64Url(payload)].join(' ');
  if (text.length <= maxApprovalLength) return text;
  throw new HeadwaterError('HW_MESSAGE_TOO_LARGE', {
    message: `the approval has ${text.length} characters, expected ${maxApprovalLength} at most`,
    hint: 'Give a shorter reason.',
  });
}

/**
 * Opens the value of a trailer.
 * @param change The commit it stands in: an approval of another change is refused.
 * @throws HeadwaterError `HW_MESSAGE_MALFORMED`, `HW_MESSAGE_VERSION`, `HW_SIGNER_UNKNOWN`, `HW_SIGNATURE_INVALID`,
 *   `HW_SIGNER_EXPIRED`, `HW_MESSAGE_WRONG_TARGET`.
 */
export function openApproval(
  text: string,
  change: ApprovedChange,
  keyring: Keyring,
  crypto: CryptoBackend,
): OpenedApproval {
  const [keyId = '', signature, payload] = splitText(text);
  const entry = keyring.entries.get(keyId);
  if (entry === undefined) {
    throw new HeadwaterError('HW_SIGNER_UNKNOWN', {
      message: `the approval is signed by ${keyId}, which is no key of this deployment`,
      hint: 'Only daemons of this deployment can approve. Propose the change to one of them.',
      details: { keyId },
    });
  }
  if (!crypto.verify(signature, encodePae('approval', payload), entry.publicKey)) {
    throw new HeadwaterError('HW_SIGNATURE_INVALID', {
      message: 'the signature of the approval does not fit its bytes',
      hint: 'It was changed after it was signed. Propose the change again.',
      details: { keyId },
    });
  }
  const approval = parseApproval(payload);
  refuseOtherChange(approval, change);
  if (!isValidAt(entry.signer, approval.issuedAt)) {
    throw new HeadwaterError('HW_SIGNER_EXPIRED', {
      message: `the key that signed the approval was not valid at ${approval.issuedAt}`,
      hint: 'Check the clock of the daemon, or rotate its signing key.',
      details: { keyId },
    });
  }
  return { approval, keyId, isRevoked: entry.signer.revoked !== undefined };
}

/**
 * Reads what an approval says of itself, without the keys to judge it by: for previews, never for a decision.
 * @throws HeadwaterError `HW_MESSAGE_MALFORMED`, `HW_MESSAGE_VERSION`, `HW_MESSAGE_WRONG_TARGET`.
 */
export function readUnverifiedApproval(text: string, change: Omit<ApprovedChange, 'deployment'>): Approval {
  const approval = parseApproval(splitText(text)[2]);
  refuseOtherChange(approval, change);
  return approval;
}

/** True when an admin approved, or broke the glass: only they may change the policy. */
export function isByAdmin(approval: Approval): boolean {
  const people = approval.kind === 'proposal' ? approval.approvers : [approval.actor];
  return people.some(({ role }) => role === 'admin');
}

function refuseOtherChange(approval: Approval, change: Partial<ApprovedChange>): void {
  for (const field of ['deployment', 'parent', 'tree'] as const) {
    if (change[field] === undefined || approval[field] === change[field]) continue;
    throw new HeadwaterError('HW_MESSAGE_WRONG_TARGET', {
      message: `the approval is for ${field} ${approval[field].slice(0, 64)}, expected ${change[field]}`,
      hint: 'An approval fits one change on one base. Propose this one, too.',
      details: { field, expected: change[field], actual: approval[field] },
    });
  }
}

function splitText(text: string): [string, Uint8Array, Uint8Array] {
  const [keyId = '', signatureText = '', payloadText = '', ...rest] =
    text.length > maxApprovalLength ? [] : text.split(' ');
  const signature = fromBase64Url(signatureText);
  const payload = fromBase64Url(payloadText);
  if (!/^[0-9a-f]{16}$/.test(keyId) || signature?.length !== 64 || !payload?.length || rest.length > 0)
    return malformed('it is not "<key id> <signature> <payload>"');
  return [keyId, signature, payload];
}

function parseApproval(payload: Uint8Array): Approval {
  const value = parseJsonBytes(payload);
  if (!isObject(value)) return malformed('its payload is no object');
  if (value.v !== 1) {
    throw new HeadwaterError('HW_MESSAGE_VERSION', {
      message: `the approval has version ${JSON.stringify(value.v)?.slice(0, 20)}, expected 1`,
      hint: 'Update this program.',
    });
  }
  const checks: Readonly<Record<string, (value: JsonValue | undefined) => boolean>> = {
    deployment: (text) => typeof text === 'string' && isName(text),
    id: (text) => isShort(text, 200),
    parent: isCommit,
    tree: isCommit,
    issuedAt: isTime,
    kind: (text) => text === 'proposal' || text === 'break-glass',
    ...(value.kind === 'break-glass'
      ? { actor: isApprover, reason: (text) => isShort(text, 4096) }
      : { approvers: isApproverList }),
  };
  const wrong = Object.entries(checks).find(([field, check]) => !check(value[field]));
  if (wrong) return malformed(`"${wrong[0]}" is missing or wrong`);
  return value as unknown as Approval;
}

const isShort = (value: JsonValue | undefined, max: number): boolean =>
  typeof value === 'string' && value.trim() !== '' && value.length <= max;
const isCommit = (value: JsonValue | undefined): boolean =>
  typeof value === 'string' && COMMIT_PATTERN.test(value);
const isApprover = (value: JsonValue | undefined): boolean =>
  isObject(value) && isShort(value.id, 200) && (APPROVER_ROLES as readonly unknown[]).includes(value.role);
const isApproverList = (value: JsonValue | undefined): boolean =>
  Array.isArray(value) && value.length >= 1 && value.length <= maxApprovers && value.every(isApprover);

function malformed(reason: string): never {
  throw new HeadwaterError('HW_MESSAGE_MALFORMED', {
    message: `not an approval: ${reason}`,
    hint: 'Approvals are written by the daemon. Propose the change again.',
  });
}
