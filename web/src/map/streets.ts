import type { Feature, FeatureCollection, LineString, Point } from 'geojson';
import type { GeoJSONSource, LngLatBounds, Map as Drawn } from 'maplibre-gl';
import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import countries from 'world-atlas/countries-50m.json?url';

import { STREET_ZOOM, WORLD_ZOOM } from './ground';

/** A part of the world whose streets the build found; `/map/areas.json` lists them. */
export interface Area {
  name: string;
  /** West, south, east, north. */
  bounds: [number, number, number, number];
  file: string;
  credit: string;
  link: string;
}

/** What the build left; without a build there is nothing. */
export async function knownAreas(): Promise<Area[]> {
  return ((await fetched('/map/areas.json')) as { areas: Area[] }).areas;
}

export function isIn({ bounds: [west, south, east, north] }: Area, lon: number, lat: number): boolean {
  return west <= lon && lon <= east && south <= lat && lat <= north;
}

/** Whose streets a view shows. */
export function areaIn(areas: Area[], view: LngLatBounds, zoom: number): Area | null {
  if (zoom < STREET_ZOOM) return null;
  const seen = ([west, south, east, north]: Area['bounds']): boolean =>
    west < view.getEast() && east > view.getWest() && south < view.getNorth() && north > view.getSouth();
  return areas.find((area) => seen(area.bounds)) ?? null;
}

/** Fills what lies under the stations, as soon as somebody looks there. */
export class Ground {
  /** The map is gone. */
  over = false;
  private readonly begun = new Set<string>();

  constructor(private readonly drawn: Drawn) {}

  async look(area: Area | null): Promise<void> {
    const wanted: Promise<void>[] = [];
    if (area) wanted.push(this.once('streets', async () => await fetched(area.file)));
    if (this.drawn.getZoom() < WORLD_ZOOM) wanted.push(this.once('world', outlines));
    await Promise.all(wanted);
  }

  private async once(source: string, read: () => Promise<unknown>): Promise<void> {
    if (this.begun.has(source)) return;
    const target = this.drawn.getSource<GeoJSONSource>(source);
    if (!target) return;
    this.begun.add(source);
    try {
      const data = (await read()) as FeatureCollection;
      if (!this.over) target.setData(data);
    } catch (error) {
      this.begun.delete(source); // the next move tries again
      throw error;
    }
  }
}

async function outlines(): Promise<FeatureCollection> {
  const topology = (await fetched(countries)) as Topology<{ countries: GeometryCollection; land: GeometryCollection }>;
  const land = feature(topology, topology.objects.land).features;
  const borders = mesh(topology, topology.objects.countries, (one, other) => one !== other);
  return {
    type: 'FeatureCollection',
    features: [
      ...land.map((one) => ({ ...one, properties: { kind: 'land' } })),
      { type: 'Feature', geometry: borders, properties: { kind: 'border' } },
    ],
  };
}

async function fetched(address: string): Promise<unknown> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return await answer.json();
}

const METRES = [500, 1000, 2000, 5000, 10_000, 20_000];
const METRES_PER_DEGREE = 111_195;
const CORNERS = 96;

/** Circles of so many metres about the place, each with its name at its north. */
export function rings(
  lon: number,
  lat: number,
  named: (metres: number) => string,
): FeatureCollection<LineString | Point> {
  const features = METRES.flatMap((metres): Feature<LineString | Point>[] => {
    const high = metres / METRES_PER_DEGREE;
    const wide = high / Math.cos((lat * Math.PI) / 180);
    const circle = Array.from({ length: CORNERS + 1 }, (_, corner) => {
      const turn = (corner / CORNERS) * 2 * Math.PI;
      return [lon + wide * Math.sin(turn), lat + high * Math.cos(turn)];
    });
    return [
      { type: 'Feature', geometry: { type: 'LineString', coordinates: circle }, properties: {} },
      {
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [lon, lat + high] },
        properties: { name: named(metres) },
      },
    ];
  });
  features.push({ type: 'Feature', geometry: { type: 'Point', coordinates: [lon, lat] }, properties: {} });
  return { type: 'FeatureCollection', features };
}
