import type { SopsFile } from './parse-sops-file.ts';
import { compileRule } from './selection-rule.ts';
import { eachLeaf } from './walk-leaves.ts';

/** Values as they stand in the file, by pointer: two versions are compared without being opened. */
export function sealedValues({ tree, metadata }: SopsFile): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  eachLeaf(tree, compileRule(metadata.rule), (value, { pointer }) => found.set(pointer(), String(value)));
  return found;
}
