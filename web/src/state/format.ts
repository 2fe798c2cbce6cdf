import { UNUSUAL_DIGITS, type Money, type Period, type PriceLine } from '../api/types';
import { dateFormat, numberFormat } from './formats';
import { locale, t } from './language.svelte';
import { isAroundChange } from './zones';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export function money(sum: Money): string {
  const digits = UNUSUAL_DIGITS[sum.currency] ?? 2;
  return numberFormat(locale(), {
    style: 'currency',
    currency: sum.currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(sum.amount / 10 ** digits);
}

/** What a line of a price is for; the words of the service where ours do not know it. */
export function lineText(line: PriceLine, currency: string): string {
  const words = t().checkout.lines;
  if (line.kind === 'FLAT') return words.flat;
  if (!line.minutes) return line.text;
  if (!line.per_hour) return words.time(line.minutes);
  return words.timeAt(line.minutes, money({ amount: line.per_hour, currency }));
}

function when(instant: string | number, zone: string, options: Intl.DateTimeFormatOptions): string {
  return dateFormat(locale(), { timeZone: zone, ...options }).format(new Date(instant));
}

export function clockTime(instant: string | number, zone: string): string {
  return when(instant, zone, { hour: '2-digit', minute: '2-digit' });
}

export function hourIn(instant: string, zone: string): string {
  return dateFormat('en-GB', { timeZone: zone, hour: '2-digit', hourCycle: 'h23' }).format(new Date(instant));
}

/** Minutes since midnight by the clocks of a zone. */
export function localMinutes(instant: number, zone: string): number {
  const text = dateFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const [hours, minutes] = text.format(instant).split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

/** In the doubled hour of a clock change the time alone would say too little. */
export function clockTimeWithZone(instant: string | number, zone: string): string {
  return when(instant, zone, { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });
}

export function dayName(instant: string | number, zone: string): string {
  return when(instant, zone, { weekday: 'short', day: 'numeric', month: 'short' });
}

export function longDay(instant: string | number, zone: string): string {
  return when(instant, zone, { weekday: 'long', day: 'numeric', month: 'long' });
}

export function dayAndTime(instant: string | number, zone: string): string {
  return when(instant, zone, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

export function span(period: Period, zone: string): string {
  const doubtful = isAroundChange(Date.parse(period.start), Date.parse(period.end), zone);
  const said = doubtful ? clockTimeWithZone : clockTime;
  return `${said(period.start, zone)}–${said(period.end, zone)}`;
}

/** The local date of an instant, as the interface takes it: 2026-05-04. */
export function localDay(instant: number, zone: string): string {
  return dateFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(instant);
}

export function plusDays(day: string, days: number): string {
  const date = new Date(`${day}T12:00:00Z`);
  return new Date(date.getTime() + days * DAY).toISOString().slice(0, 10);
}

/** Noon of a date, for showing its name: no zone moves it to another day. */
export function noon(day: string): number {
  return Date.parse(`${day}T12:00:00Z`);
}

export function length(minutes: number): string {
  return minutes % 60 === 0 ? t().units.hours(minutes / 60) : t().units.minutes(minutes);
}

/** 9:58, or 2:03:10 from an hour on, or days and hours. */
export function countdown(milliseconds: number): string {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (hours >= 24) return `${t().units.days(Math.floor(hours / 24))}, ${hours % 24} ${t().units.h}`;
  const tail = `${String(minutes).padStart(hours ? 2 : 1, '0')}:${String(seconds).padStart(2, '0')}`;
  return hours ? `${hours}:${tail}` : tail;
}

export function age(instant: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(instant)) / MINUTE);
  const words = t().units.ago;
  if (minutes < 1) return words.now;
  if (minutes < 60) return words.minutes(minutes);
  if (minutes < 24 * 60) return words.hours(Math.floor(minutes / 60));
  return words.days(Math.floor(minutes / (24 * 60)));
}

/** A figure and its unit never stand on two lines. */
function together(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

export function distance(metres: number): string {
  const far = metres >= 1000;
  const format = numberFormat(locale(), {
    style: 'unit',
    unit: far ? 'kilometer' : 'meter',
    maximumFractionDigits: far ? 1 : 0,
  });
  return together(format.format(far ? metres / 1000 : Math.round(metres / 10) * 10));
}

export function power(watts: number): string {
  return numberFormat(locale(), { maximumFractionDigits: 1 }).format(watts / 1000) + '\u00a0kW';
}

export function plugName(standard: string): string {
  return t().plugs[standard] ?? standard.replaceAll('_', ' ');
}
