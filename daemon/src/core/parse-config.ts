/** Files of the repository, read strictly: what is wrong comes back as a value with its place, for people to fix. */
import {
  type ErrorCode,
  fromUtf8,
  isHeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  parsePointer,
} from '@headwater/schemas/protocol';
import { type Node, type ParseError, parseTree } from 'jsonc-parser';

/** Largest file of the repository that is read, in bytes. */
export const maxFileBytes = 512 * 1024;

/** What is wrong in a file; with the file's path it is a finding. */
export interface FileProblem {
  readonly code: ErrorCode;
  /** JSON Pointer; "" for the whole file. */
  readonly pointer: string;
  /** From 1. */
  readonly line?: number;
  readonly message: string;
  readonly hint: string;
}

export type ParsedConfig = { readonly value: JsonObject } | { readonly problem: FileProblem };

/** Parses one JSON file whose top level is an object. `$schema` (top level) and `$comment` (any object) are dropped. */
export function parseConfig(bytes: Uint8Array): ParsedConfig {
  const parsed = parseDocument(bytes);
  if ('problem' in parsed) return parsed;
  const { $schema: _, ...rest } = parsed.value;
  // Most files have none; a key may also be spelt with escapes.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mayComment = text.includes('$comment') || text.includes('\\u');
  return { value: mayComment ? (withoutComments(rest) as JsonObject) : rest };
}

/** As `parseConfig`, with nothing dropped: for schemas, where `$schema` and `$comment` are keywords. */
export function parseDocument(bytes: Uint8Array): ParsedConfig {
  if (bytes.length > maxFileBytes) return { problem: tooLarge(bytes.length) };
  let text = '';
  try {
    text = fromUtf8(bytes);
    const value = parseJson(text);
    return isObject(value) ? { value } : { problem: notObject(value) };
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const offset = error.code === 'HW_JSON_SYNTAX' ? syntaxOffset(text) : error.details.offset;
    return {
      problem: {
        code: error.code,
        pointer: typeof error.details.pointer === 'string' ? error.details.pointer : '',
        ...(typeof offset === 'number' ? { line: lineAt(text, offset) } : {}),
        message: error.message,
        hint: error.hint ?? 'Correct the file.',
      },
    };
  }
}

/** Line (from 1) of the place a pointer names in JSON text: the key of a member, else the value. `undefined`: not found. */
export function locate(text: string, pointer: string): number | undefined {
  return createLocator(text)(pointer);
}

/** `locate` for many pointers of one file. */
export function createLocator(content: Uint8Array | string): (pointer: string) => number | undefined {
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
  let root: Node | undefined | null = null;
  return (pointer) => {
    root ??= readTree(text);
    const node = root && nodeAt(root, pointer);
    if (!node) return undefined;
    return lineAt(text, node.parent?.type === 'property' ? node.parent.offset : node.offset);
  };
}

/** Line (from 1) of an offset in UTF-16 units. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** @param bytes Size of the file where it is known. */
export function tooLarge(bytes?: number): FileProblem {
  const message = `expected at most ${maxFileBytes} bytes${bytes === undefined ? '' : `, got ${bytes}`}`;
  return {
    code: 'HW_FILE_TOO_LARGE',
    pointer: '',
    message,
    hint: 'Split the file, or keep large data elsewhere.',
  };
}

function notObject(value: JsonValue): FileProblem {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  return {
    code: 'HW_JSON_NOT_OBJECT',
    pointer: '',
    line: 1,
    message: `expected an object at the top level, got ${kind}`,
    hint: 'Write { "setting": value }.',
  };
}

function withoutComments(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutComments);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([key]) => key !== '$comment');
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutComments(child)]));
}

/** The engine does not always say where: the tolerant parser does. */
function syntaxOffset(text: string): number | undefined {
  const errors: ParseError[] = [];
  return readTree(text, errors) === undefined && errors.length === 0 ? undefined : errors[0]?.offset;
}

function readTree(text: string, errors: ParseError[] = []): Node | undefined {
  try {
    return parseTree(text, errors, {
      disallowComments: true,
      allowTrailingComma: false,
      allowEmptyContent: false,
    });
  } catch (error) {
    // The tolerant parser recurses; text nested thousands of levels deep overflows it and simply gets no line.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The node at a pointer, else the nearest one above it: a missing setting is shown at the object that lacks it. */
function nodeAt(root: Node, pointer: string): Node {
  let node = root;
  for (const part of parsePointer(pointer)) {
    const child = childAt(node, part);
    if (child === undefined) break;
    node = child;
  }
  return node;
}

function childAt(node: Node, part: string): Node | undefined {
  if (node.type === 'array') return node.children?.[Number(part)];
  return node.children?.find((member) => member.children?.[0]?.value === part)?.children?.[1];
}
