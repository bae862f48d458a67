/** What `.sops.yaml` asks of a secrets file. Without an answer the file counts as wrong: nobody said who may open it. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { FileState } from '../ports.ts';
import type { SopsPolicy } from '../secrets/sops/check-structure.ts';
import { type CreationRules, parseSopsYaml } from '../secrets/sops/sops-rules.ts';
import { BoundedCache } from './bounded-cache.ts';
import { type ReadBlob, readWithin } from './files.ts';
import { type FileProblem, tooLarge } from './parse-config.ts';

export type PathPolicy =
  | { readonly policy: SopsPolicy }
  /** `about`: whether the rules are to be corrected, or the secrets file has none. */
  | { readonly problem: FileProblem; readonly about: 'rules' | 'file' };

export type PolicyFor = (rules: FileState | null, path: string) => Promise<PathPolicy>;

/** Rules kept by blob id: a repository has one file of them. */
const maxCached = 16;

/** Remembers what it parsed. Rejects with what `readBlob` throws. */
export function createPolicyReader(readBlob: ReadBlob): PolicyFor {
  const cache = new BoundedCache<CreationRules | FileProblem>(maxCached);

  async function load(oid: string): Promise<CreationRules | FileProblem> {
    const known = cache.get(oid);
    if (known) return known;
    const bytes = await readWithin(readBlob, oid);
    const loaded = bytes === null ? tooLarge() : parse(bytes);
    cache.set(oid, loaded);
    return loaded;
  }

  return async (file, path) => {
    if (file === null) return missing('the repository has no .sops.yaml, so nothing says who may open it');
    const loaded = await load(file.oid);
    if ('code' in loaded) return { problem: loaded, about: 'rules' };
    const rule = loaded.ruleFor(path);
    if (rule === null) return missing('no creation rule of .sops.yaml fits its path');
    if (rule.unsupported !== null) {
      const message = `creation rule ${rule.index + 1} cannot be used for ${path}: ${rule.unsupported}`;
      const hint = 'Name age public keys (age1…) in it, and nothing else that opens files.';
      return { problem: { code: 'HW_SOPS_RULES', pointer: '', message, hint }, about: 'rules' };
    }
    const { recipients, rule: selection, macOnlyEncrypted } = rule;
    return { policy: { recipients, rule: selection, macOnlyEncrypted } };
  };
}

function parse(bytes: Uint8Array): CreationRules | FileProblem {
  try {
    return parseSopsYaml(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    return { code: error.code, pointer: '', message: error.message, hint: error.hint ?? 'Correct the file.' };
  }
}

function missing(message: string): PathPolicy {
  const hint =
    'Add a rule with path_regex and age (public keys, the one of `headwater keys show` among them), then `sops updatekeys` the file.';
  return { problem: { code: 'HW_SOPS_RULES', pointer: '', message, hint }, about: 'file' };
}
