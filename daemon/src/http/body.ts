/** Bodies of requests, read strictly: a member that nobody reads is told instead of being ignored. */
import { isName, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';
import { requestInvalid } from './not-found.ts';

const maxText = 10_000;
const maxPointer = 2_000;

export class Body {
  readonly #members: Readonly<Record<string, JsonValue>>;
  /** For messages: where in the body this is. */
  readonly #place: string;

  /** @throws HeadwaterError `HW_REQUEST_INVALID` unless it is an object with no members but `known`. */
  constructor(value: unknown, known: readonly string[], place = 'the body') {
    this.#place = place;
    if (!isObject(value)) throw requestInvalid(`${place} is an object with: ${known.join(', ')}`);
    const unknown = Object.keys(value).some((name) => !known.includes(name));
    if (unknown) throw requestInvalid(`${place} has a member other than: ${known.join(', ')}`);
    this.#members = value;
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined;
  }

  /** `undefined` when it is absent. @throws `HW_REQUEST_INVALID` above 10,000 characters. */
  text(name: string): string | undefined {
    const value = this.#members[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value.length > maxText) throw this.#wrong(name, 'a text');
    return value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw this.#wrong(name, 'a text, and needed');
    return value;
  }

  /** A name as services, environments and presets have. */
  name(name: string): string {
    const value = this.#members[name];
    if (typeof value !== 'string' || !isName(value)) throw this.#wrong(name, 'a name');
    return value;
  }

  /** "base" or the name of an environment. */
  layer(name: string): string {
    return this.#members[name] === 'base' ? 'base' : this.name(name);
  }

  /** A JSON Pointer to a setting; a text without "/" names a top-level setting. */
  pointer(name: string): string {
    const value = this.required(name);
    const pointer = value.startsWith('/') ? value : `/${value.replaceAll('~', '~0')}`;
    const isPointer = pointer.length <= maxPointer && !/~(?![01])/.test(pointer) && pointer !== '/';
    if (!isPointer) throw this.#wrong(name, 'a JSON Pointer');
    return pointer;
  }

  flag(name: string): boolean {
    const value = this.#members[name] ?? false;
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false');
    return value;
  }

  /** A whole number from 0 to `most`. */
  count(name: string, most: number): number | undefined {
    const value = this.#members[name];
    if (value === undefined) return undefined;
    const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
    if (!isCount) throw this.#wrong(name, `a number from 0 to ${most}`);
    return value;
  }

  object(name: string): JsonObject | undefined {
    const value = this.#members[name];
    if (value !== undefined && !isObject(value)) throw this.#wrong(name, 'an object');
    return value;
  }

  list(name: string, most: number): readonly JsonValue[] {
    const value = this.#members[name];
    if (!Array.isArray(value) || value.length === 0 || value.length > most)
      throw this.#wrong(name, `a list of 1 to ${most}`);
    return value as readonly JsonValue[];
  }

  value(name: string): JsonValue | undefined {
    return this.#members[name];
  }

  #wrong(name: string, what: string) {
    return requestInvalid(`"${name}" of ${this.#place} is ${what}`);
  }
}
