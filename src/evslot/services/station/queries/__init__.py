"""What the station service answers."""

from evslot.services.station.queries import locations, operators, places, search, stations
from evslot.spine.handling import Queries

queries = Queries()
for module in (stations, operators, search, places, locations):
    queries.include(module.queries)
