import { call } from '../api/client';
import type { FoundStation, Operations } from '../api/types';

type Query = Operations['GET /v1/stations']['query'];

export interface View {
  south: number;
  west: number;
  north: number;
  east: number;
  lat: number;
  lon: number;
}

const PAGE = 100;
/** Of the stations in a view, the nearest to its middle: as many as a map draws with ease. */
const PAGES = 20;
/** Where something changed, the nearest are read again at once. */
const PAGES_AGAIN = 3;
/** Degrees; a wider view would ask for half the world, so it shows what is known. */
const WIDEST = 5;
/** Read a little more than is seen: a small move needs no new question. */
const BESIDE = 0.25;
const FRESH_MILLISECONDS = 20_000;

/** The stations known so far for one wish (plug, time), by view. */
export class Field {
  readonly stations = new Map<string, FoundStation>();
  private read: { view: View; at: number } | null = null;
  private asking = new AbortController();

  constructor(private readonly wish: Query) {}

  /** Reads the stations of a view; `tell` after each page. Where they are fresh, nothing. */
  async look(view: View, tell: () => void, { anew = false } = {}): Promise<void> {
    if (view.north - view.south > WIDEST || view.east - view.west > WIDEST) return;
    const fresh = this.read && Date.now() - this.read.at < FRESH_MILLISECONDS;
    if (!anew && fresh && holds(this.read!.view, view)) return;
    this.end();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const wide = widened(view);
    const seen = new Set<string>();
    let cursor: string | null = null;
    for (let page = 0; page < (anew ? PAGES_AGAIN : PAGES); page++) {
      const query: Query = { ...this.wish, box: boxOf(wide), lat: view.lat, lon: normal(view.lon), limit: PAGE, cursor };
      const found = await call('GET /v1/stations', { query, signal });
      for (const station of found.stations) {
        seen.add(station.station_id);
        this.stations.set(station.station_id, station);
      }
      cursor = found.next_cursor ?? null;
      if (!cursor) this.forget(wide, seen);
      tell();
      if (!cursor) break;
    }
    if (!anew || !cursor) this.read = { view: wide, at: Date.now() };
  }

  /** Who stands in a view. */
  within(view: View): string[] {
    return [...this.stations.values()].filter(({ position }) => isWithin(view, position)).map((one) => one.station_id);
  }

  end(): void {
    this.asking.abort();
  }

  /** What was here and is not found any more is gone. */
  private forget(view: View, seen: Set<string>): void {
    for (const [id, { position }] of this.stations) {
      if (isWithin(view, position) && !seen.has(id)) this.stations.delete(id);
    }
  }
}

export function boxOf(view: View): string {
  const sides = [view.south, normal(view.west), view.north, normal(view.east)];
  return sides.map((side) => side.toFixed(5)).join(',');
}

export function viewOf(box: string): View {
  const [south = 0, west = 0, north = 0, east = 0] = box.split(',').map(Number);
  return { south, west, north, east, lat: (south + north) / 2, lon: (west + east) / 2 };
}

/** A map that was turned round the globe counts on beyond 180. */
export function normal(longitude: number): number {
  return ((((longitude + 180) % 360) + 360) % 360) - 180;
}

function isWithin(view: View, { latitude: lat, longitude: lon }: FoundStation['position']): boolean {
  return lat > view.south && lat < view.north && lon > view.west && lon < view.east;
}

function widened(view: View): View {
  const [high, wide] = [(view.north - view.south) * BESIDE, (view.east - view.west) * BESIDE];
  return {
    ...view,
    south: Math.max(-90, view.south - high),
    north: Math.min(90, view.north + high),
    west: view.west - wide,
    east: view.east + wide,
  };
}

function holds(outer: View, inner: View): boolean {
  return (
    outer.south <= inner.south && outer.west <= inner.west && outer.north >= inner.north && outer.east >= inner.east
  );
}
