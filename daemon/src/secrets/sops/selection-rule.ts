/** Which values of a file are encrypted. SOPS decides by the names of the keys down to a value. */
import { HeadwaterError } from '@headwater/schemas/protocol';
import { RE2JS } from 're2js';

export const selectionKinds = [
  'unencrypted_suffix',
  'encrypted_suffix',
  'unencrypted_regex',
  'encrypted_regex',
] as const;
export type SelectionKind = (typeof selectionKinds)[number];

export interface SelectionRule {
  readonly kind: SelectionKind;
  /** Suffix, or RE2 pattern that may match anywhere in a key. Never empty. */
  readonly text: string;
}

/** What SOPS does without a rule: everything is encrypted but what a key marks. */
export const defaultRule: SelectionRule = { kind: 'unencrypted_suffix', text: '_unencrypted' };

export const sameRule = (a: SelectionRule, b: SelectionRule): boolean =>
  a.kind === b.kind && a.text === b.text;

/** As metadata and messages show it: `unencrypted_suffix: _unencrypted`. */
export const showRule = ({ kind, text }: SelectionRule): string => `${kind}: ${text}`;

/** A rule ready to be asked key by key, from the top of the file down to a value. */
export interface Selector {
  /** Whether values are encrypted before any key was looked at. */
  readonly atTop: boolean;
  /** Whether values below `key` are encrypted, given what the keys above it said. One match decides for everything below. */
  below(key: string, above: boolean): boolean;
}

/**
 * Patterns come from the repository, so they run on RE2JS: it is the dialect of SOPS, and linear in time.
 * @throws HeadwaterError `HW_SECRETS_UNSUPPORTED` for a pattern that is none, or longer than 1000 characters.
 */
export function compileRule(rule: SelectionRule): Selector {
  const matches = matcherOf(rule);
  const atTop = rule.kind.startsWith('unencrypted');
  const known = new Map<string, boolean>();
  return {
    atTop,
    below(key, above) {
      if (above !== atTop) return above;
      let hit = known.get(key);
      if (hit === undefined) {
        hit = matches(key);
        known.set(key, hit);
      }
      return hit ? !atTop : atTop;
    },
  };
}

/** Longer ones take RE2JS a noticeable time to compile. */
const maxPatternLength = 1000;

/** @throws HeadwaterError `HW_SECRETS_UNSUPPORTED`. */
export function compilePattern(pattern: string): (text: string) => boolean {
  if (pattern.length > maxPatternLength) throw unusable(`it has more than ${maxPatternLength} characters`);
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.test(text);
  } catch (error) {
    throw unusable(error instanceof Error ? error.message.slice(0, 160) : 'it is not RE2 syntax');
  }
}

function matcherOf({ kind, text }: SelectionRule): (key: string) => boolean {
  return kind.endsWith('suffix') ? (key) => key.endsWith(text) : compilePattern(text);
}

function unusable(reason: string): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_UNSUPPORTED', {
    message: `a pattern of the selection rule cannot be used: ${reason}`,
    hint: 'Write it in RE2 syntax, as SOPS asks for: no look-around, no back-references.',
  });
}
