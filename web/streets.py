"""Makes the streets of central Helsinki from the OpenStreetMap extract that a package carries.

    python streets.py EXTRACT.osm.pbf FOLDER NAME

writes `areas.json` (what there is) and one GeoJSON file into the folder. What it writes is a
derived database of OpenStreetMap under ODbL 1.0; the map names it. Nothing of it is committed.
What reads the extract is there at build time only, so it is imported where it is used.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CREDIT = "© OpenStreetMap contributors"
LINK = "https://www.openstreetmap.org/copyright"
MAIN = {"motorway", "trunk", "primary", "secondary", "tertiary"}
MINOR = {"residential", "unclassified", "living_street", "service", "pedestrian", "road"}
PATH = {"footway", "cycleway", "path", "steps"}
GREEN = {
    ("leisure", "park"), ("leisure", "garden"), ("leisure", "pitch"), ("leisure", "playground"),
    ("landuse", "grass"), ("landuse", "forest"), ("natural", "wood"), ("natural", "scrub"),
    ("natural", "heath"),
}  # fmt: skip
NAMED = {"suburb", "quarter", "neighbourhood"}
RAILS = {"rail", "tram", "light_rail"}
PLACES = 5
"""Decimals of a degree: about a metre."""

Point = tuple[float, float]
Chain = list[Point]
Box = tuple[float, float, float, float]


def main(extract: str, folder: Path, name: str) -> None:
    """Replaces what is in the folder."""
    import osmium

    with osmium.io.Reader(extract) as reader:
        header = reader.header().box()
    low, high = header.bottom_left, header.top_right
    box = (low.lon, low.lat, high.lon, high.lat)
    features = [*water(coasts(extract), box), *drawn(extract), frame(box)]
    streets = json.dumps(
        {"type": "FeatureCollection", "features": features},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    file = f"streets-{hashlib.sha256(streets.encode()).hexdigest()[:8]}.json"
    area = {
        "name": name, "bounds": box, "file": f"/map/{file}", "credit": CREDIT, "link": LINK,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    (folder / file).write_text(streets)
    (folder / "areas.json").write_text(json.dumps({"areas": [area]}, ensure_ascii=False) + "\n")


def drawn(extract: str) -> Iterator[dict[str, Any]]:
    """Streets, rails, and the areas that a map of streets shows."""
    import osmium

    for thing in osmium.FileProcessor(extract).with_locations().with_areas():
        if thing.is_way() and (kind := kind_of_way(thing.tags)):
            for line in runs(thing.nodes):
                yield feature(kind, "LineString", line, thing.tags.get("name"))
        elif thing.is_node() and thing.tags.get("place") in NAMED:
            place = (round(thing.lon, PLACES), round(thing.lat, PLACES))
            yield feature("place", "Point", place, thing.tags.get("name"))
        elif thing.is_area() and (kind := kind_of_area(thing.tags)):
            yield feature(kind, "MultiPolygon", list(polygons(thing)))


def kind_of_way(tags: Any) -> str | None:
    """How a line is drawn; None where it is not."""
    street = tags.get("highway", "").removesuffix("_link")
    if street in MAIN:
        return "main"
    if tags.get("area") == "yes" or tags.get("indoor") or tags.get("tunnel") == "yes":
        return None
    if street in MINOR:
        return "minor" if tags.get("service") is None else "path"
    if street in PATH:
        return "path"
    return "rail" if tags.get("railway") in RAILS else None


def kind_of_area(tags: Any) -> str | None:
    """How an area is drawn; None where it is not."""
    if tags.get("natural") == "water":
        return "water"
    if "building" in tags:
        return "building"
    if any(tags.get(key) == value for key, value in GREEN):
        return "green"
    paved = tags.get("highway") == "pedestrian" or tags.get("place") == "square"
    return "square" if paved else None


def coasts(extract: str) -> list[Chain]:
    """The coast in pieces that the extract holds whole: land on the left, as OSM has it."""
    import osmium

    return [
        chain
        for way in osmium.FileProcessor(extract, osmium.osm.NODE | osmium.osm.WAY).with_locations()
        if way.is_way() and way.tags.get("natural") == "coastline"
        for chain in runs(way.nodes)
    ]


def runs(nodes: Iterable[Any]) -> Iterator[Chain]:
    """A way is cut where the extract ends: each piece of two or more known points."""
    chain: Chain = []
    for node in nodes:
        if node.location.valid():
            chain.append((round(node.location.lon, PLACES), round(node.location.lat, PLACES)))
            continue
        if len(chain) > 1:
            yield chain
        chain = []
    if len(chain) > 1:
        yield chain


def water(chains: list[Chain], box: Box) -> Iterator[dict[str, Any]]:
    """The sea between the coast and the edge of the extract, walked with the water at the right."""
    pieces = [chain for chain in chains if chain[0] != chain[-1]]
    starts = sorted((along(chain[0], box), index) for index, chain in enumerate(pieces))
    used: set[int] = set()
    for first in range(len(pieces)):
        ring: Chain = []
        index = first
        while index not in used:
            used.add(index)
            ring += pieces[index]
            came = along(pieces[index][-1], box)
            ahead, index = min(((start - came) % 4.0, other) for start, other in starts)
            ring += [corner(number % 4, box) for number in turned(came, ahead)]
        if ring:
            yield feature("water", "Polygon", [[*ring, ring[0]]])


def frame(box: Box) -> dict[str, Any]:
    """Where the streets end."""
    corners = [corner(number % 4, box) for number in range(5)]
    return feature("frame", "LineString", corners)


def along(point: Point, box: Box) -> float:
    """Where on the edge, clockwise from the corner at the south-west: west 0, north 1, …"""
    west, south, east, north = box
    across = (point[0] - west) / (east - west)
    up = (point[1] - south) / (north - south)
    sides = {0.0: across, 1.0: 1 - up, 2.0: 1 - across, 3.0: up}
    nearest = min(sides, key=lambda side: sides[side])
    way = {0.0: up, 1.0: across, 2.0: 1 - up, 3.0: 1 - across}[nearest]
    return nearest + min(max(way, 0.0), 1.0)


def turned(came: float, ahead: float) -> range:
    """The corners that are passed on the way round."""
    return range(int(came) + 1, int(came + ahead) + 1)


def corner(number: int, box: Box) -> Point:
    west, south, east, north = box
    return [(west, south), (west, north), (east, north), (east, south)][number]


def polygons(area: Any) -> Iterator[list[Chain]]:
    for outer in area.outer_rings():
        rings = [outer, *area.inner_rings(outer)]
        yield [
            [(round(node.lon, PLACES), round(node.lat, PLACES)) for node in ring] for ring in rings
        ]


def feature(kind: str, form: str, coordinates: Any, name: str | None = None) -> dict[str, Any]:
    properties = {"kind": kind, **({"name": name} if name else {})}
    geometry = {"type": form, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
