"""What the station service does when it is told something."""

from evslot.services.station.handlers import imports, stations
from evslot.spine.handling import Handlers

handlers = Handlers()
for module in (stations, imports):
    handlers.include(module.handlers)
