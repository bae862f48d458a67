import { isRefName } from '../ref-name.ts';

/** True when `ref` is one of the names, or lies below one that ends in "/*". Names that git would refuse match nothing. */
export function matchesRef(ref: string, patterns: readonly string[]): boolean {
  return (
    isRefName(ref) &&
    patterns.some((pattern) =>
      pattern.endsWith('/*') ? ref.startsWith(pattern.slice(0, -1)) : ref === pattern,
    )
  );
}
