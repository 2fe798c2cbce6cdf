"""What the station service answers."""

from evslot.services.station.queries import search, stations
from evslot.spine.handling import Queries

queries = Queries()
for module in (stations, search):
    queries.include(module.queries)
