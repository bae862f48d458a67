/** JSON Pointers (RFC 6901): how a setting is named. */
import { HeadwaterError } from './errors.ts';

export function formatPointer(parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** @throws HeadwaterError `HW_USAGE` when the text is not a JSON Pointer. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    throw new HeadwaterError('HW_USAGE', {
      message: `${JSON.stringify(pointer.slice(0, 100))} is not a JSON Pointer`,
      hint: 'A pointer reads /setting or /object/setting; "~" is written ~0 and "/" inside a name ~1.',
    });
  }
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Value at a pointer, or `undefined` when there is none. Own properties only. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of parsePointer(pointer)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    if (Array.isArray(value) && part === 'length') return undefined; // an own property, but no element
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
