"""What the station service answers."""

from evslot.services.station.queries import locations, operators, places, search, stations, stickers
from evslot.spine.handling import Queries

queries = Queries()
for module in (stations, operators, search, places, locations, stickers):
    queries.include(module.queries)
