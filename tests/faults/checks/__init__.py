"""What must hold, whatever breaks: each invariant is a function of a run's history and truth."""

from tests.faults.checks.charger_days import calendars_are_linearizable
from tests.faults.checks.commands import no_phantoms, nothing_is_lost, one_effect_each
from tests.faults.checks.judging import Check, Finding, Judged, Run
from tests.faults.checks.leaks import nothing_leaks
from tests.faults.checks.liveness import alive_again, has_shown_enough
from tests.faults.checks.money import money_agrees
from tests.faults.checks.sessions import views_never_go_back
from tests.faults.checks.slots import holds_end_in_time, no_double_booking
from tests.faults.checks.telling import told_once
from tests.faults.checks.versions import lives_are_legal, streams_agree

__all__ = ["CHECKS", "Check", "Finding", "Judged", "Run"]

CHECKS: dict[str, Check] = {
    "I1": no_double_booking,
    "I2": nothing_is_lost,
    "I3": no_phantoms,
    "I4": one_effect_each,
    "I5": money_agrees,
    "I6": told_once,
    "I7": views_never_go_back,
    "I8": holds_end_in_time,
    "I9": lives_are_legal,
    "I10": streams_agree,
    "I11": calendars_are_linearizable,
    "I13": alive_again,
    "I14": has_shown_enough,
    "I15": nothing_leaks,
}
