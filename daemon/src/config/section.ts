import { dirname, resolve } from 'node:path';
import { HeadwaterError, isObject, type JsonObject, type JsonValue } from '@headwater/schemas/protocol';

/**
 * One object of `config.json`, read field by field. A field that nobody asked for is an error at `end`, as a misspelt one would
 * otherwise be ignored in silence. Every reader throws `HW_USAGE` naming the file and the field, never the value: it may be a secret.
 */
export class Section {
  readonly #file: string;
  readonly #path: string;
  readonly #value: JsonObject;
  readonly #asked = new Set<string>();

  /** @param path Where the object stands in the file: "remote", "webhooks.github"; empty at the top. */
  constructor(file: string, path: string, value: JsonValue) {
    this.#file = file;
    this.#path = path;
    if (!isObject(value))
      throw this.wrong(null, 'is not a JSON object', 'Write it as { … }; the smallest one is {}.');
    this.#value = value;
  }

  /** Names of all fields that are there. */
  names(): string[] {
    return Object.keys(this.#value);
  }

  /** A non-empty text without control characters. */
  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '' && !/\p{Cc}/u.test(value)) return value;
    throw this.wrong(name, 'is not a text', 'Write one line of text in double quotes.');
  }

  /** A path; a relative one is taken from the folder of the config file. */
  path(name: string): string | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : resolve(dirname(this.#file), text);
  }

  number(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= range.min && value <= range.max) return value;
    throw this.wrong(name, 'is out of range', `Write a number from ${range.min} to ${range.max}.`);
  }

  flag(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.wrong(name, 'is neither true nor false', 'Write true or false, without quotes.');
  }

  section(name: string): Section | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : new Section(this.#file, this.#at(name), value);
  }

  /** Call when everything was read. */
  end(): void {
    const unknown = this.names().filter((name) => !this.#asked.has(name));
    if (unknown.length === 0) return;
    const names = unknown.map((name) => JSON.stringify(this.#at(name))).join(', ');
    throw new HeadwaterError('HW_USAGE', {
      message: `${this.#file}: unknown setting ${names}`,
      hint: 'Remove it, or correct its name; docs/configuration.md lists all settings.',
    });
  }

  /** An error about a field; `null` = about the section itself. */
  wrong(name: string | null, what: string, hint: string): HeadwaterError {
    const place = name === null ? this.#path : this.#at(name);
    const subject = place === '' ? `the config file ${this.#file}` : `${this.#file}: "${place}"`;
    return new HeadwaterError('HW_USAGE', { message: `${subject} ${what}`, hint });
  }

  #take(name: string): JsonValue | undefined {
    this.#asked.add(name);
    return Object.hasOwn(this.#value, name) ? this.#value[name] : undefined;
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}
