import { call, Refused } from '../api/client';
import type { Money, SignedQuote, SlotRule, StationView } from '../api/types';
import { localMinutes } from './format';

const MINUTE = 60_000;
const LEAST_MINUTES = 10;
const LENGTHS = [30, 60, 120];
export const RULE = { grid: 15, shortest: 15, longest: 240, buffer: 5 };

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
  const onGrid = (instant: number): number => instant - (localMinutes(instant, zone) % grid) * MINUTE;
  const found = lengths.map((length) => onGrid(Math.min(minute + (length + grid / 2) * MINUTE, last)));
  return [...new Set(found)].filter((end) => end >= least && end <= last).sort((a, b) => a - b);
}

/** Prices of starting now at a station, shortest first; none where it cannot be. */
export async function offersNow(
  station: StationView,
  connector: string | null,
  freeUntil: string | null,
  now: number,
  lengths: number[] = LENGTHS,
): Promise<Offer[]> {
  const limit = freeUntil ? Date.parse(freeUntil) : Infinity;
  const wanted = ends(now, station.rule, station.zone, lengths, limit);
  const offers = await Promise.all(wanted.map((end) => offer(station.station_id, connector, end)));
  return offers.filter((one): one is Offer => one !== null);
}

async function offer(station_id: string, connector: string | null, end: number): Promise<Offer | null> {
  try {
    const signed = await call('POST /v1/quotes', {
      body: { station_id, connector, period: { end: new Date(end).toISOString() }, now: true },
    });
    const { period, total, charger_label } = signed.quote;
    quoted.set(keyOf(station_id, connector, period.end), signed);
    return { end: period.end, price: total, charger: charger_label };
  } catch (error) {
    // The rules of the station do not let it: then there is no such offer.
    if (error instanceof Refused && [409, 422].includes(error.status)) return null;
    throw error;
  }
}

/** The quote that a button showed, while it holds; only once: a second hold needs a new one. */
export function takeQuoted(station_id: string, connector: string | null, end: string, now: number): SignedQuote | null {
  const key = keyOf(station_id, connector, end);
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

function keyOf(station_id: string, connector: string | null, end: string): string {
  return [station_id, connector, Date.parse(end)].join(' ');
}
