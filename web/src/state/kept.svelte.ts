import type { Reservation, ReservationDetails, StationView } from '../api/types';

/** The caller's next booking with its code, kept on this device for when there is no line. */
export interface Kept {
  owner: string;
  at: number;
  details: ReservationDetails;
  station: StationView | null;
}

const KEY = 'evslot.next';
const AHEAD = ['confirmed', 'active'];

export const kept = $state<{ next: Kept | null }>({ next: JSON.parse(localStorage.getItem(KEY) ?? 'null') });

/** The earliest of one's bookings stays; what is over or given up goes. */
export function keepNext(owner: string, details: ReservationDetails, station: StationView | null): void {
  const one = details.reservation;
  const known = kept.next?.owner === owner ? kept.next : null;
  const same = known?.details.reservation.reservation_id === one.reservation_id;
  if (!isAhead(one)) {
    if (same) forgetNext();
    return;
  }
  const later = known && isAhead(known.details.reservation) && Date.parse(known.details.reservation.period.start) < Date.parse(one.period.start);
  if (!same && later) return;
  kept.next = { owner, at: Date.now(), details, station: station ?? (same ? known.station : null) };
  localStorage.setItem(KEY, JSON.stringify(kept.next));
}

/** Whoever is here now is another person, or nobody. */
export function forgetNext(): void {
  kept.next = null;
  localStorage.removeItem(KEY);
}

function isAhead(one: Reservation): boolean {
  return AHEAD.includes(one.state) && Date.parse(one.period.end) > Date.now();
}
