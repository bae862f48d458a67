/** Query parameters, read strictly: a typo is told instead of being ignored. */
import { isName } from '@headwater/schemas/protocol';
import type { FastifyRequest } from 'fastify';
import { requestInvalid } from './not-found.ts';

/** Longest text of a filter. */
const maxText = 200;

export class Query {
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws HeadwaterError `HW_REQUEST_INVALID` for a parameter that is not in `known`, or that comes twice. */
  constructor(request: FastifyRequest, known: readonly string[]) {
    this.#values = request.query as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(this.#values)) {
      if (!known.includes(name))
        throw requestInvalid(`there is no parameter of that name; known: ${known.join(', ')}`);
      if (typeof value !== 'string') throw requestInvalid(`the parameter "${name}" comes more than once`);
    }
  }

  /** `undefined` when it is absent or empty. @throws `HW_REQUEST_INVALID` above 200 characters. */
  text(name: string): string | undefined {
    const value = this.#values[name] as string | undefined;
    if (value === undefined || value === '') return undefined;
    if (value.length > maxText)
      throw requestInvalid(`the parameter "${name}" is longer than ${maxText} characters`);
    return value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw requestInvalid(`the parameter "${name}" is missing`);
    return value;
  }

  /** A name as services, environments and presets have. */
  name(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !isName(value)) throw requestInvalid(`the parameter "${name}" is not a name`);
    return value;
  }

  /** A JSON Pointer; a text without "/" names a top-level setting. */
  pointer(name: string): string | undefined {
    const value = this.text(name);
    return value === undefined || value.startsWith('/') ? value : `/${value.replaceAll('~', '~0')}`;
  }

  /** A whole number from 1 to `most`. */
  count(name: string, otherwise: number, most: number): number {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    const count = /^\d{1,6}$/.test(value) ? Number(value) : 0;
    if (count < 1 || count > most)
      throw requestInvalid(`the parameter "${name}" is a number from 1 to ${most}`);
    return count;
  }

  /** `true` or `false`. */
  flag(name: string, otherwise = false): boolean {
    const value = this.text(name) ?? String(otherwise);
    if (value !== 'true' && value !== 'false')
      throw requestInvalid(`the parameter "${name}" is true or false`);
    return value === 'true';
  }

  /** A commit id, whole. */
  commit(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(value))
      throw requestInvalid(`the parameter "${name}" is not a whole commit id`);
    return value;
  }
}
