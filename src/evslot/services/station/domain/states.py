"""What is known of a charger's state: a value, who said it, and how old that may be."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from evslot.services.station.messages import Charger, StationView

NOT_KNOWN = "not_known"
OLDEST = {
    "charger": timedelta(minutes=15),
    "operator": timedelta(hours=24),
    "driver": timedelta(hours=24),
}
"""By source; what an import says of a moment long ago is not shown at all."""


def with_known_states(station: StationView, now: datetime) -> StationView:
    """The station with states that are too old read as not known."""
    return replace(station, chargers=[_shown(charger, now) for charger in station.chargers])


def _shown(charger: Charger, now: datetime) -> Charger:
    oldest = OLDEST.get(charger.state_source or "")
    if oldest and charger.state_at and now - charger.state_at <= oldest:
        return charger
    return replace(charger, state=NOT_KNOWN)
