// Whether a picture is bright, and since when. Pure.

/** Follows the pictures of one camera. */
export class Light {
  #level;
  #count = 0;
  #on = false;

  /** Bright is what has at least this mean level. */
  constructor(level) {
    this.#level = level;
  }

  /** Nothing is known of what was. */
  forget() {
    this.#on = false;
  }

  /** What to say of a picture of grey pixels: the phase, with the number of the bright time that it is of. */
  look(pixels) {
    let sum = 0;
    for (let at = 0; at < pixels.length; at++) {
      sum += pixels[at];
    }
    const bright = sum >= this.#level * pixels.length;
    const was = this.#on;
    this.#on = bright;
    if (!was && !bright) {
      return undefined;
    }
    if (!was) {
      this.#count++;
      return { number: this.#count, phase: "begin" };
    }
    // What is not renewed within 5 s, the host ends.
    return { number: this.#count, phase: bright ? "update" : "end" };
  }
}
