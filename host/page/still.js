// What one presses stays where it is: a list's changes wait while a finger or a mouse button is down
// on it, so that a click opens what it began on.

/** So long after it is let go, at the latest, the click is there that a press becomes. */
const CLICK = 100;

export class Still {
  #pressed = false;
  #over = new AbortController();
  #timer = 0;
  /** @type {(() => void)[]} */
  #changes = [];

  /** @param {Element} list */
  constructor(list) {
    list.addEventListener("pointerdown", () => this.#press());
  }

  /** Changes the list, now or when it is let go. @param {() => void} change */
  change(change) {
    if (this.#pressed) this.#changes.push(change);
    else change();
  }

  #press() {
    clearTimeout(this.#timer);
    this.#over.abort();
    this.#over = new AbortController();
    this.#pressed = true;
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => this.#release(), { signal: this.#over.signal });
  }

  #release() {
    this.#over.abort();
    this.#timer = setTimeout(() => {
      this.#pressed = false;
      for (const change of this.#changes.splice(0)) change();
    }, CLICK);
  }
}
