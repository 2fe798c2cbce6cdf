import type { OwnChange, SlotChange, StationChange } from '../api/types';

/** Whether an open stream has no connection; shown where it stays so. */
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
const AWAY_MILLISECONDS = 5000;
/** A stream ends with its token, every few minutes, and is back before this; a lost one is not. */
const GRACE_MILLISECONDS = 1500;

/** So many stations fit into one stream. */
export const MOST_FOLLOWED = 100;

/**
 * Follows stations, or all that is one's own; the answer ends it.
 *
 * Only while the page is looked at: browsers open six connections to an origin, and the streams of
 * forgotten tabs would take them all.
 */
export function follow(stations: string | string[] | null, hears: Hears): () => void {
  const several = Array.isArray(stations) ? `stations=${stations.join(',')}` : `station=${stations}`;
  const address = stations === null ? '/v1/live' : `/v1/live?${several}`;
  let source: EventSource | null = null;
  let timer = 0;
  let missed = hidden();
  const line = connection();

  const open = (): void => {
    source = new EventSource(address);
    source.addEventListener('open', () => {
      line.back();
      // The browser itself comes back with Last-Event-ID; a new EventSource does not.
      if (missed) hears.anew?.();
      missed = false;
    });
    source.addEventListener('error', () => {
      line.lost();
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      hears.closed?.();
      timer = window.setTimeout(turn, AGAIN_MILLISECONDS);
    });
    source.addEventListener('reset', () => hears.anew?.());
    for (const name of ['slot', 'station', 'reservation', 'payment'] as const) {
      const hear = hears[name] as ((change: unknown) => void) | undefined;
      if (hear) source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
    }
  };
  const close = (): void => {
    source?.close();
    source = null;
    missed = true;
  };
  const turn = (): void => {
    clearTimeout(timer);
    // Who looks into the mail for a moment misses nothing.
    if (hidden()) timer = window.setTimeout(close, AWAY_MILLISECONDS);
    else if (!source) open();
  };
  turn();
  document.addEventListener('visibilitychange', turn);
  return () => {
    document.removeEventListener('visibilitychange', turn);
    clearTimeout(timer);
    close();
    line.back();
  };
}

const broken = new Set<symbol>();

/** Of one stream: said where it stays lost, and of all of them where one is. */
function connection(): { lost: () => void; back: () => void } {
  const own = Symbol();
  let timer = 0;
  const tell = (): void => {
    live.broken = broken.size > 0;
  };
  const late = (): void => {
    broken.add(own);
    tell();
  };
  return {
    lost: () => {
      timer ||= window.setTimeout(late, GRACE_MILLISECONDS);
    },
    back: () => {
      clearTimeout(timer);
      timer = 0;
      broken.delete(own);
      tell();
    },
  };
}

const hidden = (): boolean => document.visibilityState === 'hidden';
