"""What the station service answers."""

from evslot.services.station.queries import operators, search, stations
from evslot.spine.handling import Queries

queries = Queries()
for module in (stations, operators, search):
    queries.include(module.queries)
