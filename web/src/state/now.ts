import { call, Refused } from '../api/client';
import type { Money, SignedQuote, SlotRule, StationView } from '../api/types';
import { localMinutes } from './format';

const MINUTE = 60_000;
const LEAST_MINUTES = 10;
const NOT_LET = ['station_closed', 'station_not_bookable', 'slot_length_invalid', 'charger_not_found', 'slot_in_past'];
export const RULE = { grid: 15, shortest: 15, longest: 240, buffer: 5 };

/** A charger, or any of a kind. */
export interface Wanted {
  station_id: string;
  connector?: string | null;
  charger_id?: string | null;
}

/** From this minute on: until when, for how much. */
export interface Offer {
  end: string;
  price: Money;
  charger: string;
}

/** What a button said is what is paid: the quote behind an offer goes with its address. */
const quoted = new Map<string, SignedQuote>();

/** Local ends near the wanted lengths, on the station's grid, not past the limit. */
export function ends(now: number, rule: SlotRule, zone: string, lengths: number[], limit: number): number[] {
  const { grid, shortest, longest } = { ...RULE, ...rule };
  const minute = Math.floor(now / MINUTE) * MINUTE;
  const last = Math.min(limit, minute + longest * MINUTE);
  const least = minute + Math.max(LEAST_MINUTES, shortest - grid + 1) * MINUTE;
  const onGrid = (instant: number): number => {
    const whole = Math.floor(instant / MINUTE) * MINUTE;
    return whole - (localMinutes(whole, zone) % grid) * MINUTE;
  };
  const found = lengths.map((length) => onGrid(Math.min(minute + (length + grid / 2) * MINUTE, last)));
  return [...new Set(found)].filter((end) => end >= least && end <= last).sort((a, b) => a - b);
}

/** Prices of starting now at a station, shortest first; none where it cannot be. */
export async function offersNow(
  station: StationView,
  connector: string | null,
  freeUntil: string | null,
  now: number,
  lengths: number[],
): Promise<Offer[]> {
  const limit = freeUntil ? Date.parse(freeUntil) : Infinity;
  const wanted = ends(now, station.rule, station.zone, lengths, limit);
  return offersUntil({ station_id: station.station_id, connector }, wanted);
}

/** The same for given ends. */
export async function offersUntil(what: Wanted, ends: number[]): Promise<Offer[]> {
  const offers = await Promise.all(ends.map((end) => offer(what, new Date(end).toISOString())));
  return offers.filter((one): one is Offer => one !== null);
}

async function offer(what: Wanted, end: string): Promise<Offer | null> {
  try {
    const signed = await call('POST /v1/quotes', { body: { ...what, period: { end }, now: true } });
    const { period, total, charger_label } = signed.quote;
    quoted.set(keyOf(what, period.end), signed);
    return { end: period.end, price: total, charger: charger_label };
  } catch (error) {
    // The rules of the station do not let it: then there is no such offer.
    if (error instanceof Refused && NOT_LET.includes(error.code)) return null;
    throw error;
  }
}

/** The quote that a button showed, while it holds; only once: a second hold needs a new one. */
export function takeQuoted(what: Wanted, end: string, now: number): SignedQuote | null {
  const key = keyOf(what, end);
  const signed = quoted.get(key);
  quoted.delete(key);
  return signed && Date.parse(signed.quote.valid_until) > now ? signed : null;
}

/** The page that books from now on. */
export function addressOf(station_id: string, end: string, more: Record<string, string | null> = {}): string {
  const query = new URLSearchParams({ now: '1', end: new Date(end).toISOString() });
  for (const [name, value] of Object.entries(more)) if (value) query.set(name, value);
  return `/checkout/${station_id}?${query}`;
}

function keyOf(what: Wanted, end: string): string {
  return [what.station_id, what.charger_id ?? what.connector ?? '', Date.parse(end)].join(' ');
}
