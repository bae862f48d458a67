import { HeadwaterError } from './errors.ts';

/** Shape of every service, environment, group and preset name. */
export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;

/** Names with a meaning of their own in topics, files or routes. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'base',
  'defaults',
  'shared',
  'schema',
  'keys',
  'health',
  'epoch',
  'all',
]);

/** True when `text` may name a service, environment, group or preset. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text) && !RESERVED_NAMES.has(text);
}

/**
 * Checks a name once, at the edge; inside, names are trusted.
 * @param what What the name is of, for the message: "service", "environment", ...
 * @throws HeadwaterError `HW_NAME_INVALID` or `HW_NAME_RESERVED`.
 */
export function parseName(text: unknown, what: string): string {
  if (typeof text !== 'string' || !NAME_PATTERN.test(text)) {
    throw new HeadwaterError('HW_NAME_INVALID', {
      message: `${shown(text)} is not a ${what} name`,
      hint: 'Use a lower-case letter, then lower-case letters, digits and "-", 63 characters at most.',
    });
  }
  if (RESERVED_NAMES.has(text)) {
    throw new HeadwaterError('HW_NAME_RESERVED', {
      message: `"${text}" is reserved and cannot name a ${what}`,
      hint: `Choose another name. Reserved: ${[...RESERVED_NAMES].join(', ')}.`,
    });
  }
  return text;
}

/** Hostile input may be long or no text at all. */
const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `a value of type ${typeof value}`;
