"""The checker finds double bookings, losses, phantoms, repeats and wrong money, by their names."""

import json

import pytest

from tests.faults.check import judge, summary, verdict
from tests.faults.checks import CHECKS
from tests.faults.made_runs import PRICE, Made
from tests.faults.made_truth import made_id, told
from tests.faults.words import found, ordinary, row, word


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "I15"])
def test_a_run_that_is_right_is_valid(name: str) -> None:
    judged = word(ordinary(), name)
    assert judged.valid is True, judged


def test_the_verdict_has_the_first_counter_example_with_what_was_around_it() -> None:
    made = ordinary()
    row(made, "reservation", "reservation", reservation_id=made_id("again"))["state"] = "expired"
    said = verdict(made.run, judge(made.run, ["I1", "I9"]))
    assert said["valid"] is False
    assert said["counter_example"]["check"] == "I1"
    assert made_id("again") in json.dumps(said["counter_example"]["events"])
    assert len(said["counter_example"]["events"]) <= 20
    assert "I1" in summary(said)


def test_what_proved_nothing_is_not_valid() -> None:
    judged = judge(Made().run)
    assert {one.check for one in judged if one.valid is True} == set()
    assert verdict(Made().run, judged)["valid"] is not True


def test_a_check_that_breaks_knows_nothing() -> None:
    made = ordinary()
    del row(made, "payment", "payment", state="voided")["captured"]
    judged = word(made, "I5")
    assert judged.valid == "unknown"
    assert "KeyError" in judged.unknown[0]


# I1


def test_two_claims_on_one_time_are_found() -> None:
    made = ordinary()
    claim = dict(made.truth.tables["reservation", "occupancy"][0])
    made.truth.tables["reservation", "occupancy"].append(claim | {"ref": made_id("lapsed")})
    assert "is claimed twice" in found(made, "I1")


def test_a_slot_that_was_had_twice_for_a_moment_is_found() -> None:
    made = Made()
    made.hold("one")
    two = made.hold("two", user="other")
    made.expire(two)
    assert "got charger" in found(made, "I1")


def test_two_drivers_with_a_yes_for_one_slot_are_found_whatever_the_database_says() -> None:
    made = ordinary()
    taken = row(made, "reservation", "reservation", reservation_id=made_id("again"))
    made.op("hold", res=told(taken | {"reservation_id": made_id("ghost")}), args={})
    assert "two drivers were told" in found(made, "I1")


def test_a_booking_without_a_claim_is_found() -> None:
    made = ordinary()
    made.truth.tables["reservation", "occupancy"].clear()
    assert "without a claim" in found(made, "I1")


# I2


def test_a_yes_that_left_no_mark_is_found() -> None:
    made = ordinary()
    stories = made.truth.tables["reservation", "story"]
    stories[:] = [one for one in stories if one["what"] != "cancelled"]
    assert "the yes to cancel" in found(made, "I2")


def test_a_record_that_nobody_read_is_found() -> None:
    made = ordinary()
    made.truth.groups["reservation-service"][0]["committed"] -= 1
    assert "has not read 1 records" in found(made, "I2")


def test_a_record_that_was_passed_over_is_found() -> None:
    made = Made()
    inbox = made.truth.tables["reservation", "inbox"]
    made.hold("lost")
    inbox.clear()  # its offset was committed, its transaction was not
    made.hold("next", hour=20)
    assert "reservation.HoldSlot" in found(made, "I2")
    assert "was passed over" in found(made, "I2")


def test_a_promise_that_was_not_kept_is_found() -> None:
    made = ordinary()
    made.answer("reservation", "PayReservation", made_id("promised"), None)
    row(made, "reservation", "inbox", command_id=made_id("promised"))["state"] = "open"
    made.op("pay", "info", {"operation_id": made_id("promised")}, status=202)
    assert "was promised with 202 and never ended" in found(made, "I2")


def test_a_stuck_saga_is_found() -> None:
    made = ordinary()
    made.saga("somebody", "stuck")
    assert "is stuck" in found(made, "I2")


# I3


def test_a_booking_of_nobodys_command_is_found() -> None:
    made = ordinary()
    booking = dict(made.truth.tables["reservation", "reservation"][0])
    booking["reservation_id"] = made_id("phantom")
    made.truth.tables["reservation", "reservation"].append(booking)
    assert f"booking {made_id('phantom')} is the answer to no command" in found(made, "I3")


def test_a_no_that_was_done_is_found() -> None:
    made = ordinary()
    held = made.hold("done", hour=23)
    made.op("hold", "fail", {"code": "slot_taken"}, status=409, **made.asking(held, "done"))
    assert "was refused (slot_taken) and done" in found(made, "I3")


def test_a_refused_connection_is_no_answer() -> None:
    made = ordinary()
    held = made.hold("done", hour=23)
    made.op("hold", "fail", **made.asking(held, "done"))
    assert found(made, "I3") == ""
    assert found(made, "I4") == ""


def test_a_mail_that_nobody_wrote_is_found() -> None:
    made = ordinary()
    made.mail(made_id("unknown"))
    assert "is of no notification" in found(made, "I3")


# I4


def test_two_answers_to_one_command_are_found() -> None:
    made = ordinary()
    held = row(made, "reservation", "reservation", reservation_id=made_id("first"))
    made.op("hold", res=told(held), **made.asking(held, "first"))
    assert "was answered in two ways" in found(made, "I4")


def test_another_body_under_a_key_must_be_refused() -> None:
    made = ordinary()
    held = row(made, "reservation", "reservation", reservation_id=made_id("first"))
    asking = made.asking(held, "first")
    asking["args"] = {"charger_id": "another"}
    made.op("hold", "fail", {"code": "idempotency_key_reused"}, status=422, **asking)
    assert found(made, "I4") == ""
    made.op("hold", res=told(held), **asking)
    assert "another body was taken under its key" in found(made, "I4")


def test_a_command_that_made_two_bookings_is_found() -> None:
    made = ordinary()
    twin = made.hold("twin", hour=23)
    trace = made_id("trace first")
    event = {"reservation": told(twin), "version": 1}
    made.emit("reservation", "SlotHeld", event, "00aa", trace)
    assert "one hold" in found(made, "I4")


def test_a_payment_that_was_authorised_twice_is_found() -> None:
    made = ordinary()
    twice = dict(made.truth.tables["payment", "provider_log"][0])
    made.truth.tables["payment", "provider_log"].append(twice | {"reference": "auth_other"})
    assert "was authorised as" in found(made, "I4")


# I5


def test_a_capture_that_the_provider_does_not_know_is_found() -> None:
    made = ordinary()
    log = made.truth.tables["payment", "provider_log"]
    log[:] = [entry for entry in log if entry["kind"] != "captured"]
    assert f"took {PRICE} and gave back 0; the provider took 0" in found(made, "I5")
    assert "the ledger says" in found(made, "I5")


def test_a_changed_ledger_line_breaks_the_chain() -> None:
    made = ordinary()
    for entry in made.truth.tables["payment", "ledger_entry"]:
        entry["amount"] *= 2
    assert "the chain of the ledger is broken" in found(made, "I5")


def test_an_unbalanced_ledger_transaction_is_found() -> None:
    made = ordinary()
    made.truth.tables["payment", "ledger_entry"].pop()
    assert "does not balance" in found(made, "I5")


def test_money_held_for_a_booking_that_is_gone_is_found() -> None:
    made = ordinary()
    held = row(made, "payment", "payment", state="voided")
    held["state"] = "authorised"
    assert "promises of money" in found(made, "I5")
    held["state"] = "voided"
    log = made.truth.tables["payment", "provider_log"]
    log[:] = [entry for entry in log if entry["kind"] != "voided"]
    assert "still holds" in found(made, "I5")


def test_a_used_booking_that_was_not_paid_is_found() -> None:
    made = ordinary()
    row(made, "payment", "payment", state="captured")["captured"] = 0
    assert "is completed and costs" in found(made, "I5")


def test_a_gap_in_the_numbers_of_receipts_is_found() -> None:
    made = ordinary()
    made.truth.tables["payment", "receipt"][0]["sequence"] = 2
    assert "gaps or repeats" in found(made, "I5")


def test_a_ledger_that_was_off_for_a_moment_is_found() -> None:
    made = ordinary()
    made.truth.bank.extend({"total": total, "payable": 9, "lines": 4} for total in (0, 0, -5, 0))
    assert "the ledger was off while it ran" in found(made, "I5")
