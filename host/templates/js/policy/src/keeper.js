// Which stretch of video an event makes worth keeping. Pure.

/** Events that a stretch names as its reason, at most. */
const REASONS = 64;

/** Follows the events of one camera. Times are microseconds since 1970. */
export class Keeper {
  #before;
  #after;
  #last;

  constructor(before, after) {
    this.#before = before;
    this.#after = after;
  }

  /** The stretch around an event: a new one, or the last, made longer, where they touch. */
  hear(id, time) {
    // No time is before 1970.
    const start = Math.max(time - this.#before, 0);
    const end = time + this.#after;
    const last = this.#last;
    const touches = last && start <= last.end && end >= last.start;
    const stretch = touches ? last : { number: (last?.number ?? 0) + 1, start, end, because: [] };
    stretch.start = Math.min(stretch.start, start);
    stretch.end = Math.max(stretch.end, end);
    if (stretch.because.length < REASONS && !stretch.because.includes(id)) {
      stretch.because.push(id);
    }
    this.#last = stretch;
    return { ...stretch, because: [...stretch.because] };
  }
}
