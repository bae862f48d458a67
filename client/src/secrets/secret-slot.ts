import { HeadwaterError } from '@headwater/schemas/protocol';
import type { SecretsProblem } from './opened-secrets.ts';

/** How a secret looks wherever it is printed. */
export const shownSecret = '[secret]';
export const shownUnavailable = '[secret unavailable]';

/** What one secret setting gives when it is read: its value, or the reason why there is none. */
export class SecretSlot {
  readonly pointer: string;
  /** `null` when there is a value. */
  readonly problem: SecretsProblem | null;
  /** True when the process environment sets it. */
  readonly isOverride: boolean;
  readonly #value: string;

  private constructor(pointer: string, value: string, problem: SecretsProblem | null, isOverride: boolean) {
    this.pointer = pointer;
    this.#value = value;
    this.problem = problem;
    this.isOverride = isOverride;
  }

  static of(pointer: string, value: string, isOverride = false): SecretSlot {
    return new SecretSlot(pointer, value, null, isOverride);
  }

  static without(pointer: string, problem: SecretsProblem): SecretSlot {
    return new SecretSlot(pointer, '', problem, false);
  }

  /** @throws HeadwaterError `HW_SECRET_UNAVAILABLE`. */
  read(): string {
    if (this.problem === null) return this.#value;
    const { reason, message, hint } = this.problem;
    throw new HeadwaterError('HW_SECRET_UNAVAILABLE', {
      message: `the secret ${this.pointer} cannot be read: ${message}`,
      hint,
      details: { pointer: this.pointer, reason },
    });
  }

  /** What stands in its place in JSON, logs and inspection. */
  get shown(): string {
    return this.problem === null ? shownSecret : shownUnavailable;
  }

  /** True when a program could not tell the two apart. */
  equals(other: SecretSlot): boolean {
    return (this.problem === null) === (other.problem === null) && this.#value === other.#value;
  }
}
