import { formatPointer, isObject, type JsonObject } from '@headwater/schemas/protocol';
import type { ReadBlob } from './files.ts';
import type { Finding } from './finding.ts';
import type { ParsedConfig } from './parse-config.ts';
import { placeFindings, type UnplacedFinding } from './place-problems.ts';
import type { SharedFile } from './repo-index.ts';

/**
 * Shared values that no service takes, as warnings. A shared file that no service looks at is no input of anything, so that even a
 * broken one holds nothing; otherwise the services that read it report what is wrong with it.
 */
export async function judgeShared(
  files: readonly SharedFile[],
  parse: (oid: string) => Promise<ParsedConfig>,
  readBlob: ReadBlob,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, oid, taken } of files) {
    const parsed = await parse(oid);
    if ('value' in parsed) {
      const unplaced = [...untaken(parsed.value, taken, [])].map((pointer) => unused(path, oid, pointer));
      findings.push(...(await placeFindings(unplaced, readBlob, {})));
    } else if (taken.size === 0) {
      findings.push({ severity: 'warning', file: path, ...parsed.problem });
    }
  }
  return findings;
}

function* untaken(value: JsonObject, taken: ReadonlySet<string>, path: readonly string[]): Generator<string> {
  for (const [name, child] of Object.entries(value)) {
    const pointer = formatPointer([...path, name]);
    if (taken.has(pointer)) continue;
    const partly = isObject(child) && [...taken].some((other) => other.startsWith(`${pointer}/`));
    if (partly) yield* untaken(child, taken, [...path, name]);
    else yield pointer;
  }
}

function unused(path: string, oid: string, pointer: string): UnplacedFinding {
  return {
    severity: 'warning',
    code: 'HW_SHARED_UNUSED',
    path,
    oid,
    pointer,
    message: `no service below this folder takes ${pointer}`,
    hint: 'Mark the setting "shared" in the x-hw of a schema, or remove it here.',
  };
}
