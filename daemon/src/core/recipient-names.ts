/** Who a public key belongs to, as people write it into comments of `.sops.yaml` and of recipients files. */

/**
 * Names by public key: a comment behind the only key of a line, or the comment lines right above it.
 * Other comments say nothing of a key.
 */
export function recipientNames(text: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let above: string | null = null;
  for (const line of text.split('\n')) {
    const comment = /^\s*#(.*)$/.exec(line)?.[1]?.trim();
    if (comment !== undefined) {
      above = comment === '' ? null : comment;
      continue;
    }
    const [key, ...others] = line.match(/\bage1[02-9ac-hj-np-z]{58}\b/g) ?? [];
    if (key !== undefined && others.length === 0) {
      const name = /\s#(.*)$/.exec(line)?.[1]?.trim() || above;
      if (name && !names.has(key)) names.set(key, name);
    }
    above = null;
  }
  return names;
}
