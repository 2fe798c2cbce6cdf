"""How much may wait for a service follows from how long its answers say that they waited."""

from evslot.gateway.admission import FLOOR, TARGET_SECONDS, Admission
from evslot.gateway.refusing import service_of
from evslot.spine.records import waited_header, waited_seconds

SLOW, QUICK = TARGET_SECONDS * 2, TARGET_SECONDS / 2


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def admission_with(waiting: int, limit: int = 100) -> tuple[Admission, Clock]:
    clock = Clock()
    admission = Admission(limit, clock)
    for _ in range(waiting):
        admission.enter("reservation")
    return admission, clock


def test_the_edge_as_a_whole_has_a_limit_that_counts_questions_too() -> None:
    admission, _ = admission_with(99)
    assert not admission.is_full()
    admission.enter(None)
    assert admission.is_full()
    assert admission.is_full("payment")
    admission.leave(None)
    assert not admission.is_full("reservation")


def test_a_service_that_is_late_is_given_less_and_others_as_much_as_before() -> None:
    admission, clock = admission_with(50)
    admission.heard("reservation", SLOW)
    assert admission.allowed("reservation") == 40
    admission.heard("reservation", SLOW)  # the same jam, a moment later
    assert admission.allowed("reservation") == 40
    clock.now += 1.0
    admission.heard("reservation", SLOW)
    assert admission.allowed("reservation") == 32
    assert admission.is_full("reservation")
    assert not admission.is_full("payment")
    assert not admission.is_full()


def test_some_are_always_let_in_so_that_there_is_news() -> None:
    admission, clock = admission_with(20)
    for _ in range(50):
        clock.now += 1.0
        admission.heard("reservation", SLOW)
    assert admission.allowed("reservation") == FLOOR


def test_a_service_that_is_in_time_again_gets_one_more_with_each_answer() -> None:
    admission, _ = admission_with(50)
    admission.heard("reservation", SLOW)
    for _ in range(10):
        admission.heard("reservation", QUICK)
    assert admission.allowed("reservation") == 50
    for _ in range(200):
        admission.heard("reservation", QUICK)
    assert admission.allowed("reservation") == 100


def test_an_answer_carries_how_long_its_batch_waited() -> None:
    name, value = waited_header(1.25)
    assert waited_seconds(((name, value),)) == 1.25
    assert waited_seconds((("ce_id", b"1"),)) == 0.0
    assert waited_seconds(((name, b"soon"),)) == 0.0


def test_the_service_of_a_write_is_known_by_its_path_where_all_want_to_go() -> None:
    assert service_of(b"/v1/reservations") == "reservation"
    assert service_of(b"/v1/reservations/1/payment") == "reservation"
    assert service_of(b"/v1/me") is None
    assert service_of(b"/") is None
