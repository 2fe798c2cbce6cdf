"""The checker finds wrong tellings, views, lives, streams, orders and leaks, by their names."""

from pathlib import Path

import pytest

from tests.faults.made_runs import Made
from tests.faults.made_truth import MadeTruth, made_id
from tests.faults.words import found, ordinary, row, word

# I6


def test_a_fact_told_twice_or_never_is_found() -> None:
    made = ordinary()
    notifications = made.truth.tables["notification", "notification"]
    notifications.append(dict(notifications[0]) | {"notification_id": made_id("again")})
    assert "was told 2 times" in found(made, "I6")
    made = ordinary()
    made.truth.tables["notification", "notification"].pop()
    assert "was told 0 times" in found(made, "I6")


def test_a_mail_that_came_twice_is_found_unless_something_broke_before() -> None:
    made = ordinary()
    number = made.truth.tables["notification", "notification"][0]["notification_id"]
    made.wait(95)  # a lease later
    made.mail(number)
    assert found(made, "I6") == ""
    made.wait(95)
    made.mail(number)
    assert "nothing had broken" in found(made, "I6")


def test_a_mail_that_never_came_is_found() -> None:
    made = ordinary()
    made.truth.mails.pop()
    assert "counts as delivered and never came" in found(made, "I6")


def test_a_telling_of_what_never_happened_is_found() -> None:
    made = ordinary()
    notification = made.truth.tables["notification", "notification"][0]
    notification["subject_id"] = made_id("lapsed")
    assert "tells that" in found(made, "I6")


# I7


def test_a_view_that_goes_back_is_found() -> None:
    made = ordinary()
    stale = dict(row(made, "reservation", "reservation", reservation_id=made_id("used")))
    made.get(stale | {"version": 2})
    assert "was shown version 2" in found(made, "I7")


# I8


def test_a_hold_that_was_confirmed_after_its_end_is_found() -> None:
    made = Made()
    held = made.hold("late")
    made.wait(30)
    made.pay(held)
    assert "was confirmed at" in found(made, "I8")


@pytest.mark.parametrize("late", [-3.0, 7.0])
def test_a_hold_that_ends_early_or_late_is_found(late: float) -> None:
    made = Made()
    made.expire(made.hold("swept"), late)
    assert made_id("swept") in found(made, "I8")


def test_under_faults_a_slot_may_be_free_half_a_minute_after_the_heal() -> None:
    made = Made()
    held = made.hold("swept")
    made.nemesis("phase", phase="faulty")
    made.expire(held, late=12)
    made.nemesis("phase", phase="healed")
    assert found(made, "I8") == ""


# I9


def test_a_life_that_is_not_legal_is_found() -> None:
    made = ordinary()
    row(made, "reservation", "story", what="expired")["what"] = "completed"
    assert "completed after held" in found(made, "I9")


def test_a_gap_in_the_versions_is_found() -> None:
    made = ordinary()
    stories = made.truth.tables["reservation", "story"]
    stories[:] = [one for one in stories if one["what"] != "settled"]
    assert "its story" in found(made, "I9")


def test_a_payment_that_was_taken_after_it_was_let_go_is_found() -> None:
    made = ordinary()
    voided = row(made, "payment", "payment", state="voided")
    shown = {"payment_id": voided["payment_id"], "version": 9, "state": "captured"}
    body = {"payment": shown, "version": 9}
    made.emit("payment", "PaymentCaptured", body, voided["payment_id"])
    assert "captured after voided" in found(made, "I9")


# I10


def test_a_lost_event_and_a_made_up_one_are_found() -> None:
    made = ordinary()
    lost = made.truth.records["reservation-events"].pop(2)
    assert f"wrote {lost.id}" in found(made, "I10")
    made = ordinary()
    made.truth.tables["payment", "outbox"].pop()
    assert "never wrote down" in found(made, "I10")


def test_an_event_out_of_order_is_found_and_one_that_came_again_is_not() -> None:
    made = ordinary()
    events = made.truth.records["reservation-events"]
    events.append(events[0])
    assert found(made, "I10") == ""
    of_first = [e for e in events if e.body()["reservation"]["reservation_id"] == made_id("first")]
    one, other = (events.index(event) for event in of_first[1:3])
    events[one], events[other] = events[other], events[one]
    assert "came after" in found(made, "I10")


def test_a_key_in_two_partitions_is_found() -> None:
    made = ordinary()
    made.truth.records["reservation-events"][-1].partition = 3
    assert "is in two partitions" in found(made, "I10")


def test_a_view_that_is_not_what_the_events_say_is_found() -> None:
    made = ordinary()
    row(made, "station", "busy", ref=made_id("again"))["state"] = "held"
    assert "the station service shows" in found(made, "I10")


# I11


def test_a_slot_had_twice_has_no_order() -> None:
    made = Made()
    first = made.hold("one")
    made.refuse(first, "no")
    made.pay(first)
    made.get(first)
    assert word(made, "I11").valid is True
    made.hold("two", user="other")
    assert "have no order" in found(made, "I11")


def test_a_refusal_of_a_free_slot_has_no_order() -> None:
    made = Made()
    first = made.hold("one")
    made.cancel(first, made.pay(first))
    assert found(made, "I11") == ""
    made.refuse(first, "no")
    assert "stuck at refuse" in found(made, "I11")


def test_a_read_that_forgets_has_no_order() -> None:
    made = Made()
    first = made.hold("one")
    made.pay(first)
    made.get(first | {"state": "held"})
    assert "stuck at show held" in found(made, "I11")


def test_a_hold_whose_answer_was_lost_may_have_taken_the_slot() -> None:
    made = Made()
    first = made.hold("one")
    last = made.lines.pop()
    made.lines.append(last)
    last.type, last.res = "info", None
    made.refuse(first, "no")
    assert found(made, "I11") == ""


def test_a_hold_may_lapse_after_its_time_and_not_before() -> None:
    made = Made()
    made.hold("one")
    made.wait(25)
    made.hold("two", user="other")
    assert found(made, "I11") == ""


# I13, I14


def test_who_is_not_back_after_the_heal_is_found() -> None:
    made = ordinary()
    made.wait(40)
    made.op("hold", "info", {"code": "unavailable"}, status=503)
    assert "had no outcome after the heal" in found(made, "I13")


def test_what_did_not_come_to_rest_is_found() -> None:
    made = ordinary()
    made.truth.about.update(quiesced=False, left={"reservation sagas": 1})
    assert "not at rest" in found(made, "I13")


def test_descriptors_that_grow_are_found() -> None:
    made = ordinary()
    for seconds, fds in ((0, 40), (61, 60), (120, 160)):
        one = {"t_ns": seconds * 10**9, "name": "user", "pid": 5, "fds": fds}
        made.truth.samples.append(one | {"connections": 1, "threads": 1})
    assert "fds of user (5) grew from 60 to 160" in found(made, "I13")


@pytest.mark.parametrize("missing", ["expired holds", "compensations", "replayed answers", "hits"])
def test_a_run_that_did_not_show_enough_is_no_proof(missing: str) -> None:
    made = ordinary()
    made.truth.records["gateway-replies"].clear()
    made.truth.tables["reservation", "saga"].clear()
    made.lines[:] = [line for line in made.lines if line.args.get("phase") != "hit"]
    stories = made.truth.tables["reservation", "story"]
    stories[:] = [one for one in stories if one["what"] != "expired"]
    judged = word(made, "I14")
    assert judged.valid == "unknown"
    assert missing in judged.vacuous


# I15


@pytest.mark.parametrize(
    ("place", "leaks"),
    [
        ("logs/user.log", True),
        ("topics/user-events.jsonl", True),
        ("db/payment/payment.jsonl", True),
        ("db/user/account.jsonl", False),
    ],
)
def test_a_canary_out_of_place_is_found(tmp_path: Path, place: str, leaks: bool) -> None:
    made = ordinary()
    made.truth = _with_files(made.truth, tmp_path)
    path = tmp_path / "truth" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("sent to driver-canary@people.example\n")
    assert bool(found(made, "I15")) is leaks


def _with_files(truth: MadeTruth, tmp_path: Path) -> MadeTruth:
    truth.folder = tmp_path / "truth"
    (truth.folder / "logs").mkdir(parents=True)
    (truth.folder / "logs" / "station.log").write_text("nothing to see\n")
    return truth
