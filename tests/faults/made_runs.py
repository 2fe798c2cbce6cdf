"""Small made-up runs that are right, for tests of the checker that then make them wrong."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from evslot.services.payment.domain.ledger import captured, link
from evslot.values import OrganisationId, PaymentId, UserId
from tests.faults.checks import Run
from tests.faults.history import Line, Op
from tests.faults.made_truth import MadeTruth, as_bytea, as_range, made_id, told
from tests.faults.truth import Record, Row

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
WALL_NS = 1_000_000_000_000
"""What the monotonic clock said at noon."""
PRICE = 400
HOLD = timedelta(seconds=20)
EVENTS = {
    "held": "SlotHeld",
    "expired": "HoldExpired",
    "released": "HoldReleased",
    "payment_started": "PaymentStarted",
    "payment_failed": "PaymentFailed",
    "confirmed": "ReservationConfirmed",
    "cancelled": "ReservationCancelled",
    "started": "ReservationStarted",
    "completed": "ReservationCompleted",
    "settled": "ReservationSettled",
}


class Made:
    """A run in the making: each method is something that a driver did, and all it left."""

    def __init__(self) -> None:
        self.truth = MadeTruth()
        self.lines: list[Line] = []
        self.now = NOON
        self._procs = 0
        wall = {"phase": "start", "wall_ns": int(NOON.timestamp() * 1e9)}
        self.nemesis("clock", **wall)

    @property
    def run(self) -> Run:
        return Run(self.lines, self.truth)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def nemesis(self, f: str, **args: Any) -> None:
        self._line(Line(proc=-1, type="nemesis", f=f, args=args))

    def op(self, f: str, outcome: str = "ok", res: Any = None, **fields: Any) -> Op:
        """An operation of 20 ms: its two lines."""
        self._procs += 1
        shape = {"proc": self._procs, "f": f, "user": made_id("driver"), **fields}
        status = shape.pop("status", 201 if outcome == "ok" else None)
        asked = self._line(Line(type="invoke", **shape))
        told = Line(type=outcome, status=status, res=res, **shape)  # type: ignore[arg-type]
        return Op(asked=asked, told=self._line(told))

    def _line(self, line: Line) -> Line:
        self.now += timedelta(milliseconds=10)
        line.i = len(self.lines)
        line.t_ns = WALL_NS + int((self.now - NOON).total_seconds() * 1e9)
        self.lines.append(line)
        return line

    def hold(self, name: str, hour: int = 17, charger: str = "c1", user: str = "driver") -> Row:
        """A slot of an hour, a day ahead; `name` is the booking's and the key's."""
        start = NOON.replace(hour=hour) + timedelta(days=1)
        row = self._new_booking(name, charger, start, user)
        command = self._command("POST /v1/reservations", f"key {name}", user)
        self._sent("reservation", "HoldSlot", command, trace=made_id(f"trace {name}"))
        self.happen(row, "held", trace=made_id(f"trace {name}"))
        self._claim(row, "hold")
        self.answer("reservation", "HoldSlot", command, {"reservation": told(row), "version": 1})
        self.op("hold", res=told(row), **self.asking(row, name, user))
        return row

    def asking(self, row: Row, name: str, user: str = "driver") -> dict[str, Any]:
        """The fields of a hold's request."""
        booking = told(row)
        args = {"charger_id": row["charger_id"], **booking["period"]}
        args["occupied_until"] = booking["occupied"]["end"]
        return {
            "key": f"key {name}",
            "route": "POST /v1/reservations",
            "user": made_id(user),
            "args": args,
        }

    def refuse(self, row: Row, name: str) -> None:
        """Somebody wants the same slot and is told that it is taken."""
        command = self._command("POST /v1/reservations", f"key {name}", "rival")
        self._sent("reservation", "HoldSlot", command)
        no = {"status": 409, "code": "slot_taken"}
        self.answer("reservation", "HoldSlot", command, None, **no)
        self.op(
            "hold", "fail", {"code": "slot_taken"}, status=409, **self.asking(row, name, "rival")
        )

    def pay(self, row: Row) -> Row:
        """Authorised at the provider, confirmed, told by mail; answers the payment."""
        number = row["reservation_id"]
        payment = self._new_payment(row)
        self.happen(row, "payment_started")
        self.provider(payment, "authorised")
        self._payment_event(payment, "PaymentAuthorised")
        row |= {"state": "confirmed", "payment_id": payment["payment_id"]}
        row["payment_state"] = "authorised"
        self.happen(row, "confirmed")
        self.saga(number, "done")
        for claim in self.truth.tables["reservation", "occupancy"]:
            if claim["ref"] == number:
                claim |= {"kind": "booking", "held_until": None}
        self.tell(row, "reservation_confirmed")
        self._act("pay", row, {"reservation": told(row)})
        return payment

    def cancel(self, row: Row, payment: Row) -> None:
        """In time: the promise is let go."""
        self._free(row)
        row |= {"state": "cancelled", "fee_amount": 0}
        self.happen(row, "cancelled")
        self.tell(row, "reservation_cancelled")
        self._act("cancel", row, {"reservation": told(row), "fee": {"amount": 0}})
        payment |= {"state": "voided", "version": payment["version"] + 1}
        self.provider(payment, "voided")
        self._payment_event(payment, "PaymentVoided")
        row["payment_state"] = "voided"
        self.happen(row, "settled")

    def use(self, row: Row, payment: Row) -> None:
        """Begun, paid, completed."""
        row["state"] = "active"
        self.happen(row, "started")
        self._act("check_in", row, told(row))
        self._take(row, payment)
        row["payment_state"] = "captured"
        self.happen(row, "settled")
        self._free(row)
        row["state"] = "completed"
        self.happen(row, "completed")
        self._act("complete", row, told(row))

    def expire(self, row: Row, late: float = 0.5) -> None:
        """Nobody pays; it is swept so many seconds after its end."""
        self.now = datetime.fromisoformat(row["held_until"]) + timedelta(seconds=late)
        self._free(row)
        row["state"] = "expired"
        self.happen(row, "expired")

    def get(self, row: Row) -> Op:
        args = {"reservation_id": row["reservation_id"]}
        return self.op("get", res={"reservation": told(row)}, status=200, args=args)

    def happen(self, row: Row, what: str, trace: str = "") -> None:
        """The next version of a booking with its story, its event, and the view of it."""
        row["version"] += 1
        row["changed_at"] = self.now.isoformat()
        number = row["reservation_id"]
        line = {"reservation_id": number, "version": row["version"]}
        line |= {"at": self.now.isoformat(), "what": what}
        self.truth.tables["reservation", "story"].append(line)
        body = {"reservation": told(row), "version": row["version"]}
        self.emit("reservation", EVENTS[what], body, "00aa", trace)
        busy = self.truth.tables["station", "busy"]
        busy[:] = [one for one in busy if one["ref"] != number]
        busy.append(
            {
                "ref": number,
                "kind": "reservation",
                "version": row["version"],
                "state": row["state"],
                "occupies": row["state"] in ("held", "confirmed", "active"),
                "held_until": row["held_until"] if row["state"] == "held" else None,
            }
        )

    def emit(self, part: str, name: str, body: Any, key: str, trace: str = "") -> Record:
        """An outbox row and its record."""
        outbox = self.truth.tables[part, "outbox"]
        topic = f"{part}-events"
        number = made_id(f"event {part} {len(outbox)}")
        envelope = {"id": number, "type": f"{part}.{name}", "traceparent": trace}
        outbox.append(
            {
                "id": len(outbox) + 1,
                "topic": topic,
                "key": key,
                "envelope": as_bytea(envelope),
                "body": as_bytea(body),
                "sent_at": self.now.isoformat(),
            }
        )
        return self.record(topic, f"{part}.{name}", number, body, key, part)

    def record(
        self,
        topic: str,
        name: str,
        number: str,
        body: Any,
        key: str | None,
        source: str,
        **more: str,
    ) -> Record:
        records = self.truth.records[topic]
        headers = {"ce_id": number, "ce_type": name, "ce_source": source, **more}
        record = Record(
            topic=topic,
            partition=0,
            offset=len(records),
            timestamp=int(self.now.timestamp() * 1000),
            key=key,
            headers=headers,
            value=json.dumps(body),
        )
        records.append(record)
        self.truth.groups[topic] = [
            {"topic": topic, "partition": 0, "committed": len(records), "low": 0}
            | {"high": len(records)}
        ]
        return record

    def answer(self, part: str, name: str, command: str, body: Any, **no: Any) -> None:
        """An inbox row with its stored answer."""
        self.truth.tables[part, "inbox"].append(
            {
                "command_id": command,
                "type": f"{part}.{name}",
                "state": "answered",
                "received_at": self.now.isoformat(),
                "answer": as_bytea({"status": 200, "body": body, **no}),
            }
        )

    def provider(self, payment: Row, kind: str) -> None:
        log = self.truth.tables["payment", "provider_log"]
        log.append(
            {
                "position": len(log) + 1,
                "kind": kind,
                "reference": f"auth_{payment['payment_id']}",
                "merchant_id": payment["payment_id"] if kind == "authorised" else None,
                "amount": payment["amount"],
                "valid_until": (NOON + timedelta(days=7)).isoformat(),
            }
        )

    def saga(self, subject: str, state: str) -> None:
        row = {"id": made_id(f"saga {subject}"), "subject": subject, "step": "", "state": state}
        self.truth.tables["reservation", "saga"].append(row)

    def tell(self, row: Row, kind: str) -> None:
        """A notification, delivered, and the mail that was caught."""
        number = made_id(f"{kind} {row['reservation_id']}")
        about = {"notification_id": number, "kind": kind, "user_id": row["driver_id"]}
        about["subject_id"] = row["reservation_id"]
        self.truth.tables["notification", "notification"].append(about)
        sent = {"notification_id": number, "state": "delivered"}
        self.truth.tables["notification", "delivery"].append(sent)
        self.mail(number)

    def mail(self, notification_id: str) -> None:
        self.truth.mails.append(
            {
                "number": len(self.truth.mails) + 1,
                "message_id": f"<{notification_id}@evslot.localhost>",
                "received_at": self.now.isoformat(),
                "subject": "Booked",
                "recipients": ["driver-canary@people.example"],
            }
        )

    def _new_booking(self, name: str, charger: str, start: datetime, user: str) -> Row:
        ends = start + timedelta(hours=1)
        row = {
            "reservation_id": made_id(name),
            "version": 0,
            "state": "held",
            "charger_id": made_id(charger),
            "driver_id": made_id(user),
            "period": as_range(start, ends),
            "occupied": as_range(start, ends + timedelta(minutes=5)),
            "held_until": (self.now + HOLD).isoformat(),
            "created_at": self.now.isoformat(),
            "total_amount": PRICE,
            "fee_amount": None,
            "payment_id": None,
            "payment_state": None,
        }
        self.truth.tables["reservation", "reservation"].append(row)
        return row

    def _claim(self, row: Row, kind: str) -> None:
        claim = {"ref": row["reservation_id"], "charger_id": row["charger_id"], "kind": kind}
        claim |= {"during": row["occupied"], "held_until": row["held_until"]}
        self.truth.tables["reservation", "occupancy"].append(claim)

    def _free(self, row: Row) -> None:
        claims = self.truth.tables["reservation", "occupancy"]
        claims[:] = [claim for claim in claims if claim["ref"] != row["reservation_id"]]

    def _new_payment(self, row: Row) -> Row:
        payment = {
            "payment_id": made_id(f"payment {row['reservation_id']}"),
            "reservation_id": row["reservation_id"],
            "version": 2,
            "state": "authorised",
            "amount": PRICE,
            "captured": 0,
            "refunded": 0,
            "refunding": 0,
            "running": None,
            "changed_at": self.now.isoformat(),
        }
        self.truth.tables["payment", "payment"].append(payment)
        return payment

    def _payment_event(self, payment: Row, name: str) -> None:
        shown = {name: payment[name] for name in ("payment_id", "version", "state")}
        body = {"payment": shown, "version": payment["version"]}
        self.emit("payment", name, body, payment["payment_id"])

    def _take(self, row: Row, payment: Row) -> None:
        """The capture at the provider, in the ledger, with its receipt."""
        number = made_id(f"call {payment['payment_id']}")
        payer, organisation = UserId(UUID(row["driver_id"])), OrganisationId(UUID(int=7))
        posting = captured(
            PaymentId(UUID(payment["payment_id"])), UUID(number), payer, organisation, PRICE, "EUR"
        )
        transactions = self.truth.tables["payment", "ledger_transaction"]
        before = transactions[-1]["hash"] if transactions else None
        place = len(transactions) + 1
        digest = link(bytes.fromhex(before[2:]) if before else None, posting, self.now)
        transactions.append(
            {
                "transaction_id": place,
                "kind": "capture",
                "payment_id": payment["payment_id"],
                "call_id": number,
                "at": self.now.isoformat(),
                "legs": len(posting.legs),
                "previous_hash": before,
                "hash": "\\x" + digest.hex(),
            }
        )
        for line, leg in enumerate(posting.legs, 1):
            entry = msgspec.to_builtins(leg) | {"transaction_id": place, "line": line}
            self.truth.tables["payment", "ledger_entry"].append(entry)
        receipt = {"movement_id": number, "organisation_id": "o", "sequence": place}
        self.truth.tables["payment", "receipt"].append(receipt)
        payment |= {"state": "captured", "captured": PRICE, "version": payment["version"] + 1}
        self.provider(payment, "captured")
        self._payment_event(payment, "PaymentCaptured")

    def _act(self, f: str, row: Row, res: Any) -> None:
        number = row["reservation_id"]
        route = f"POST /v1/reservations/{number}/{f}"
        command = self._command(route, f"{f} {number}", "driver")
        self._sent("reservation", f.title(), command)
        self.answer("reservation", f.title(), command, res)
        args = {"reservation_id": number}
        self.op(f, res=res, key=f"{f} {number}", route=route, args=args)

    def _command(self, route: str, key: str, user: str) -> str:
        asked = Line(proc=0, type="invoke", f="", key=key, route=route, user=made_id(user))
        return str(Op(asked=asked, told=None).command_id)

    def _sent(self, part: str, name: str, command: str, trace: str = "") -> Record:
        more = {"begin_within": "30", "traceparent": trace}
        topic, kind = f"{part}-service", f"{part}.{name}"
        return self.record(topic, kind, command, {}, "00aa", "gateway", **more)
