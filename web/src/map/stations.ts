import type { Feature, FeatureCollection, Point } from 'geojson';
import type {
  ExpressionSpecification,
  LayerSpecification,
  Map as Drawn,
  SourceSpecification,
  SymbolLayerSpecification,
} from 'maplibre-gl';

import type { FoundStation } from '../api/types';
import type { Palette } from './palette';

/** How many chargers of a station are free; null where nobody says. */
export type FreeOf = (station: FoundStation) => number | null;

const CLUSTER_PIXELS = 52;
/** From here on each station stands alone. */
const CLUSTER_ZOOM = 14;

export function stationPoints(stations: Iterable<FoundStation>, freeOf: FreeOf): FeatureCollection<Point> {
  const features = Array.from(stations, (station): Feature<Point> => {
    const free = station.status === 'bookable' ? freeOf(station) : null;
    const total = station.chargers_total;
    return {
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [station.position.longitude, station.position.latitude] },
      properties: {
        id: station.station_id,
        known: free === null ? 0 : 1,
        free: free ?? 0,
        total: free === null ? 0 : total,
        text: free === null ? `–/${total}` : `${free}/${total}`,
      },
    };
  });
  return { type: 'FeatureCollection', features };
}

interface Sum {
  kind: 'city' | 'district';
  name: string;
  lon: number;
  lat: number;
  stations: number;
}

/** Where the stations of each city and district are, with its name. */
export function namePoints(
  stations: Iterable<FoundStation>,
  named: (lon: number, lat: number) => boolean,
): FeatureCollection<Point> {
  const sums = new Map<string, Sum>();
  for (const { district, city, position } of stations) {
    add(sums, `${city}, ${district}`, 'district', district, position);
    add(sums, `${city}`, 'city', city, position);
  }
  const features = Array.from(sums.values(), ({ kind, name, lon, lat, stations: count }): Feature<Point> => ({
    type: 'Feature',
    geometry: { type: 'Point', coordinates: [lon / count, lat / count] },
    properties: { kind, name, stations: count },
  }));
  // Where the ground has names of its own, ours would stand beside them.
  const ours = features.filter(({ geometry: { coordinates }, properties }) => {
    return properties?.['kind'] === 'city' || !named(coordinates[0]!, coordinates[1]!);
  });
  return { type: 'FeatureCollection', features: ours };
}

function add(
  sums: Map<string, Sum>,
  key: string,
  kind: Sum['kind'],
  name: string | undefined,
  position: FoundStation['position'],
): void {
  if (!name) return;
  const sum = sums.get(key) ?? { kind, name, lon: 0, lat: 0, stations: 0 };
  sum.lon += position.longitude;
  sum.lat += position.latitude;
  sum.stations += 1;
  sums.set(key, sum);
}

export function stationSource(points: FeatureCollection<Point>): SourceSpecification {
  return {
    type: 'geojson',
    data: points,
    cluster: true,
    clusterRadius: CLUSTER_PIXELS,
    clusterMaxZoom: CLUSTER_ZOOM,
    clusterProperties: {
      free: ['+', ['get', 'free']],
      total: ['+', ['get', 'total']],
      known: ['+', ['get', 'known']],
    },
  };
}

export function stationLayers(colours: Palette): LayerSpecification[] {
  const some: ExpressionSpecification = ['>', ['get', 'free'], 0];
  const sum: ExpressionSpecification = ['concat', ['get', 'free'], '/', ['get', 'total']];
  const state: ExpressionSpecification = ['case', ['==', ['get', 'known'], 0], 'unknown', some, 'free', 'none'];
  const onTop = { 'text-allow-overlap': true } as const; // names make room for them
  const pill: NonNullable<SymbolLayerSpecification['layout']> = {
    'icon-text-fit': 'both',
    'icon-text-fit-padding': [3, 8, 3, 8],
    'icon-allow-overlap': true,
    'text-field': ['get', 'text'],
    'text-size': 13,
    'text-font': ['Sans Bold'],
    ...onTop,
  };
  return [
    {
      id: 'clusters',
      type: 'circle',
      source: 'stations',
      filter: ['has', 'point_count'],
      paint: {
        'circle-radius': ['step', ['get', 'point_count'], 24, 10, 29, 50, 36, 500, 44],
        'circle-color': ['case', some, colours.accent, colours.card],
        'circle-stroke-color': ['case', some, colours.card, colours.line],
        'circle-stroke-width': 3,
      },
    },
    {
      id: 'cluster-sums',
      type: 'symbol',
      source: 'stations',
      filter: ['has', 'point_count'],
      layout: { 'text-field': sum, 'text-size': 13, 'text-font': ['Sans Bold'], 'text-padding': 16, ...onTop },
      paint: { 'text-color': ['case', some, colours.onAccent, colours.ink] },
    },
    {
      id: 'stations',
      type: 'symbol',
      source: 'stations',
      filter: ['!', ['has', 'point_count']],
      layout: { ...pill, 'icon-image': state, 'symbol-sort-key': ['get', 'free'] },
      paint: { 'text-color': ['case', some, colours.onAccent, colours.ink] },
    },
    {
      id: 'chosen',
      type: 'symbol',
      source: 'stations',
      filter: ['==', ['get', 'id'], ''],
      layout: { ...pill, 'icon-image': 'chosen', 'text-size': 15 },
      paint: { 'text-color': colours.card },
    },
  ];
}

const PIXEL_RATIO = 2;
const HEIGHT = 24;
const WIDTH = 40;

/** The pills that the numbers stand on; their middles stretch. */
export function addPills(drawn: Drawn, colours: Palette): void {
  const looks: Record<string, [string, string]> = {
    free: [colours.accent, colours.card],
    none: [colours.card, colours.line],
    unknown: [colours.ground, colours.line],
    chosen: [colours.ink, colours.card],
  };
  for (const [name, [fill, edge]] of Object.entries(looks)) {
    if (drawn.hasImage(name)) continue;
    const end = HEIGHT / 2;
    drawn.addImage(name, pillImage(fill, edge), {
      pixelRatio: PIXEL_RATIO,
      stretchX: [[end * PIXEL_RATIO, (WIDTH - end) * PIXEL_RATIO]],
      stretchY: [[(end - 1) * PIXEL_RATIO, (end + 1) * PIXEL_RATIO]],
    });
  }
}

function pillImage(fill: string, edge: string): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH * PIXEL_RATIO;
  canvas.height = HEIGHT * PIXEL_RATIO;
  const pen = canvas.getContext('2d', { willReadFrequently: true })!;
  pen.scale(PIXEL_RATIO, PIXEL_RATIO);
  pen.beginPath();
  pen.roundRect(1, 1, WIDTH - 2, HEIGHT - 2, HEIGHT / 2 - 1);
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = edge;
  pen.stroke();
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
