import { HeadwaterError } from '@headwater/schemas/protocol';
import { isAlias, isNode, parseAllDocuments, visit } from 'yaml';

/** Larger files are not written by hand. */
const maxYamlLength = 64 * 1024;

/**
 * Parses one small YAML document as plain data. Anchors and aliases are refused: a few lines of them grow to gigabytes.
 * @throws HeadwaterError `HW_SOPS_RULES`.
 */
export function parseSmallYaml(text: string): unknown {
  if (text.length > maxYamlLength)
    throw wrong(`it has ${text.length} characters, expected ${maxYamlLength} at most`);
  try {
    const documents = parseAllDocuments(text, {
      uniqueKeys: true,
      version: '1.2',
      schema: 'core',
      logLevel: 'silent',
    });
    if (!Array.isArray(documents) || documents.length === 0) return null;
    const [document, another] = documents;
    if (document === undefined || another !== undefined) throw wrong('it has more than one document');
    const [error] = document.errors;
    if (error !== undefined) throw wrong(`line ${error.linePos?.[0].line ?? 1} is not YAML (${error.code})`);
    visit(document, {
      Node(_, node) {
        if (isAlias(node) || (isNode(node) && 'anchor' in node && node.anchor !== undefined)) {
          throw wrong('anchors and aliases are not supported');
        }
      },
    });
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    // The parser recurses: text nested thousands of levels deep overflows it.
    if (error instanceof RangeError) throw wrong('it is nested too deeply');
    throw error;
  }
}

function wrong(what: string): HeadwaterError {
  return new HeadwaterError('HW_SOPS_RULES', {
    message: `.sops.yaml cannot be used: ${what}`,
    hint: 'Write plain YAML: creation_rules, each with path_regex and age.',
  });
}
