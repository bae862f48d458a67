/** The era that is in force: a number that every epoch carries and that begins anew with each accepted rewrite of history. */
export interface EraSource {
  readonly current: number;
}

/** The era as this daemon knows it: the highest that anybody trusted has spoken of. It never falls. */
export class Era implements EraSource {
  #current = 1;

  get current(): number {
    return this.#current;
  }

  /** Returns true when `era` is news. */
  raise(era: number): boolean {
    if (era <= this.#current) return false;
    this.#current = era;
    return true;
  }
}
