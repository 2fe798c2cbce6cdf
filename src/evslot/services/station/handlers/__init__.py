"""What the station service does when it is told something."""

from evslot.services.station.handlers import changes, hearing, imports, places, sample, stations
from evslot.spine.handling import Handlers

handlers = Handlers()
for module in (stations, changes, imports, hearing, places, sample):
    handlers.include(module.handlers)
