/** Slots that this browser gave back a moment ago: who still says that they are taken is behind. */
const BEHIND_MILLISECONDS = 10_000;

const until = new Map<string, number>();

const keyOf = (charger: string, start: string): string => `${charger} ${Date.parse(start)}`;

export function noteReleased(charger: string, start: string): void {
  until.set(keyOf(charger, start), Date.now() + BEHIND_MILLISECONDS);
}

export function isReleased(charger: string, start: string): boolean {
  return (until.get(keyOf(charger, start)) ?? 0) > Date.now();
}
