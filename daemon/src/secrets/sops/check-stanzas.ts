import { isHeadwaterError } from '@headwater/schemas/protocol';
import type { FileProblem } from '../../core/parse-config.ts';
import { readAgeHeader } from '../age/age-header.ts';
import { isRecipient } from '../age/recipient.ts';
import { maxStanzaBytes } from './data-key.ts';
import type { AgeStanza, SopsMetadata } from './metadata.ts';

/** Who can open the file, compared with who should: age keys only, one stanza each, nobody more and nobody less. */
export function checkStanzas({ age, foreign }: SopsMetadata, expected: readonly string[]): FileProblem[] {
  const problems: FileProblem[] = [...foreign.keys()].map((field) =>
    wrongKeys(`/sops/${field}`, `keys of another kind can open it (${field})`),
  );
  const seen = new Set<string>();
  for (const [index, stanza] of age.entries()) {
    const pointer = `/sops/age/${index}`;
    const { recipient } = stanza;
    if (!isRecipient(recipient))
      problems.push(wrongKeys(pointer, `${show(recipient)} is no age public key (X25519)`));
    else if (!expected.includes(recipient))
      problems.push(wrongKeys(pointer, `${recipient} can open it, but should not`));
    else if (seen.has(recipient)) problems.push(wrongKeys(pointer, `${recipient} stands there twice`));
    seen.add(recipient);
    const broken = brokenStanza(stanza, pointer);
    if (broken !== null) problems.push(broken);
  }
  for (const recipient of new Set(expected)) {
    if (!seen.has(recipient))
      problems.push(wrongKeys('/sops/age', `${recipient} cannot open it, but should`));
  }
  return problems;
}

function brokenStanza({ enc }: AgeStanza, pointer: string): FileProblem | null {
  try {
    const { kinds } = readAgeHeader(enc, maxStanzaBytes);
    // What comes beside the one stanza could let somebody in whom the metadata does not name.
    if (kinds.length === 1 && kinds[0] === 'X25519') return null;
    return wrongKeys(
      `${pointer}/enc`,
      `the data key is wrapped for ${kinds.length} keys at once, or not for an X25519 key`,
    );
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const { code, message, hint } = error;
    return {
      code,
      pointer: `${pointer}/enc`,
      message,
      hint: hint ?? 'Wrap the data key again with sops updatekeys.',
    };
  }
}

function wrongKeys(pointer: string, message: string): FileProblem {
  const hint =
    'Run sops updatekeys on it, or headwater secrets recipients. Whoever could open it may have read it: rotate.';
  return { code: 'HW_SECRETS_RECIPIENTS', pointer, message, hint };
}

const show = (text: string): string => JSON.stringify(text.slice(0, 80));
