/**
 * `allowed_signers`: who may sign commits, in OpenSSH's format. A line that is not understood whole is not used at all, and says so:
 * half of a rule could allow more than its author meant.
 */

import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { Finding } from '../finding.ts';
import { matchesPatternList } from './pattern-list.ts';
import { parseSignerOptions, SignerLineError, type SignerOptions, shorten } from './signer-options.ts';
import { parseSshPublicKey } from './ssh-public-key.ts';

export interface AllowedSigner extends SignerOptions {
  /** Line in the file, from 1. */
  readonly line: number;
  /** Pattern list over e-mail addresses. */
  readonly principals: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

export interface AllowedSigners {
  /** Usable lines by their key in base64. */
  readonly byKey: ReadonlyMap<string, readonly AllowedSigner[]>;
  /** Lines that are not used. Only warnings: whoever cannot sign is refused with every commit. */
  readonly findings: readonly Finding[];
}

export const allowedSignersPath = 'allowed_signers';

/** As OpenSSH reads them. */
const maxLineLength = 16 * 1024;
/** More of the same tells nobody more. */
const maxFindings = 50;

/** What git signs commits for. */
export const gitNamespace = 'git';

/** Lists nobody. */
export const nobody: AllowedSigners = { byKey: new Map(), findings: [] };

/** Parses the whole file. Never throws. */
export function parseAllowedSigners(bytes: Uint8Array): AllowedSigners {
  const byKey = new Map<string, AllowedSigner[]>();
  const findings: Finding[] = [];
  for (const [index, raw] of Buffer.from(bytes).toString('utf8').split('\n').entries()) {
    const text = raw.replace(/\r$/, '').trim();
    if (text === '' || text.startsWith('#')) continue;
    try {
      const { key, signer } = parseLine(text, index + 1);
      const known = byKey.get(key);
      if (known) known.push(signer);
      else byKey.set(key, [signer]);
    } catch (error) {
      if (findings.length < maxFindings) findings.push(findingOf(index + 1, error));
    }
  }
  return { byKey, findings };
}

/** True when somebody in the list could sign a commit. */
export function canAnybodySign({ byKey }: AllowedSigners): boolean {
  return [...byKey.values()].some((signers) => signers.some(signsCommits));
}

export function signsCommits({ namespaces }: AllowedSigner): boolean {
  return namespaces === null || matchesPatternList(gitNamespace, namespaces);
}

function parseLine(text: string, line: number): { readonly key: string; readonly signer: AllowedSigner } {
  if (text.length > maxLineLength) throw new SignerLineError(`is longer than ${maxLineLength} characters`);
  const [, quoted, bare, rest = ''] = /^(?:"([^"]*)"|([^\s"]+))(?:\s+(.*))?$/s.exec(text) ?? [];
  const principals = quoted ?? bare ?? '';
  if (principals === '') throw new SignerLineError('does not begin with e-mail addresses');
  // Options may hold spaces in quotes; a key type never looks like an option.
  const [, optionText = '', type = '', key = ''] =
    /^(?:((?:[^\s"]|"(?:[^"\\]|\\.)*")+)\s+)??([a-z][\w@.-]*)\s+([A-Za-z0-9+/]+={0,2})(?:\s.*)?$/s.exec(
      rest,
    ) ?? [];
  if (key === '')
    throw new SignerLineError('has no key of the form "ssh-ed25519 AAAA…" behind the addresses');
  const options = parseSignerOptions(optionText);
  if (options.isAuthority)
    throw new SignerLineError('names a certificate authority; list the keys of people instead');
  const blob = Buffer.from(key, 'base64');
  if (blob.toString('base64') !== key) throw new SignerLineError('has a key that is no base64');
  const parsed = parseSshPublicKey(blob);
  if (parsed.type !== type)
    throw new SignerLineError(`says ${shorten(type)}, but its key is of type ${parsed.type}`);
  return { key, signer: { ...options, line, principals, fingerprint: parsed.fingerprint } };
}

function findingOf(line: number, error: unknown): Finding {
  const isKnown = error instanceof SignerLineError || isHeadwaterError(error, 'HW_COMMIT_SIGNATURE');
  if (!isKnown) throw error;
  const reason = error instanceof SignerLineError ? error.message : `is not used: ${error.message}`;
  return {
    severity: 'warning',
    code: 'HW_SIGNERS_LINE',
    file: allowedSignersPath,
    pointer: '',
    line,
    message: `the line ${reason}`,
    hint: 'Write for example: ann@example.org namespaces="git" ssh-ed25519 AAAA…',
  };
}
