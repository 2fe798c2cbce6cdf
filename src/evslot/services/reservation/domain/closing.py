"""Closures: what an operator may take out of use, and for how long."""

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec.structs import replace

from evslot.services.reservation.domain.cancelling import check_reason
from evslot.services.reservation.messages import Closure, PeriodInvalid, SetClosure
from evslot.services.station import messages as station
from evslot.values import ChargerId, OrganisationId

LONGEST = timedelta(days=731)
"""A charger that is out of use for longer is retired at the station."""


def close(
    command: SetClosure,
    organisation_id: OrganisationId,
    chargers: Collection[ChargerId],
    now: datetime,
) -> Closure:
    """The closure that is asked for, of chargers that the station has.

    Raises PeriodInvalid, ReasonInvalid, ChargerNotFound.
    """
    check_reason(command.reason)
    period = command.period
    if not period.start < period.end or period.end <= now or period.length > LONGEST:
        raise PeriodInvalid()
    wanted = command.charger_ids if command.charger_ids is not None else tuple(chargers)
    if not wanted or not set(wanted) <= set(chargers):
        raise station.ChargerNotFound()
    return Closure(
        closure_id=command.closure_id,
        version=1,
        station_id=command.station_id,
        organisation_id=organisation_id,
        charger_ids=tuple(sorted(set(wanted))),
        period=period,
        reason=command.reason,
        state="standing",
        created_at=now,
        changed_at=now,
    )


def lift(closure: Closure, now: datetime) -> Closure:
    """Its next version, over before its time; one that was lifted is answered as it is."""
    if closure.state == "lifted":
        return closure
    return replace(closure, version=closure.version + 1, state="lifted", changed_at=now)
