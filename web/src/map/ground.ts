import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';

import type { Palette } from './palette';

/** Below this zoom the outlines of the world are worth their bytes; above, they are too coarse. */
export const WORLD_ZOOM = 8;
/** From here on streets are drawn, where there are any. */
export const STREET_ZOOM = 11;
const FADE = [WORLD_ZOOM - 1.5, WORLD_ZOOM] as const;
const NOTHING = { type: 'FeatureCollection' as const, features: [] };

/** All that lies under the stations; its sources are filled when they are known. */
export function groundStyle(colours: Palette): StyleSpecification {
  return {
    version: 8,
    sources: groundSources(),
    layers: [
      {
        id: 'background',
        type: 'background',
        paint: {
          'background-color': ['interpolate', ['linear'], ['zoom'], FADE[0], colours.water, FADE[1], colours.ground],
        },
      },
      ...world(colours),
      ...areas(colours),
      ...streets(colours),
      ...orientation(colours),
    ],
  };
}

export function groundSources(): StyleSpecification['sources'] {
  const empty = { type: 'geojson' as const, data: NOTHING };
  return { world: empty, streets: empty, rings: empty, names: empty };
}

function world(colours: Palette): LayerSpecification[] {
  const opacity = ['interpolate', ['linear'], ['zoom'], FADE[0], 1, FADE[1], 0] as never;
  const common = { source: 'world', maxzoom: WORLD_ZOOM };
  return [
    {
      ...common,
      id: 'land',
      type: 'fill',
      filter: ['==', ['get', 'kind'], 'land'],
      paint: { 'fill-color': colours.ground, 'fill-opacity': opacity },
    },
    {
      ...common,
      id: 'borders',
      type: 'line',
      filter: ['==', ['get', 'kind'], 'border'],
      paint: { 'line-color': colours.line, 'line-width': 0.8, 'line-opacity': opacity },
    },
  ];
}

function areas(colours: Palette): LayerSpecification[] {
  const fill = (kind: string, colour: string, minzoom = 0): LayerSpecification => ({
    id: kind,
    type: 'fill',
    source: 'streets',
    minzoom,
    filter: ['==', ['get', 'kind'], kind],
    paint: { 'fill-color': colour },
  });
  return [
    fill('water', colours.water),
    fill('green', colours.green),
    fill('square', colours.road, 14),
    fill('building', colours.building, 13.5),
    {
      id: 'frame',
      type: 'line',
      source: 'streets',
      minzoom: STREET_ZOOM,
      filter: ['==', ['get', 'kind'], 'frame'],
      paint: { 'line-color': colours.edge, 'line-width': 1.5 },
    },
  ];
}

const WIDTHS: Record<string, [number, number]> = {
  path: [0.3, 4],
  minor: [1, 16],
  main: [1.8, 22],
};

function streets(colours: Palette): LayerSpecification[] {
  const line = (kind: string, name: string, colour: string, more: number): LayerSpecification => {
    const [thin, thick] = WIDTHS[kind] ?? [1, 1];
    return {
      id: `${kind}-${name}`,
      type: 'line',
      source: 'streets',
      minzoom: kind === 'path' ? 15 : STREET_ZOOM,
      filter: ['==', ['get', 'kind'], kind],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': colour,
        'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 12, thin + more / 2, 18, thick + more],
      },
    };
  };
  return [
    line('path', 'line', colours.edge, 0),
    line('minor', 'edge', colours.edge, 1.6),
    line('main', 'edge', colours.edge, 1.8),
    line('minor', 'line', colours.road, 0),
    line('main', 'line', colours.road, 0),
    {
      id: 'rail',
      type: 'line',
      source: 'streets',
      minzoom: 12,
      filter: ['==', ['get', 'kind'], 'rail'],
      paint: { 'line-color': colours.rail, 'line-width': 0.8, 'line-opacity': 0.5 },
    },
    {
      id: 'street-names',
      type: 'symbol',
      source: 'streets',
      minzoom: 14.5,
      filter: ['all', ['in', ['get', 'kind'], ['literal', ['minor', 'main', 'path']]], ['has', 'name']],
      layout: {
        'symbol-placement': 'line',
        'text-field': ['get', 'name'],
        'text-size': ['interpolate', ['linear'], ['zoom'], 14, 10.5, 18, 13],
        'text-max-angle': 35,
      },
      paint: { 'text-color': colours.soft, 'text-halo-color': colours.halo, 'text-halo-width': 1.4 },
    },
  ];
}

function orientation(colours: Palette): LayerSpecification[] {
  return [
    {
      id: 'rings',
      type: 'line',
      source: 'rings',
      filter: ['==', ['geometry-type'], 'LineString'],
      paint: {
        'line-color': colours.ring,
        'line-width': 1.2,
        'line-opacity': 0.4,
        'line-dasharray': [3, 3],
      },
    },
    {
      id: 'ring-names',
      type: 'symbol',
      source: 'rings',
      filter: ['has', 'name'],
      layout: { 'text-field': ['get', 'name'], 'text-size': 11, 'text-font': ['Sans Bold'] },
      paint: { 'text-color': colours.ring, 'text-halo-color': colours.halo, 'text-halo-width': 2 },
    },
    {
      id: 'middle',
      type: 'circle',
      source: 'rings',
      filter: ['all', ['==', ['geometry-type'], 'Point'], ['!', ['has', 'name']]],
      paint: {
        'circle-radius': 5,
        'circle-color': colours.ring,
        'circle-stroke-color': colours.halo,
        'circle-stroke-width': 2,
      },
    },
    names('city', 'names', colours),
    names('district', 'names', colours),
    names('place', 'streets', colours),
  ];
}

const ZOOMS: Record<string, [number, number]> = { city: [0, 10], district: [10, 24], place: [13.5, 24] };

/** Of cities, of districts, of places in the streets' data: beside the stations, never under one. */
function names(kind: string, source: string, colours: Palette): LayerSpecification {
  const [minzoom, maxzoom] = ZOOMS[kind] ?? [0, 24];
  return {
    id: `${kind}-names`,
    type: 'symbol',
    source,
    minzoom,
    maxzoom,
    filter: ['==', ['get', 'kind'], kind],
    layout: {
      'text-field': ['get', 'name'],
      'text-size': ['interpolate', ['linear'], ['zoom'], 10, 12, 14, 16],
      'text-font': ['Sans Bold'],
      'text-letter-spacing': 0.05,
      'text-max-width': 8,
      'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'],
      'text-radial-offset': kind === 'city' ? 2.8 : 1.6,
    },
    paint: { 'text-color': colours.soft, 'text-halo-color': colours.halo, 'text-halo-width': 1.6 },
  };
}
