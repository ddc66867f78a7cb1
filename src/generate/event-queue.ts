/** Events of several rows for one reader, who may be slower than they come. Knows nothing of what they are. */

export class EventQueue<T> {
  #events: T[] = [];
  #open: number;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param rows ends that the reader waits for */
  constructor(rows: number) {
    this.#open = rows;
  }

  push(event: T, last: boolean): void {
    this.#events.push(event);
    if (last) this.#open--;
    this.#wake?.();
  }

  /** Nothing more will come; what is there is still read. */
  end(): void {
    this.#open = 0;
    this.#wake?.();
  }

  /** Events not yet read are dropped. The first error counts. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  async *events(): AsyncGenerator<T> {
    while (true) {
      if (this.#error) throw this.#error;
      const ready = this.#events;
      this.#events = [];
      for (const event of ready) {
        yield event;
        if (this.#error) throw this.#error;
      }
      if (ready.length > 0) continue;
      if (this.#open <= 0) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }
}
