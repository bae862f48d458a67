/** Runs jobs one after the other. A failing job is its caller's business and does not stop the next. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(job);
    this.#tail = result.catch(() => undefined); // the caller of `run` holds the rejection
    return result;
  }

  /** Resolves when everything enqueued so far is done. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
