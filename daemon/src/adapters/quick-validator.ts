import { BoundedCache } from '../core/bounded-cache.ts';
import { quickCheck, type TextRule } from '../core/quick-check.ts';
import type { SchemaValidator } from '../core/validate.ts';

/** Schemas that the validator compiled and found a config valid by. */
const maxProven = 20_000;
/** Characters of rules and texts that are remembered. */
const maxKnownCharacters = 4_000_000;
/** Longer texts are not worth remembering. */
const maxTextLength = 1_000;

/**
 * Says "valid" at once where a bounded look suffices, and asks `validator` everything else: schemas not proven yet, whatever is or
 * may be wrong, and every new text under a pattern.
 */
export function createQuickValidator(validator: SchemaValidator): SchemaValidator {
  const proven = new BoundedCache<true>(maxProven);
  const known = new BoundedCache<true>(maxKnownCharacters);
  const isKnown = (rule: TextRule) => known.get(keyOf(rule)) !== undefined;

  return {
    async check(schema, config) {
      // A schema that cannot be compiled has something wrong with it whatever the config says.
      const isProven = proven.get(schema.digest) !== undefined;
      const look = quickCheck(schema.document, config, isKnown);
      if (isProven && look.verdict === 'valid') return [];
      const problems = await validator.check(schema, config);
      if (problems.length === 0) {
        proven.set(schema.digest, true);
        for (const rule of look.unknown) remember(rule);
      }
      return problems;
    },
    close: () => validator.close(),
  };

  function remember(rule: TextRule): void {
    const key = keyOf(rule);
    if (rule.text.length <= maxTextLength) known.set(key, true, key.length);
  }
}

const keyOf = ({ keyword, rule, text }: TextRule): string => JSON.stringify([keyword, rule, text]);
