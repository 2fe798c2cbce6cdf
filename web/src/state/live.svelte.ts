import type { OwnChange, SlotChange, StationChange } from '../api/types';

/** Whether the open streams are connected; shown where they are not. */
export const live = $state({ broken: false });

interface Hears {
  slot?: (change: SlotChange) => void;
  station?: (change: StationChange) => void;
  reservation?: (change: OwnChange) => void;
  payment?: (change: OwnChange) => void;
  /** Too much was missed, or the stream began anew: read the state again. */
  anew?: () => void;
  /** The server ended it for good: perhaps the session is over. It is tried again. */
  closed?: () => void;
}

const AGAIN_MILLISECONDS = 3000;

/** So many stations fit into one stream. */
export const MOST_FOLLOWED = 100;

/** Follows stations, or all that is one's own; the answer ends it. */
export function follow(stations: string | string[] | null, hears: Hears): () => void {
  const several = Array.isArray(stations) ? `stations=${stations.join(',')}` : `station=${stations}`;
  const address = stations === null ? '/v1/live' : `/v1/live?${several}`;
  let source: EventSource | null = null;
  let timer = 0;
  let opened = false;

  const open = (): void => {
    source = new EventSource(address);
    source.addEventListener('open', () => {
      live.broken = false;
      // The browser itself comes back with Last-Event-ID; a new EventSource does not.
      if (opened) hears.anew?.();
      opened = false;
    });
    source.addEventListener('error', () => {
      live.broken = true;
      if (source?.readyState === EventSource.CLOSED) {
        opened = true;
        hears.closed?.();
        timer = window.setTimeout(open, AGAIN_MILLISECONDS);
      }
    });
    source.addEventListener('reset', () => hears.anew?.());
    for (const name of ['slot', 'station', 'reservation', 'payment'] as const) {
      const hear = hears[name] as ((change: unknown) => void) | undefined;
      if (hear) source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
    }
  };
  open();
  return () => {
    live.broken = false;
    clearTimeout(timer);
    source?.close();
  };
}
