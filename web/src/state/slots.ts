import type { ChargerSlots, DaySlots, Money, Slot, SlotChange } from '../api/types';

/** One start of a day: at the chosen charger, or at whichever is free and cheapest. */
export interface Start {
  start: string;
  end: string;
  free: boolean;
  price: Money | null;
  reason: string | null;
  chargerId: string;
  label: string;
}

/** Where nothing is free, the reason that says most. */
const TELLING = ['taken', 'too_soon', 'closed', 'too_far', 'not_bookable', 'past'];

/** All starts that are not over, earliest first. */
export function starts(chargers: ChargerSlots[]): Start[] {
  const best = new Map<string, Start>();
  for (const charger of chargers) {
    for (const slot of charger.slots) {
      if (slot.reason === 'past') continue;
      const one = startOf(charger, slot);
      const known = best.get(slot.period.start);
      if (!known || better(one, known)) best.set(slot.period.start, one);
    }
  }
  return [...best.values()].sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
}

/** What a change on the live stream makes of a day that is shown. */
export function changed(day: DaySlots, change: SlotChange, bufferMinutes: number): DaySlots {
  const [from, to] = [Date.parse(change.occupied.start), Date.parse(change.occupied.end)];
  const touches = (slot: Slot): boolean =>
    Date.parse(slot.period.start) < to && Date.parse(slot.period.end) + bufferMinutes * 60_000 > from;
  const chargers = day.chargers.map((charger) =>
    charger.charger_id !== change.charger_id
      ? charger
      : {
          ...charger,
          slots: charger.slots.map((slot) =>
            slot.free && touches(slot) ? { ...slot, free: false, reason: 'taken' as const } : slot,
          ),
        },
  );
  return { ...day, chargers };
}

function startOf(charger: ChargerSlots, slot: Slot): Start {
  return {
    start: slot.period.start,
    end: slot.period.end,
    free: slot.free,
    price: slot.price,
    reason: slot.reason ?? null,
    chargerId: charger.charger_id,
    label: charger.label,
  };
}

function better(one: Start, known: Start): boolean {
  if (one.free !== known.free) return one.free;
  if (!one.free) return TELLING.indexOf(one.reason ?? '') < TELLING.indexOf(known.reason ?? '');
  return (one.price?.amount ?? Infinity) < (known.price?.amount ?? Infinity);
}
