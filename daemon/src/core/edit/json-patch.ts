import {
  applyPatch,
  equalValues,
  HeadwaterError,
  isHeadwaterError,
  isObject,
  type JsonValue,
  type PatchOp,
  parsePointer,
  valueAt,
} from '@headwater/schemas/protocol';

/**
 * Applies a JSON Patch as RFC 6902 has it, all six operations. Messages on the wire use three of them; people and tools send any.
 * @param ops A request body: nothing about it is known yet.
 * @throws HeadwaterError `HW_PATCH_INVALID` (malformed, or it does not fit the document), `HW_PATCH_TEST` when a `test` does not hold.
 */
export function applyJsonPatch(document: JsonValue, ops: unknown): JsonValue {
  if (!Array.isArray(ops)) throw invalid('it is not a list of operations', '');
  let value = document;
  /** Operations that can be applied together, which copies what they touch once. */
  let waiting: PatchOp[] = [];
  const settle = (): JsonValue => {
    if (waiting.length > 0) value = applySome(value, waiting);
    waiting = [];
    return value;
  };
  for (const op of ops as readonly unknown[]) {
    if (!isObject(op) || typeof op.path !== 'string') throw invalid('an operation has no path', '');
    if (op.op === 'test') check(settle(), op.path, op.value);
    else if (op.op === 'copy' || op.op === 'move') {
      const before = settle();
      waiting.push(...transfer(before, op.op, op.from, op.path));
    } else waiting.push(op as unknown as PatchOp);
  }
  return settle();
}

/** The same refusals in the words of somebody who sent a patch. */
function applySome(document: JsonValue, ops: readonly PatchOp[]): JsonValue {
  try {
    return applyPatch(document, ops);
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_PATCH_INVALID')) throw error;
    throw invalid(error.message.replace(/^cannot apply the diff: /, ''), '');
  }
}

function check(document: JsonValue, path: string, wanted: JsonValue | undefined): void {
  if (wanted === undefined) throw invalid('a test has no value', path);
  const found = at(document, path);
  if (found !== undefined && equalValues(found, wanted)) return;
  throw new HeadwaterError('HW_PATCH_TEST', {
    message: `the patch expects another value at ${path.slice(0, 200) || 'the top'}`,
    hint: 'Read the document again, and make the patch anew from what is there now.',
    details: { path: path.slice(0, 200) },
  });
}

/** What a copy or a move comes to. */
function transfer(document: JsonValue, op: 'copy' | 'move', from: unknown, path: string): PatchOp[] {
  if (typeof from !== 'string') throw invalid(`a ${op} has no "from"`, path);
  const value = at(document, from);
  if (value === undefined) throw invalid('there is nothing at "from"', from);
  if (op === 'copy') return [{ op: 'add', path, value }];
  if (from === path) return [];
  if (path.startsWith(`${from}/`)) throw invalid('a value cannot be moved into itself', path);
  return [
    { op: 'remove', path: from },
    { op: 'add', path, value },
  ];
}

function at(document: JsonValue, path: string): JsonValue | undefined {
  try {
    parsePointer(path);
  } catch {
    throw invalid('a path is not a JSON Pointer', path); // the cause would only say the same
  }
  return valueAt(document, path) as JsonValue | undefined;
}

function invalid(reason: string, path: string): HeadwaterError {
  return new HeadwaterError('HW_PATCH_INVALID', {
    message: `cannot apply the patch: ${reason}${path === '' ? '' : ` (${path.slice(0, 200)})`}`,
    hint: 'Send a list of operations as in RFC 6902: [{ "op": "replace", "path": "/setting", "value": 1 }].',
    details: { path: path.slice(0, 200) },
  });
}
