/** Dates moved by whole days (PS3.15 E.3.6): the time of day and what lies between two events stay. */

const DAY_MS = 86_400_000;

/**
 * The value of a DA, DT or TM moved by `days`, or `undefined` where one of its dates is not whole: half a date moved
 * by days is either wrong or tells more than it did.
 */
export function shiftDates(vr: string, text: string, days: number): string | undefined {
  const shifted = text.split('\\').map((value) => shiftOne(vr, value.trim(), days));
  return shifted.includes(undefined) ? undefined : shifted.join('\\');
}

function shiftOne(vr: string, value: string, days: number): string | undefined {
  if (value === '') return '';
  // Colons: ACR-NEMA 2.0, which PS3.5 6.2 lets a reader accept.
  if (vr === 'TM') return /^\d\d(:?\d\d(:?\d\d(\.\d{1,6})?)?)?$/.test(value) ? value : undefined;
  if (vr === 'DA') return shiftDay(value.replace(/^(\d{4})\.(\d\d)\.(\d\d)$/, '$1$2$3'), days);
  const { day = '', rest = '' } =
    /^(?<day>\d{8})(?<rest>(\d\d(\d\d(\d\d(\.\d{1,6})?)?)?)?([+-]\d{4})?)$/.exec(value)?.groups ?? {};
  const shifted = shiftDay(day, days);
  return shifted === undefined ? undefined : shifted + rest;
}

function shiftDay(day: string, days: number): string | undefined {
  const { y, m, d } = /^(?<y>[12]\d{3})(?<m>\d\d)(?<d>\d\d)$/.exec(day)?.groups ?? {};
  const start = Date.UTC(Number(y), Number(m) - 1, Number(d));
  // 31 February is no date; so is what no pattern met.
  if (Number.isNaN(start) || compact(start) !== day) return undefined;
  return compact(start + days * DAY_MS);
}

const compact = (time: number): string => new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
