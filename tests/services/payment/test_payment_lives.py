"""Random lives of a payment: commands and the provider's answers in any order have a defined end.

The provider's side is the sandbox's own bookkeeping, so what is held and taken there is compared
with what the payment believes.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from evslot.services.payment.adapters import entries as books
from evslot.services.payment.domain import answered, asked
from evslot.services.payment.domain.record import (
    Call,
    Decision,
    ProviderAnswer,
    Record,
    Refund,
)
from evslot.services.payment.messages import AuthorizePayment, RefundPayment
from evslot.spine.message import Refusal, Secret
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

START = datetime(2030, 5, 1, 12, tzinfo=UTC)
ASKED = 1000
REFUNDS = [uuid4() for _ in range(3)]
AUTH = "auth"


class Life(RuleBasedStateMachine):
    """One payment, the provider behind it, and everybody who waits for an answer."""

    record: Record

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.calls: dict[UUID, Call] = {}
        self.looked_up: list[Call] = []
        self.refunds: dict[UUID, Refund] = {}
        self.posted = 0
        self.waiting: set[tuple[str, UUID | None]] = set()
        self.told: list[tuple[str, Refusal | None]] = []
        self.log: list[books.Entry] = []
        self.versions: list[int] = []
        self.command = AuthorizePayment(
            payment_id=PaymentId(uuid4()),
            reservation_id=ReservationId(uuid4()),
            organisation_id=OrganisationId(uuid4()),
            payer_id=UserId(uuid4()),
            amount=Money(ASKED, "EUR"),
            method=Secret("sim_ok"),
        )

    @initialize(capture=st.booleans())
    def begin(self, capture: bool) -> None:
        self.command = AuthorizePayment(
            **{
                name: getattr(self.command, name)
                for name in self.command.__struct_fields__
                if name != "capture"
            },
            capture=capture,
        )
        self.carry_out(asked.authorise(self.command, b"digest"))

    # What services and the customer ask.

    @rule()
    def authorise_again(self) -> None:
        self.ask(lambda: asked.authorise_again(self.record, self.command, b"digest"))

    @rule()
    def await_challenge(self) -> None:
        self.ask(lambda: asked.await_challenge(self.record))

    @rule()
    def answer_challenge(self) -> None:
        self.ask(lambda: asked.answer_challenge(self.record, self.command.payer_id))

    @rule(amount=st.sampled_from([1, 400, ASKED, ASKED + 1]))
    def capture(self, amount: int) -> None:
        self.ask(lambda: asked.capture(self.record, Money(amount, "EUR"), self.now))

    @rule()
    def void(self) -> None:
        self.ask(lambda: asked.void(self.record))

    @rule(refund_id=st.sampled_from(REFUNDS), amount=st.sampled_from([1, 400, 600, ASKED]))
    def refund(self, refund_id: UUID, amount: int) -> None:
        command = RefundPayment(
            payment_id=self.command.payment_id,
            refund_id=refund_id,
            amount=Money(amount, "EUR"),
            reason="test",
        )
        self.ask(lambda: asked.refund(self.record, self.refunds.get(refund_id), command))

    # What the provider does, and when it tells.

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), says=st.sampled_from(["approve", "challenge", "decline"]))
    def provider_answers(self, data: st.DataObject, says: str) -> None:
        call = data.draw(st.sampled_from(sorted(self.calls.values(), key=lambda c: c.call_id.int)))
        self.tell(call, self.provider(call, says))

    @precondition(lambda self: any(c.kind in ("authorise", "answer") for c in self.calls.values()))
    @rule(had_effect=st.booleans(), says=st.sampled_from(["approve", "challenge", "decline"]))
    def provider_stays_silent(self, had_effect: bool, says: str) -> None:
        call = next(c for c in self.calls.values() if c.kind in ("authorise", "answer"))
        if had_effect:
            self.provider(call, says)
        del self.calls[call.call_id]
        self.carry_out(answered.authorisation_unknown(self.record))

    @rule(minutes=st.sampled_from([1, 16, 7 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.sweep()

    def sweep(self) -> None:
        record = self.record
        if record.running is not None:
            return
        if record.state == "challenge" and (record.challenge_until or self.now) <= self.now:
            self.carry_out(answered.challenge_lapsed(record))
        elif record.state == "authorised" and (record.valid_until or self.now) <= self.now:
            self.carry_out(answered.authorisation_lapsed(record))

    # What must hold.

    @invariant()
    def amounts_are_sound(self) -> None:
        record = getattr(self, "record", None)
        if record is None:
            return
        assert 0 <= record.captured <= record.amount
        assert 0 <= record.refunded + record.refunding <= record.captured
        assert record.captured - record.refunded == self.posted
        assert self.versions == sorted(self.versions)
        pending = [refund.amount for refund in self.refunds.values() if refund.state == "pending"]
        assert record.refunding == sum(pending)

    @invariant()
    def whoever_waits_has_a_call_or_the_customer_to_wait_for(self) -> None:
        for purpose, refund_id in self.waiting:
            if purpose == "challenge" and self.record.state == "challenge":
                continue
            assert self.calls, f"{purpose} {refund_id} waits for nothing"

    def teardown(self) -> None:
        """Let everything under way come to its end; then nobody waits and the books agree."""
        if not hasattr(self, "record"):
            return
        for _ in range(20):
            if not self.calls and self.record.state not in ("challenge", "authorised"):
                break
            for call in list(self.calls.values()):
                self.tell(call, self.provider(call, "approve"))
            self.now += timedelta(days=8)
            self.sweep()
        assert not self.calls
        assert not self.waiting
        standing = books.stand(self.log)
        assert standing.captured - standing.refunded == self.posted
        lapsed = self.record.decline_reason == "authorisation_lapsed"
        assert lapsed or not standing.held, "the payer's money is still held"
        assert not standing.challenged
        if self.record.state in ("declined", "voided"):
            assert self.posted == 0
        super().teardown()

    # The service around the decisions, and the provider, in a few lines each.

    def ask(self, decide: "object") -> None:
        try:
            decision = decide()  # type: ignore[operator]
        except Refusal:
            return
        self.carry_out(decision)

    def carry_out(self, decision: Decision) -> None:
        self.record = decision.record
        if decision.event is not None:
            assert decision.record.version not in self.versions, "two events of one version"
            self.versions.append(decision.record.version)
        if decision.refund is not None:
            self.refunds[decision.refund.refund_id] = decision.refund
        for call in decision.calls:
            assert call.call_id not in self.calls
            self.calls[call.call_id] = call
        for posting in decision.postings:
            clearing = (leg for leg in posting.legs if leg.account == "provider_clearing")
            self.posted += sum(leg.amount for leg in clearing)
        for verdict in decision.verdicts:
            self.waiting.discard((verdict.purpose, verdict.refund_id))
        if decision.wait is not None:
            refund_id = decision.refund.refund_id if decision.refund else None
            self.waiting.add((decision.wait, refund_id if decision.wait == "refund" else None))

    def tell(self, call: Call, answer: ProviderAnswer) -> None:
        del self.calls[call.call_id]
        record = self.record
        match call.kind:
            case "capture":
                decision = answered.capture_known(record, call, answer)
            case "void":
                decision = answered.void_known(record, answer)
            case "look_up":
                decision = answered.turned_up(record, call, answer)
            case "refund":
                assert call.refund_id is not None
                refund = self.refunds[call.refund_id]
                decision = answered.refund_known(record, call, refund, answer)
            case _:
                decision = answered.authorisation_known(record, call, answer, self.now)
        self.carry_out(decision)

    def provider(self, call: Call, says: str) -> ProviderAnswer:
        standing = books.stand(self.log)
        if call.kind == "look_up":
            return self.provider_looks_up(standing)
        entries = self.provider_writes(standing, call, says)
        self.log += entries
        answer = entries[0].answer
        assert answer is not None
        return answer

    def provider_writes(self, standing: books.Standing, call: Call, says: str) -> list[books.Entry]:
        key, amount = call.call_id, Money(call.amount, "EUR")
        valid_until = self.now + timedelta(days=7)
        match call.kind:
            case "authorise":
                wanted = books.Entry(
                    idempotency_key=key,
                    kind="authorised",
                    reference=AUTH,
                    amount=call.amount,
                    currency="EUR",
                    takes_at_once=self.record.capture_at_once,
                    valid_until=valid_until,
                )
                if says == "approve":
                    return books.approved(wanted)
                if says == "challenge":
                    return books.challenged(wanted)
                return books.declined(wanted, "no")
            case "answer":
                said = {"approve": "approve", "decline": "refuse"}.get(says, "what?")
                return books.challenge_answered(standing, key, AUTH, said, valid_until)
            case "capture":
                lapsed = standing.valid_until is not None and standing.valid_until <= self.now
                if lapsed or amount.amount > standing.held or says == "decline":
                    return books.refused(key, AUTH, amount, "lapsed")
                return books.done(key, AUTH, "captured", amount)
            case "void":
                if standing.captured:
                    return books.refused(key, AUTH, amount, "captured")
                return books.done(key, AUTH, "voided", amount)
        if amount.amount > standing.captured - standing.refunded:
            return books.refused(key, AUTH, amount, "not_taken")
        return books.done(key, AUTH, "refunded", amount)

    def provider_looks_up(self, standing: books.Standing) -> ProviderAnswer:
        if standing.challenged:
            return ProviderAnswer(outcome="challenge", reference=AUTH)
        if standing.held or standing.captured > standing.refunded:
            return ProviderAnswer(outcome="approved", reference=AUTH, captured=standing.captured)
        return ProviderAnswer(outcome="done" if standing.known else "declined")


TestLives = Life.TestCase
TestLives.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
