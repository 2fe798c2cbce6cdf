import type { OwnChange } from '../api/types';
import { follow } from './live.svelte';
import { check } from './session.svelte';

type Hear = (change: OwnChange | null) => void;

const listeners = new Set<Hear>();

/** One stream for the whole app: all that happens to the caller's own bookings. */
export function hearOwn(): () => void {
  const tell = (change: OwnChange | null): void => listeners.forEach((hear) => hear(change));
  // Meanwhile somebody else may have signed in, in another tab.
  const anew = (): void => void check().then(() => tell(null));
  return follow(null, { reservation: tell, payment: tell, anew, closed: () => void check() });
}

/** null: something may have been missed, read anew. The answer ends the listening. */
export function onOwnChange(hear: Hear): () => void {
  listeners.add(hear);
  return () => listeners.delete(hear);
}
