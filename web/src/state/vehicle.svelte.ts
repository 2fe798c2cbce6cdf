import type { Charger, Vehicle } from '../api/types';
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

const DIRECT = ['IEC_62196_T2_COMBO', 'IEC_62196_T1_COMBO', 'CHADEMO', 'NACS'];

/** What the own car takes at most at a charger; null where that is not known, or its plug is not there. */
export function takes(charger: Charger): number | null {
  const car = vehicle.chosen;
  if (!car || !charger.connectors.some((one) => one.standard === car.connector)) return null;
  return DIRECT.includes(car.connector) ? car.max_dc_watts : car.max_ac_watts;
}
