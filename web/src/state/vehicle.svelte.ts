import type { Vehicle } from '../api/types';
import { choosePlug } from './plug.svelte';

/** The car that is driven: its plug is the plug to look for, bookings name it. */
const KEY = 'evslot.vehicle';

export const vehicle = $state<{ chosen: Vehicle | null }>({
  chosen: JSON.parse(localStorage.getItem(KEY) ?? 'null'),
});

export function chooseVehicle(one: Vehicle): void {
  vehicle.chosen = one;
  localStorage.setItem(KEY, JSON.stringify(one));
  choosePlug(one.connector);
}

/** Another plug by hand, another person, or the car is gone: no car is meant any more. */
export function leaveVehicle(): void {
  vehicle.chosen = null;
  localStorage.removeItem(KEY);
}

/** What the own car takes at most from a plug of this kind; null where that is not known. */
export function takes(current: 'AC' | 'DC'): number | null {
  const one = vehicle.chosen;
  return (current === 'AC' ? one?.max_ac_watts : one?.max_dc_watts) ?? null;
}
