// Amounts, as people read them.

/** `4.2 GB`. @param {number | null | undefined} count */
export function bytes(count) {
  if (count === null || count === undefined || !Number.isFinite(count)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = Math.abs(count);
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 99.5 || at === 0 ? Math.round(value) : Number(value.toPrecision(2))} ${units[at]}`;
}

/** `12 days`, `1.5 days`. @param {number | null | undefined} count */
export function days(count) {
  if (count === null || count === undefined || !Number.isFinite(count)) return "–";
  if (count >= 730) return `${Number((count / 365.25).toPrecision(2))} years`;
  const value = count >= 10 ? Math.round(count) : Number(count.toFixed(1));
  return `${value} ${value === 1 ? "day" : "days"}`;
}

/** `840 µs`, `12 ms`. @param {number} micros */
export function micros(micros) {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  return `${Number((micros / 1000).toPrecision(micros < 10_000 ? 2 : 3))} ms`;
}
