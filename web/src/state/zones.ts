import { dateFormat } from './formats.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The instant of a local date and time in a zone: of a doubled hour the first, of a missing one the one after it. */
export function instantOf(day: string, time: string, zone: string): number {
  const wanted = Date.parse(`${day}T${time}:00Z`);
  const [before, after] = [wanted - offsetAt(wanted - DAY, zone), wanted - offsetAt(wanted + DAY, zone)];
  const fits = [before, after].filter((one) => one + offsetAt(one, zone) === wanted);
  return fits.length ? Math.min(...fits) : Math.max(before, after);
}

/** Whether clocks are changed so near that times alone would say too little. */
export function isAroundChange(from: number, to: number, zone: string): boolean {
  return offsetAt(from - HOUR, zone) !== offsetAt(to + HOUR, zone);
}

function offsetAt(instant: number, zone: string): number {
  const parts = dateFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(instant);
  const part = (name: string): string => parts.find((one) => one.type === name)?.value ?? '00';
  const text = `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`;
  return Date.parse(text) - Math.floor(instant / 1000) * 1000;
}
