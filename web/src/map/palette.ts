/** The colours of the map: those of the app, as they are now (light or dark). */
export interface Palette {
  water: string;
  ground: string;
  green: string;
  building: string;
  road: string;
  edge: string;
  rail: string;
  ring: string;
  halo: string;
  ink: string;
  soft: string;
  card: string;
  line: string;
  accent: string;
  onAccent: string;
  font: string;
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    water: token('map-water'),
    ground: token('map-ground'),
    green: token('map-green'),
    building: token('map-building'),
    road: token('map-road'),
    edge: token('map-edge'),
    rail: token('edge'),
    ring: token('accent'),
    halo: token('map-ground'),
    ink: token('ink'),
    soft: token('soft'),
    card: token('card'),
    line: token('edge'),
    accent: token('accent'),
    onAccent: token('on-accent'),
    font: token('font'),
  };
}
