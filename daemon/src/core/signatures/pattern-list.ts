/** Longest pattern that is matched: addresses are shorter. */
const maxPatternLength = 1024;

/**
 * OpenSSH's pattern lists: patterns with `*` and `?` between commas, `!` in front of what must not match. Something has to match, and
 * nothing with `!` may. Case counts.
 */
export function matchesPatternList(text: string, list: string): boolean {
  let isMatched = false;
  for (const item of list.split(',')) {
    const isNegated = item.startsWith('!');
    if (!matches(text, isNegated ? item.slice(1) : item)) continue;
    if (isNegated) return false;
    isMatched = true;
  }
  return isMatched;
}

/** Linear in the text for each `*`, whatever the pattern: it comes from the repository. */
function matches(text: string, pattern: string): boolean {
  if (pattern.length > maxPatternLength) return false;
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let afterStar = 0;
  while (at < text.length) {
    const char = pattern[inPattern];
    if (char === '*') {
      star = inPattern++;
      afterStar = at;
    } else if (char === '?' || (char !== undefined && char === text[at])) {
      at++;
      inPattern++;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++afterStar;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}
