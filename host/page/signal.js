// A value that others follow.

/**
 * @template T
 * @typedef {{ value: T, follow: (listener: (value: T) => void, options?: { now?: boolean }) => () => void }} Signal
 */

/**
 * @template T
 * @param {T} first
 * @returns {Signal<T>}
 */
export function signal(first) {
  let value = first;
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get value() {
      return value;
    },
    set value(next) {
      if (Object.is(next, value)) return;
      value = next;
      // One of them may have taken another away.
      for (const listener of [...listeners]) if (listeners.has(listener)) listener(value);
    },
    follow(listener, options) {
      listeners.add(listener);
      if (options?.now) listener(value);
      return () => listeners.delete(listener);
    },
  };
}

/** What a view has to undo when it goes. */
export class Undo {
  /** @type {(() => void)[]} */
  #steps = [];

  /** @param {...(() => void)} steps */
  add(...steps) {
    this.#steps.push(...steps);
  }

  /**
   * @param {EventTarget} target
   * @param {string} event
   * @param {(event: any) => void} listener
   * @param {AddEventListenerOptions} [options]
   */
  listen(target, event, listener, options) {
    target.addEventListener(event, listener, options);
    this.add(() => target.removeEventListener(event, listener, options));
  }

  /**
   * @param {() => void} act
   * @param {number} milliseconds
   */
  every(act, milliseconds) {
    const timer = setInterval(act, milliseconds);
    this.add(() => clearInterval(timer));
  }

  run() {
    for (const step of this.#steps.splice(0).reverse()) step();
  }
}
