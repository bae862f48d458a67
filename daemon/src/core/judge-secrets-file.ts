/** One secrets file, judged without any key: what it is encrypted for, and which settings it has. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { checkSopsStructure, type SopsPolicy } from '../secrets/sops/check-structure.ts';
import { parseSopsFile, type SopsFile } from '../secrets/sops/parse-sops-file.ts';
import { parseSealed } from '../secrets/sops/sealed-value.ts';
import { compileRule } from '../secrets/sops/selection-rule.ts';
import { eachLeaf } from '../secrets/sops/walk-leaves.ts';
import { type FileProblem, tooLarge } from './parse-config.ts';

/** What stands in a file, and what is wrong with it. */
export interface SecretsFileFacts {
  readonly problems: readonly FileProblem[];
  /** Pointer of every value → its size in bytes of UTF-8. Complete when there is no problem. */
  readonly sizes: ReadonlyMap<string, number>;
  /** When somebody saved the file last, RFC 3339; `null` when it cannot be read. */
  readonly changedAt: string | null;
}

/** @param bytes `null`: larger than any file may be. */
export function readSecretsFile(bytes: Uint8Array | null, policy: SopsPolicy): SecretsFileFacts {
  const parsed = bytes === null ? tooLarge() : parse(bytes);
  if ('code' in parsed) return { problems: [parsed], sizes: new Map(), changedAt: null };
  return {
    problems: checkSopsStructure(parsed, policy),
    sizes: sizesOf(parsed, policy),
    changedAt: parsed.metadata.lastModified,
  };
}

function parse(bytes: Uint8Array): SopsFile | FileProblem {
  try {
    return parseSopsFile(bytes);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const { code, message, hint, details } = error;
    const pointer = typeof details.pointer === 'string' ? details.pointer : '';
    return { code, pointer, message, hint: hint ?? 'Correct the file.' };
  }
}

/** The cipher adds nothing to the length of a text, so it shows. */
function sizesOf({ tree }: SopsFile, { rule }: SopsPolicy): Map<string, number> {
  const sizes = new Map<string, number>();
  eachLeaf(tree, compileRule(rule), (value, { pointer }) => {
    const sealed = typeof value === 'string' ? parseSealed(value) : 'plain';
    sizes.set(pointer(), typeof sealed === 'object' && 'data' in sealed ? bytesOf(sealed.data) : 0);
  });
  return sizes;
}

const bytesOf = (base64: string): number => (base64.length / 4) * 3 - (base64.match(/=+$/)?.[0].length ?? 0);
