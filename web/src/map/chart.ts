import type { FeatureCollection } from 'geojson';
import {
  AttributionControl,
  type GeoJSONSource,
  LngLatBounds,
  Map as Drawn,
  setWorkerUrl,
  type StyleSpecification,
} from 'maplibre-gl';
// The worker's own address: bundled into this chunk it would draw nothing.
import worker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';

import type { FoundStation } from '../api/types';
import type { View } from './field';
import { groundSources, groundStyle } from './ground';
import { type Palette, palette } from './palette';
import { addPills, type FreeOf, namePoints, stationLayers, stationPoints, stationSource } from './stations';
import { type Area, areaIn, Ground, isIn, knownAreas, rings } from './streets';

setWorkerUrl(worker);

export interface Around {
  lat: number;
  lon: number;
  radius: number;
}

/** What a chart tells its surroundings. */
export interface Hears {
  /** The view changed; `byHand` where a person did it. */
  moved: (byHand: boolean) => void;
  /** A station was tapped, or the ground beside them. */
  picked: (stationId: string | null) => void;
  /** Whose streets are seen, if any; and whether the middle of the view has streets. */
  area: (area: Area | null, inside: boolean) => void;
  metres: (metres: number) => string;
}

/** Of the ground: what is drawn over somebody else's style, too. */
const OURS = ['rings', 'middle', 'ring-names'];
const METRES_PER_DEGREE = 111_195;
const ROOM = 24;
/** Half the side of what a finger hits. */
const FINGER = 14;

/** The drawn map: a thin face on MapLibre, which it alone knows. */
export class Chart {
  private readonly drawn: Drawn;
  private readonly ground: Ground;
  private readonly styled: boolean;
  private areas: Area[] = [];
  private known: FoundStation[] = [];
  private points = stationPoints([], () => null);

  constructor(
    container: HTMLElement,
    label: string,
    private around: Around,
    private readonly hears: Hears,
    view?: View,
  ) {
    const colours = palette();
    const address = document.querySelector<HTMLMetaElement>('meta[name="evslot-map-style"]')?.content;
    this.styled = Boolean(address);
    this.drawn = new Drawn({
      container,
      style: address ? { version: 8, sources: {}, layers: [] } : this.withStations(groundStyle(colours), colours),
      bounds: view ? new LngLatBounds([view.west, view.south], [view.east, view.north]) : boundsOf(around),
      fitBoundsOptions: { padding: view ? 0 : ROOM },
      minZoom: 1,
      maxZoom: 18,
      maxPitch: 0,
      dragRotate: false,
      touchPitch: false,
      attributionControl: false,
      localIdeographFontFamily: colours.font,
      locale: { 'Map.Title': label },
    });
    this.drawn.touchZoomRotate.disableRotation();
    this.drawn.keyboard.disableRotation();
    this.ground = new Ground(this.drawn);
    this.drawn.on('style.load', () => {
      addPills(this.drawn, colours);
      this.fillAll();
      this.look();
    });
    if (address) this.dress(address, colours);
    else void knownAreas().then((areas) => this.learn(areas), () => this.learn([]));
    this.listen();
  }

  show(stations: Iterable<FoundStation>, freeOf: FreeOf): void {
    this.known = [...stations];
    this.points = stationPoints(this.known, freeOf);
    this.fillAll();
  }

  choose(stationId: string | null): void {
    if (this.drawn.getLayer('chosen')) this.drawn.setFilter('chosen', ['==', ['get', 'id'], stationId ?? '']);
  }

  goTo(around: Around, { stay = false } = {}): void {
    this.around = around;
    this.fillAll();
    if (!stay) this.drawn.fitBounds(boundsOf(around), { padding: ROOM, maxDuration: 1500 });
  }

  zoom(by: number): void {
    this.drawn.zoomTo(Math.round(this.drawn.getZoom() + by), {}, { byHand: true });
  }

  view(): View {
    const bounds = this.drawn.getBounds();
    const { lat, lng: lon } = this.drawn.getCenter();
    return {
      south: bounds.getSouth(),
      west: bounds.getWest(),
      north: bounds.getNorth(),
      east: bounds.getEast(),
      lat,
      lon,
    };
  }

  end(): void {
    this.ground.over = true;
    this.drawn.remove();
  }

  /** Before its style is there a map takes no data: then again. */
  private fillAll(): void {
    const named = (lon: number, lat: number): boolean => this.areas.some((area) => isIn(area, lon, lat));
    this.fill('stations', this.points);
    this.fill('names', namePoints(this.known, named));
    this.fill('rings', rings(this.around.lon, this.around.lat, this.hears.metres));
  }

  private fill(source: string, data: FeatureCollection): void {
    this.drawn.getSource<GeoJSONSource>(source)?.setData(data);
  }

  private withStations(style: StyleSpecification, colours: Palette): StyleSpecification {
    return {
      ...style,
      sources: { ...style.sources, stations: stationSource(this.points) },
      layers: [...style.layers, ...stationLayers(colours)],
    };
  }

  /** Somebody else's style under our stations, with letters that it has. */
  private dress(address: string, colours: Palette): void {
    this.drawn.addControl(new AttributionControl({ compact: false }));
    this.drawn.once('error', ({ error }) => {
      // A style that does not come leaves our own ground, not an empty map.
      console.warn(error);
      if (!this.drawn.getLayer('stations')) this.drawn.setStyle(this.withStations(groundStyle(colours), colours));
    });
    this.drawn.setStyle(address, {
      transformStyle: (_, theirs) => {
        const letters = theirs.layers.find((layer) => layer.type === 'symbol' && layer.layout?.['text-font']);
        const font = letters?.type === 'symbol' ? letters.layout?.['text-font'] : undefined;
        const own = groundStyle(colours).layers.filter((layer) => OURS.includes(layer.id));
        const style = this.withStations({ ...theirs, layers: own }, colours);
        const lettered = style.layers.map((layer) =>
          layer.type === 'symbol' && font ? { ...layer, layout: { ...layer.layout, 'text-font': font } } : layer,
        );
        return {
          ...style,
          sources: { ...groundSources(), ...style.sources },
          layers: [...theirs.layers, ...lettered],
        };
      },
    });
  }

  private listen(): void {
    this.drawn.on('moveend', (event) => {
      const byHand = Boolean(event.originalEvent) || 'byHand' in event;
      this.look();
      this.hears.moved(byHand);
    });
    for (const layer of ['clusters', 'stations', 'chosen']) {
      this.drawn.on('mouseenter', layer, () => (this.drawn.getCanvas().style.cursor = 'pointer'));
      this.drawn.on('mouseleave', layer, () => (this.drawn.getCanvas().style.cursor = ''));
    }
    this.drawn.on('click', (event) => {
      const layers = ['chosen', 'stations', 'clusters'].filter((layer) => this.drawn.getLayer(layer));
      const { x, y } = event.point;
      const finger: [[number, number], [number, number]] = [[x - FINGER, y - FINGER], [x + FINGER, y + FINGER]];
      const [hit] = [event.point, finger].flatMap((where) => this.drawn.queryRenderedFeatures(where, { layers }));
      if (hit?.properties['cluster_id'] === undefined) {
        this.hears.picked((hit?.properties['id'] as string | undefined) ?? null);
        return;
      }
      const source = this.drawn.getSource<GeoJSONSource>('stations');
      const middle = (hit.geometry as GeoJSON.Point).coordinates as [number, number];
      void source?.getClusterExpansionZoom(hit.properties['cluster_id'] as number).then((zoom) => {
        this.drawn.easeTo({ center: middle, zoom: zoom + 0.2 }, { byHand: true });
      });
    });
  }

  private look(): void {
    const area = areaIn(this.areas, this.drawn.getBounds(), this.drawn.getZoom());
    const { lng, lat } = this.drawn.getCenter();
    this.hears.area(area, area !== null && isIn(area, lng, lat));
    if (this.styled) return;
    // Without them the stations stand on plain ground, and that is said.
    this.ground.look(area).catch(() => this.ground.over || this.hears.area(null, false));
  }

  private learn(areas: Area[]): void {
    if (this.ground.over) return;
    this.areas = areas;
    this.fillAll();
    this.look();
  }
}

function boundsOf({ lat, lon, radius }: Around): LngLatBounds {
  const high = radius / METRES_PER_DEGREE;
  const wide = high / Math.cos((lat * Math.PI) / 180);
  return new LngLatBounds([lon - wide, lat - high], [lon + wide, lat + high]);
}
