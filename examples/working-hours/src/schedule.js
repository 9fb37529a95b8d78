// When people work, and what an event is worth then. Pure: the time on the wall is an argument.

const minutes = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

export class Schedule {
  #days;
  #from;
  #to;

  /** Of `08:00` to `18:00` on `days`, 1 is Monday. Where it ends before it begins, it ends on the next day. */
  constructor({ days, from, to }) {
    this.#days = days;
    this.#from = minutes(from);
    this.#to = minutes(to);
  }

  /** Whether people work at this time, as `clock.local` gives it. */
  atWork({ weekday, hour, minute }) {
    const now = hour * 60 + minute;
    if (this.#from <= this.#to) {
      return this.#days.includes(weekday) && this.#from <= now && now < this.#to;
    }
    const yesterday = weekday === 1 ? 7 : weekday - 1;
    return (
      (this.#days.includes(weekday) && now >= this.#from) ||
      (this.#days.includes(yesterday) && now < this.#to)
    );
  }
}

/** Events that a stretch names as its reason, at most. */
const REASONS = 64;

/** Stretches of video around events; those at work and those out of hours are not mixed. */
export class Stretches {
  #before;
  #after;
  #last;

  constructor(before, after) {
    this.#before = before;
    this.#after = after;
  }

  /** The stretch around an event: a new one, or the last, made longer, where they touch. */
  hear(id, time, atWork) {
    const start = Math.max(time - this.#before, 0);
    const end = time + this.#after;
    const last = this.#last;
    const goesOn = last && last.atWork === atWork && start <= last.end && end >= last.start;
    const stretch = goesOn
      ? last
      : { number: (last?.number ?? 0) + 1, start, end, atWork, because: [] };
    stretch.start = Math.min(stretch.start, start);
    stretch.end = Math.max(stretch.end, end);
    if (stretch.because.length < REASONS && !stretch.because.includes(id)) {
      stretch.because.push(id);
    }
    this.#last = stretch;
    return { ...stretch, because: [...stretch.because] };
  }
}
