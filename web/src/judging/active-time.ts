/** Milliseconds with the page in view and somebody there: stops when hidden, and a minute after the last sign of life. */
const idleAfter = 60_000;

export class ActiveTime {
  #total = 0;
  #last = performance.now();

  constructor() {
    const tick = (): void => this.#tick();
    for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "visibilitychange"]) {
      document.addEventListener(kind, tick, { passive: true, capture: true });
    }
  }

  restart(): void {
    this.#total = 0;
    this.#last = performance.now();
  }

  milliseconds(): number {
    this.#tick();
    return Math.round(this.#total);
  }

  /** A gap counts up to the idle limit; the monotonic clock does not jump. */
  #tick(): void {
    const now = performance.now();
    if (!document.hidden) this.#total += Math.min(now - this.#last, idleAfter);
    this.#last = now;
  }
}
