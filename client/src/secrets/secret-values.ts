/** Opened secrets by JSON Pointer. They lie in private fields, so that no printing of what holds them shows a value. */
export class SecretValues {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: Iterable<readonly [pointer: string, value: string]> = []) {
    this.#values = new Map(values);
  }

  get(pointer: string): string | undefined {
    return this.#values.get(pointer);
  }

  get pointers(): readonly string[] {
    return [...this.#values.keys()];
  }
}
